package deliver

import (
	"context"

	"github.com/federated-messaging/fedmsg"
)

// Deliveries tells how far each sink is with an entry.
func (s *Set) Deliveries(e *fedmsg.Entry) []fedmsg.Delivery {
	list := make([]fedmsg.Delivery, len(s.runners))
	for i, r := range s.runners {
		list[i] = r.delivery(e)
	}
	return list
}

// waiter waits for what becomes of one entry.
type waiter struct {
	seq  uint64
	tell chan struct{} // capacity 1
}

// Wait waits until each of the sinks named is done with the entry, in whatever way, or ctx ends; either way it gives how far they are.
func (s *Set) Wait(ctx context.Context, e *fedmsg.Entry, names ...string) []fedmsg.Delivery {
	var list []fedmsg.Delivery
	for _, name := range names {
		if r, err := s.find(name); err == nil {
			list = append(list, r.await(ctx, e))
		}
	}
	return list
}

func (r *runner) await(ctx context.Context, e *fedmsg.Entry) fedmsg.Delivery {
	w := &waiter{e.Position.Seq, make(chan struct{}, 1)}
	r.mu.Lock()
	r.waiters = append(r.waiters, w)
	r.mu.Unlock()
	defer r.forget(w)
	for {
		d := r.delivery(e)
		if d.State != fedmsg.DeliveryPending {
			return d
		}
		select {
		case <-w.tell:
		case <-ctx.Done():
			return r.delivery(e)
		}
	}
}

func (r *runner) forget(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, x := range r.waiters {
		if x == w {
			last := len(r.waiters) - 1
			r.waiters[i] = r.waiters[last]
			r.waiters[last] = nil
			r.waiters = r.waiters[:last]
			return
		}
	}
}

// tellWaiters tells those who wait for the entry with this number, or for one up to the place. The caller holds mu.
func (r *runner) tellWaiters(seq uint64) {
	for _, w := range r.waiters {
		if w.seq == seq || w.seq <= r.through.Seq {
			select {
			case w.tell <- struct{}{}:
			default: // it knows
			}
		}
	}
}

// delivery tells how far the sink is with the entry.
func (r *runner) delivery(e *fedmsg.Entry) fedmsg.Delivery {
	d := fedmsg.Delivery{Sink: r.cfg.Name}
	if !r.filter.MatchEntry(e) {
		d.State = fedmsg.DeliveryNotWanted
		return d
	}
	seq := e.Position.Seq
	r.mu.Lock()
	over, redeemed := r.isSettled(seq), r.redeemed[seq] != 0
	r.mu.Unlock()
	if over && !redeemed { // else it is sent again since there is a letter, and may be delivered
		if l, ok := r.dead.Of(e.Position); ok {
			d.State, d.Time, d.Reason = fedmsg.DeliveryDead, l.Time, l.Reason
			return d
		}
	}
	if over {
		return r.settledDelivery(d, e.Position)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d.State = fedmsg.DeliveryPending
	switch r.state {
	case StatePaused:
		d.Reason = "the sink is paused"
	case StateWaiting, StateStopped:
		d.Reason = r.lastErr
	}
	return d
}

// isSettled reports whether the sink is done with the entry. The caller holds mu.
func (r *runner) isSettled(seq uint64) bool {
	if seq <= r.through.Seq || r.marks[seq].settled {
		return true
	}
	it := r.window.find(seq)
	return it != nil && it.fate == settled
}

// settledDelivery completes what is told of an entry that the sink is done with.
func (r *runner) settledDelivery(d fedmsg.Delivery, p fedmsg.Position) fedmsg.Delivery {
	a := r.told(p)
	taken := a.remark.Kind == lineRemark // else the other side would have had nothing to remark upon
	r.mu.Lock()
	other := p.Seq <= r.change.UpTo
	r.mu.Unlock()
	switch {
	case a.skip.Kind != "":
		d.State, d.Time, d.Reason = fedmsg.DeliverySkipped, a.skip.Time, a.skip.Reason
	case a.done.Kind != "":
		d.State, d.Time, d.Reason = fedmsg.DeliveryDelivered, a.done.Time, a.remark.Reason
	case other && !taken:
		d.State, d.Reason = fedmsg.DeliveryUnknown, reasonChanged
	case a.forgotten.Kind != "" && !taken:
		d.State, d.Reason = fedmsg.DeliveryUnknown, a.forgotten.Reason
	default:
		d.State, d.Time, d.Reason = fedmsg.DeliveryDelivered, r.deliveredBy(p), a.remark.Reason
	}
	return d
}
