package main

import (
	"context"
	"errors"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// failing fails each attempt with the same error, after it called meanwhile.
type failing struct {
	err       error
	meanwhile func()
}

func (f *failing) Deliver(context.Context, *fedmsg.Entry) error {
	f.meanwhile()
	return f.err
}

// TestTriggerLimit holds that a message that is given up counts for the limit of a trigger like one that is done, by its last attempt or
// by its end, and that an attempt that was broken off does not.
func TestTriggerLimit(t *testing.T) {
	t.Parallel()
	const attempts = 3
	for name, c := range map[string]struct {
		err    error
		broken bool
		tries  int // until it counts; 0 is never
	}{
		"done":        {nil, false, 1},
		"permanent":   {deliver.Permanent(errors.New("no")), false, 1},
		"tried again": {errors.New("not now"), false, attempts},
		"broken off":  {errors.New("not now"), true, 0},
	} {
		var ended, by int
		f := &failing{err: c.err}
		l := newLimited(f, 1, attempts, func() { ended++ })
		e := &fedmsg.Entry{Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1}}
		for n := 1; n <= attempts && ended == 0; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			f.meanwhile = func() {
				if c.broken {
					cancel()
				}
			}
			err := l.Deliver(ctx, e)
			cancel()
			if !errors.Is(err, c.err) {
				t.Fatalf("%s: %v", name, err)
			}
			by = n
		}
		if c.tries == 0 && ended != 0 || c.tries != 0 && (ended != 1 || by != c.tries) {
			t.Errorf("%s: ended %d times by attempt %d, want attempt %d", name, ended, by, c.tries)
		}
	}
}
