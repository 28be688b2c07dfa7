package ingest

import (
	"crypto/rand"
	"strings"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
)

// counter gives the numbers from 1 on. It grows in the door's turn only, and goes back at any time.
type counter struct{ next atomic.Uint64 }

// take gives the next number. The caller has the door's turn.
func (c *counter) take() uint64 { return c.next.Add(1) }

// giveBack makes the numbers behind first up to last free again, unless later ones have been taken: then they are a hole.
func (c *counter) giveBack(first, last uint64) bool { return c.next.CompareAndSwap(last, first) }

// counters number what goes through a door.
type counters struct {
	stream string  // random per run of the node
	n      counter // of the envelopes that the door makes, both i and n
	seq    counter // of those that have a number for old replay clients
}

// newStream gives the name of a run.
func newStream() string { return strings.ToLower(rand.Text()) }

// mark is how far both counters are.
type mark struct{ n, seq uint64 }

func (c *counters) mark() mark { return mark{c.n.next.Load(), c.seq.next.Load()} }

// giveBack makes what was taken between two marks free again, and reports whether no number for old replay clients became a
// hole.
func (c *counters) giveBack(first, last mark) bool {
	c.n.giveBack(first.n, last.n)
	return c.seq.giveBack(first.seq, last.seq)
}

// hole takes note of a message that was numbered and not stored, while later ones may be: whoever follows the numbers misses
// its number.
func (d *Door) hole(r *fedmsg.Record) {
	if d.c.SeqID != 0 && r.Made {
		d.c.Metrics.holes.Inc()
	}
}
