package ingest

import (
	"crypto/rand"
	"strings"
	"sync/atomic"
)

// counter numbers the envelopes that a door makes, both i and n.
type counter struct {
	stream string        // random per run of the node
	next   atomic.Uint64 // from 1; grows in the door's turn only, and goes back at any time
}

func newCounter() *counter {
	c := &counter{stream: strings.ToLower(rand.Text())}
	c.next.Store(1)
	return c
}

// take gives the next number. The caller has the door's turn.
func (c *counter) take() uint64 { return c.next.Add(1) - 1 }

// giveBack makes the numbers from first to before next free again, unless later ones have been taken: then they are a hole.
func (c *counter) giveBack(first, next uint64) { c.next.CompareAndSwap(next, first) }
