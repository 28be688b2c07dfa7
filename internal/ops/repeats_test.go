package ops_test

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestRepeats holds that of each kind one line is written in a while, that what was held back is counted, and that neither many
// kinds nor a clock that was set back changes that.
func TestRepeats(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	r := ops.NewRepeats[string](10*time.Second, 2, func() time.Time { return now })
	for i, step := range []struct {
		after  time.Duration
		kind   string
		silent int
		write  bool
	}{
		{0, "a", 0, true}, {0, "a", 0, false}, {9 * time.Second, "a", 0, false}, {0, "b", 0, true},
		{0, "c", 0, false},              // there is no room for a third
		{time.Second, "a", 2 + 1, true}, // two of its own, and that one
		{0, "a", 0, false}, {0, "c", 0, false},
		{9 * time.Second, "c", 1, true}, // b was forgotten for it
		{0, "b", 0, false}, {0, "c", 0, false},
		{time.Second, "b", 1 + 1, true}, // a was forgotten for it, with what it had held back
		{-time.Hour, "b", 0, true},
	} {
		now = now.Add(step.after)
		if silent, write := r.Turn(step.kind); silent != step.silent || write != step.write {
			t.Errorf("step %d, %s: %d, %v; want %d, %v", i, step.kind, silent, write, step.silent, step.write)
		}
	}
}
