package ops_test

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestRepeats holds that of each kind one line is written in a while, that what was held back is counted with its kind, that kinds
// beyond the room share a line, and that a clock which was set back silences none.
func TestRepeats(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	r := ops.NewRepeats[string](10*time.Second, 2, func() time.Time { return now })
	none, shared := ops.Held{}, func(n int) ops.Held { return ops.Held{Count: n, Shared: true} }
	for i, step := range []struct {
		after time.Duration
		kind  string
		held  ops.Held
		write bool
	}{
		{0, "a", none, true}, {0, "a", none, false}, {9 * time.Second, "a", none, false}, {0, "b", none, true},
		{0, "c", shared(0), true}, {0, "c", none, false}, {0, "d", none, false}, // there is no room for a third
		{time.Second, "a", ops.Held{Count: 2}, true}, // its own alone
		{0, "a", none, false}, {0, "c", none, false},
		{9 * time.Second, "c", none, true}, // b was forgotten for it
		{0, "b", shared(3), true}, {0, "c", none, false},
		{time.Second, "b", none, true}, // a was forgotten for it
		{0, "d", none, false}, {9 * time.Second, "e", none, true},
		{0, "d", shared(1 + 1 + 1), true}, // with what a and c had held back
		{-time.Hour, "b", none, true},
	} {
		now = now.Add(step.after)
		if held, write := r.Turn(step.kind); held != step.held || write != step.write {
			t.Errorf("step %d, %s: %+v, %v; want %+v, %v", i, step.kind, held, write, step.held, step.write)
		}
	}
}
