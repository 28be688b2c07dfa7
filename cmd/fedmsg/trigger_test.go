package main

import (
	"context"
	"errors"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// failing fails each attempt with the same error.
type failing struct{ err error }

func (f failing) Deliver(context.Context, *fedmsg.Entry) error { return f.err }

// TestTriggerLimit holds that a message that is given up counts for the limit of a trigger like one that is done, by its last attempt or
// by its end, and that an attempt that was broken off does not.
func TestTriggerLimit(t *testing.T) {
	t.Parallel()
	const attempts = 3
	broken, brk := context.WithCancel(t.Context())
	brk()
	for name, c := range map[string]struct {
		err   error
		ctx   context.Context
		tries int // until it counts; 0 is never
	}{
		"done":        {nil, t.Context(), 1},
		"permanent":   {deliver.Permanent(errors.New("no")), t.Context(), 1},
		"tried again": {errors.New("not now"), t.Context(), attempts},
		"broken off":  {errors.New("not now"), broken, 0},
	} {
		ended := 0
		l := newLimited(failing{c.err}, 1, attempts, func() { ended++ })
		e := &fedmsg.Entry{Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1}}
		for n := 1; n <= attempts && ended == 0; n++ {
			if err := l.Deliver(c.ctx, e); c.ctx.Err() == nil && !errors.Is(err, c.err) {
				t.Fatalf("%s: %v", name, err)
			}
			if ended > 0 && n != c.tries {
				t.Errorf("%s: ended by attempt %d, want %d", name, n, c.tries)
			}
		}
		if want := min(c.tries, 1); ended != want {
			t.Errorf("%s: ended %d times, want %d", name, ended, want)
		}
	}
}
