package nats

import (
	"context"
	"sync"
)

// gate lets entries to a stream through one at a time until one was taken: a server that has just started answers the first of many
// that nobody takes them, and stores those behind.
type gate struct {
	open chan struct{} // closed when an entry was taken
	turn chan struct{} // has one element while an entry is under way and the gate is not open
	once sync.Once
}

func newGate() *gate { return &gate{open: make(chan struct{}), turn: make(chan struct{}, 1)} }

// pass waits until an entry may be sent.
func (g *gate) pass(ctx context.Context) error {
	select {
	case <-g.open:
		return nil
	default:
	}
	select {
	case <-g.open:
		return nil
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answered lets the next one through, or all of them.
func (g *gate) answered(taken bool) {
	if taken {
		g.once.Do(func() { close(g.open) })
	}
	select {
	case <-g.turn:
	default: // the gate was open
	}
}
