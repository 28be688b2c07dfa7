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
	young, old map[uint64]struct{}
	last       fedmsg.Ticket // of the newest submission: when it is answered, all earlier ones are
	oldLast    fedmsg.Ticket // what last was when old stopped being young
}

func newRecent() recent {
	return recent{seed: maphash.MakeSeed(), young: map[uint64]struct{}{}, old: map[uint64]struct{}{}}
}

// add remembers an id that is about to be submitted.
func (r *recent) add(id string) { r.young[maphash.String(r.seed, id)] = struct{}{} }

// has reports whether the id may have been submitted and not be durable yet.
func (r *recent) has(id string) bool {
	h := maphash.String(r.seed, id)
	if _, ok := r.young[h]; ok {
		return true
	}
	_, ok := r.old[h]
	return ok
}

// submitted tells of the ticket of the newest submission, and forgets the old generation when the young one is full.
func (r *recent) submitted(ctx context.Context, t fedmsg.Ticket) {
	r.last = t
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

// settle waits until everything submitted so far is durable or has failed.
func (r *recent) settle(ctx context.Context) error {
	if r.last == nil {
		return nil
	}
	_, err := r.last.Wait(ctx)
	return err
}
