package nats

import (
	"context"
	"errors"
	"sync"
)

// gate lets entries to a stream through one at a time until one was taken: a server that has just started answers the first of many
// that nobody takes them, and stores those behind.
type gate struct {
	open chan struct{} // closed when an entry was taken
	turn chan struct{} // has one element while an entry is under way and the gate is not open
	once sync.Once

	over  chan struct{} // closed when nothing is answered any more
	ended sync.Once
}

func newGate() *gate {
	return &gate{open: make(chan struct{}), turn: make(chan struct{}, 1), over: make(chan struct{})}
}

// errOver tells that the entry under way will have no answer.
var errOver = errors.New("the session is over")

// pass waits until an entry may be sent, or the session is over.
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
	case <-g.over:
		return errOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end lets nobody wait any more.
func (g *gate) end() { g.ended.Do(func() { close(g.over) }) }

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
