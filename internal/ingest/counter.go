package ingest

import (
	"crypto/rand"
	"strings"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
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
func (c *counter) giveBack(first, next uint64) bool { return c.next.CompareAndSwap(next, first) }

// hole takes note of a message that was numbered and not stored, while later ones may be: whoever follows the numbers misses
// its number.
func (d *Door) hole(r *fedmsg.Record) {
	if d.c.SeqID != 0 && r.Made {
		d.c.Metrics.holes.Inc()
	}
}
