package receive

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// settle waits for what becomes of each batch and settles its items, until the session ends.
func (in *Intake) settle() {
	for b := range in.flight {
		if !in.settleBatch(&b) {
			continue // and push ends
		}
		size := 0
		for i := range b.items {
			size += b.items[i].Message.Size()
		}
		in.mu.Lock()
		in.open -= len(b.items)
		in.bytes -= size
		in.settled += uint64(len(b.items))
		in.batches--
		goesOn := in.held && in.batches == 0
		if goesOn {
			in.held = false
		}
		in.changed.Broadcast()
		in.mu.Unlock()
		if goesOn {
			in.r.goesOn()
		}
	}
}

// settleBatch settles the items of a batch in order. It reports false when the session has ended before that.
func (in *Intake) settleBatch(b *batch) bool {
	fates := make([]error, len(b.items)) // nil is in the log
	if !in.ask(b.ticket, b.items, fates, func(int) bool { return true }) {
		return false
	}
	for i := range b.items {
		for again(fates[i]) && b.items[i].Bad == nil {
			if !in.hold(fates[i]) || !in.resubmit(b.items[i:], fates[i:]) {
				return false
			}
		}
		if !in.finish(&b.items[i], fates[i]) {
			return false
		}
	}
	return true
}

// again reports whether what was refused so may be taken later without anybody touching the message. A revocation list that is
// too old is of some signers only: the messages of others must not wait for it.
func again(err error) bool {
	code := fedmsg.CodeOf(err)
	return code.Retryable() && code != fedmsg.CodeStaleCRL
}

// ask waits for a ticket of those of the items that are chosen and not Bad, and enters their fates.
func (in *Intake) ask(t fedmsg.Ticket, items []Item, fates []error, chosen func(i int) bool) bool {
	outcomes, err := t.Wait(in.ctx)
	switch {
	case in.ctx.Err() != nil:
		return false
	case err != nil: // no door should; what became of them is not known
		outcomes = make([]fedmsg.Outcome, len(items))
		for i := range outcomes {
			outcomes[i].Err = fedmsg.WrapError(fedmsg.CodeTimeout, err, "what became of the message is not known")
		}
	}
	next, accepted, duplicates := 0, uint64(0), uint64(0)
	for i := range items {
		if items[i].Bad != nil {
			fates[i] = items[i].Bad
			continue
		}
		if !chosen(i) {
			continue
		}
		o := &outcomes[next]
		next++
		switch fates[i] = o.Err; {
		case o.Err == nil && o.Receipt.Duplicate:
			duplicates++
		case o.Err == nil:
			accepted++
		}
	}
	in.r.count(accepted, duplicates)
	return true
}

// resubmit tries those items again that may be taken now. Those between that were refused for good, or taken, stay so.
func (in *Intake) resubmit(items []Item, fates []error) bool {
	var messages []wire.Carried
	chosen := make([]bool, len(items))
	for i := range items {
		if chosen[i] = items[i].Bad == nil && again(fates[i]); chosen[i] {
			messages = append(messages, items[i].Message)
		}
	}
	t := in.r.submit(in.ctx, messages)
	if !in.ask(t, items, fates, func(i int) bool { return chosen[i] }) {
		return false
	}
	if !again(fates[0]) {
		in.again = true
		in.patient.Reset()
	}
	return true
}

// hold keeps back what comes from now on, and waits before the next attempt, unless the door has just begun to take again. It
// reports false when the session has ended.
func (in *Intake) hold(err error) bool {
	in.mu.Lock()
	in.held = true
	in.mu.Unlock()
	in.r.holds(err)
	if in.again {
		in.again = false
		return in.ctx.Err() == nil
	}
	return in.patient.Wait(in.ctx) == nil
}

// finish settles one item: it is in the log, goes to the dead letters now, was redacted here and is kept nowhere, or is older than what
// this node keeps. Of the last kind there may be as many as the other side has kept, and no attempt and no person can make them younger.
func (in *Intake) finish(item *Item, fate error) bool {
	if fedmsg.CodeOf(fate) == fedmsg.CodeStale {
		in.r.passOver(fate)
	} else if fedmsg.CodeOf(fate) == fedmsg.CodeRedacted {
		in.r.leaveOut()
	} else if fate != nil {
		l := in.r.letter(&item.Message, fate)
		for err := in.r.bury(l); err != nil; err = in.r.bury(l) {
			in.again = false
			if !in.hold(err) {
				return false
			}
		}
		in.patient.Reset()
	}
	if item.Settled != nil {
		item.Settled()
	}
	return true
}

// submit hands messages to the door. Without any the ticket has no outcomes.
func (r *runner) submit(ctx context.Context, messages []wire.Carried) fedmsg.Ticket {
	if len(messages) == 0 {
		return nothing{}
	}
	return r.door.SubmitCarried(ctx, r.c.Sender(), messages...)
}

// nothing is the ticket of no messages.
type nothing struct{}

func (nothing) Wait(context.Context) ([]fedmsg.Outcome, error) { return nil, nil }
