package ingest

import (
	"context"
	"hash/maphash"

	"github.com/federated-messaging/fedmsg"
)

// recentIDs is how many ids one generation of [recent] has: about as many messages of 1 KB as wait in the log's queue.
const recentIDs = 16 << 10

// recent remembers which ids were submitted to the log lately, for longer than it takes until [Log].Find sees them. It may
// take an id for another one (it has only hashes), and never forgets one that is not durable. It belongs to whoever has the
// door's turn.
type recent struct {
	seed       maphash.Seed
	young, old map[uint64]*flight
	next       *flight       // of the ids that are about to be submitted
	oldLast    fedmsg.Ticket // of the newest submission of the generation old
}

// flight is one submission to the log. Its ticket is set when the log has it.
type flight struct{ ticket fedmsg.Ticket }

func newRecent() recent {
	return recent{seed: maphash.MakeSeed(), young: map[uint64]*flight{}, old: map[uint64]*flight{}, next: &flight{}}
}

// add remembers an id that is about to be submitted.
func (r *recent) add(id string) { r.young[maphash.String(r.seed, id)] = r.next }

// find gives the submission that may have brought the id and not be durable yet, or nil. Before submitted is called, that of
// the ids just added has no ticket.
func (r *recent) find(id string) *flight {
	h := maphash.String(r.seed, id)
	if f := r.young[h]; f != nil {
		return f
	}
	return r.old[h]
}

// submitted gives the ids just added their ticket, and forgets the old generation when the young one is full.
func (r *recent) submitted(ctx context.Context, t fedmsg.Ticket) {
	r.next.ticket = t
	r.next = &flight{}
	if len(r.young) < recentIDs {
		return
	}
	if r.oldLast != nil {
		// 16,000 messages later this is answered already, or the log is stuck and the wait ends with the caller's context:
		// then the young generation grows, within what the log lets be in flight.
		if _, err := r.oldLast.Wait(ctx); err != nil {
			return
		}
	}
	clear(r.old)
	r.young, r.old, r.oldLast = r.old, r.young, t
}
