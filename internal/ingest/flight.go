package ingest

import (
	"context"

	"github.com/federated-messaging/fedmsg"
)

// flight is one submission to the log on its way from the door's turn, where its place in the order was fixed. It lands when
// the log has it, and not before the flights in front of it have landed. Most land while they have the turn.
type flight struct {
	landed chan struct{} // closed when it has landed; nil where it landed in its turn

	// Its owner's until it has landed, then nobody changes them.

	ticket fedmsg.Ticket // the newest that the log gave out so far: its own, unless the log refused. Nil where there is none
	before *flight       // the one in front of it; nil once nobody is
}

// takeOff gives the flight its place behind last, which may be nil.
func (f *flight) takeOff(last *flight) { f.landed, f.before = make(chan struct{}), last }

// await waits until nobody is in front of the flight any more, and reports whether that came before the end of ctx.
func (f *flight) await(ctx context.Context) bool {
	for f.before != nil {
		select {
		case <-f.before.landed:
			f.before = f.before.before
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// end lets the next flight land. One that gave up has those in front of it still before it: whoever is behind it waits for
// them in its place.
func (f *flight) end() { close(f.landed) }

// settled waits until it is known what became of the flight and of all in front of it.
func (f *flight) settled(ctx context.Context) error {
	for ; f != nil; f = f.before {
		if f.landed != nil {
			select {
			case <-f.landed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if f.ticket != nil {
			_, err := f.ticket.Wait(ctx)
			return err
		}
	}
	return nil
}
