package feed

import (
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
)

// ring holds the newest entries, addressed by sequence number. One goroutine adds; any number read and replace, without a lock: a slot
// is one pointer, and whoever finds another number in it knows that the entry has left.
type ring struct {
	slots    []atomic.Pointer[shared] // a power of two of them
	maxBytes int

	first atomic.Uint64 // number of the oldest entry held; above the newest when the ring is empty

	// Owned by the goroutine that adds.
	next  uint64 // number behind the newest entry
	bytes int    // cost of all entries held
}

func newRing(entries, maxBytes int, last uint64) *ring {
	n := 1
	for n < entries {
		n *= 2
	}
	r := &ring{slots: make([]atomic.Pointer[shared], n), maxBytes: maxBytes, next: last + 1}
	r.first.Store(r.next)
	return r
}

// get gives the entry with this number, or nil when it is not held.
func (r *ring) get(seq uint64) *shared {
	s := r.slots[seq&uint64(len(r.slots)-1)].Load()
	if s == nil || s.entry.Position.Seq != seq {
		return nil
	}
	return s
}

// add takes in entries that follow one another; the oldest make room. The newest entry is always held.
func (r *ring) add(entries []fedmsg.Entry) {
	if entries[0].Position.Seq != r.next {
		r.restart(entries[0].Position.Seq)
	}
	items := make([]shared, len(entries))
	for i := range entries {
		s := &items[i]
		s.entry, s.cost = &entries[i], cost(&entries[i])
		r.bytes += s.cost
		for r.next > r.first.Load() && (r.bytes > r.maxBytes || r.next-r.first.Load() >= uint64(len(r.slots))) {
			r.dropOldest()
		}
		r.slots[r.next&uint64(len(r.slots)-1)].Store(s)
		r.next++
	}
}

func (r *ring) dropOldest() {
	first := r.first.Load()
	slot := &r.slots[first&uint64(len(r.slots)-1)]
	r.bytes -= slot.Load().cost
	r.first.Store(first + 1)
	slot.Store(nil)
}

// replace puts an entry in the place of the one with its number, if that is held. Any goroutine may call it. The entry counts as much
// as the other one did.
func (r *ring) replace(e *fedmsg.Entry) {
	slot := &r.slots[e.Position.Seq&uint64(len(r.slots)-1)]
	for s := r.get(e.Position.Seq); s != nil; s = r.get(e.Position.Seq) {
		if slot.CompareAndSwap(s, &shared{entry: e, cost: s.cost}) {
			return
		}
	}
}

// restart empties the ring because the next entry does not follow the newest one. Cursors find what is missing in the log.
func (r *ring) restart(next uint64) {
	for r.first.Load() < r.next {
		r.dropOldest()
	}
	r.next = next
	r.first.Store(next)
}

// cost is what an entry counts in the ring: its own bytes and those of its encoding.
func cost(e *fedmsg.Entry) int { return len(e.Envelope) + encodedSize(e) + 256 }
