package ingest

import (
	"context"
	"hash/maphash"
)

// recentIDs is how many ids one generation of [recent] has: about as many messages of 1 KB as wait in the log's queue.
const recentIDs = 16 << 10

// recent remembers which ids were submitted to the log lately, for longer than it takes until [Log].Find sees them. It may
// take an id for another one (it has only hashes), and never forgets one that is not durable. It belongs to whoever has the
// door's turn.
type recent struct {
	seed       maphash.Seed
	young, old map[uint64]*flight
	next       *flight // of the ids that are about to be submitted
	used       bool    // there are such ids
	oldLast    *flight // the newest of the generation old
}

func newRecent() recent {
	return recent{seed: maphash.MakeSeed(), young: map[uint64]*flight{}, old: map[uint64]*flight{}, next: &flight{}}
}

// add remembers an id that is about to be submitted.
func (r *recent) add(id string) { r.young[maphash.String(r.seed, id)], r.used = r.next, true }

// find gives the flight that may have brought the id and not be durable yet, or nil. It may be the one that is about to leave.
func (r *recent) find(id string) *flight {
	h := maphash.String(r.seed, id)
	if f := r.young[h]; f != nil {
		return f
	}
	return r.old[h]
}

// leave gives the flight of the ids just added, and forgets the old generation when the young one is full.
func (r *recent) leave(ctx context.Context) *flight {
	f := r.next
	r.next, r.used = &flight{}, false
	if len(r.young) < recentIDs {
		return f
	}
	// 16,000 messages later this is answered already, or the log is stuck and the wait ends with the caller's context: then
	// the young generation grows, within what the log lets be in flight.
	if err := r.oldLast.settled(ctx); err != nil {
		return f
	}
	clear(r.old)
	r.young, r.old, r.oldLast = r.old, r.young, f
	return f
}
