package ingest

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// order makes what envelopes are still to be made, has signed what is to be signed, and hands all records to the log.
// Counters, ids and the log's order agree because one caller at a time fixes them, in its turn. Signing takes long, so it is
// done behind the turn, by several callers at once, and what was signed lands in the order of the turns.
//
// A repetition of what is still on its way gets its outcome only later. The turn goes to others meanwhile, so that a sender
// who repeats itself waits alone.
func (d *Door) order(ctx context.Context, b *batch) {
	defer func() { b.drafts = nil }() // they point into lines that belong to the caller again
	n := run{batch: b, drafts: b.drafts}
	for n.next < len(b.records) {
		err := n.stop.settled(ctx)
		if err == nil {
			err = d.takeTurn(ctx)
		}
		if err != nil {
			rest := b.records[n.next:]
			b.wait(failed{len(rest), stopped(ctx)}, rest)
			return
		}
		n.waited = n.stop
		d.number(&n)
		d.send(ctx, &n)
	}
}

// takeTurn waits until nobody else orders messages.
func (d *Door) takeTurn(ctx context.Context) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return stopped(ctx)
	}
}

// run is the records of a batch that go to the log together: those from start to before end. Between end and next is nothing.
type run struct {
	batch            *batch
	start, end, next int
	drafts           []draft // of the records from next on
	sign             bool    // some are to be signed
	numbered         bool    // some have a seq_id
	first            mark    // how far the counters were before it
	stop             *flight // it ends in front of a record whose id may be with this one; nil at the end of the batch
	waited           *flight // of this one it is known what became of it
}

// number makes the next run: it gives records their ids, numbers and envelopes for as long as it is known what becomes of
// them. The caller has the door's turn.
func (d *Door) number(n *run) {
	records := n.batch.records
	n.start, n.sign, n.numbered, n.first, n.stop = n.end, false, false, d.counter.mark(), nil
	for n.next < len(records) {
		r, done := &records[n.next], false
		if len(n.drafts) > 0 && n.drafts[0].record == n.next {
			if done, n.stop = d.make(n, r, &n.drafts[0]); n.stop != nil {
				return
			}
			n.drafts = n.drafts[1:]
		} else if d.c.SeqID != 0 && r.Verdict == toSign {
			if n.stop = d.numberWhole(n, r); n.stop != nil {
				return
			}
		}
		if !done {
			if !r.FreshID {
				d.recent.add(r.ID)
			}
			n.sign = n.sign || r.Verdict == toSign
			if n.end != n.next {
				records[n.end] = *r
			}
			n.end++
		}
		n.next++
	}
}

// make gives the record of a draft its id, numbers and envelope. It reports whether the outcome is known instead: the message
// is stored already, or refused. A number must not be spent on a repetition, so a submission that brings its own id is looked
// for first; where that must wait, make gives the flight to wait for.
func (d *Door) make(n *run, r *fedmsg.Record, s *draft) (done bool, stop *flight) {
	now := d.c.Now()
	if r.ID == "" {
		r.ID, r.FreshID = wire.NewID(now), true
	} else if done, stop = d.repeated(n, r, s); done || stop != nil {
		return done, stop
	}
	before := d.counter.mark()
	sub, number := &s.submission, d.counter.n.take()
	draft := wire.Draft{
		Topic: sub.Topic, ID: r.ID, Username: sub.Username, Time: now.Unix(),
		I: number, N: number, Stream: d.counter.stream, Headers: sub.Headers, Body: sub.Body,
	}
	if draft.Username == "" {
		draft.Username = n.batch.rights.username
	}
	grows := 0
	if d.c.SeqID != 0 {
		draft.SeqID = d.c.SeqID + d.counter.seq.take() - 1
		if r.Verdict == toSign {
			grows = d.c.Signer.Grows() // too large once it is signed, it would leave a hole
		}
	}
	r.Envelope = n.batch.encode(&draft)
	if err := d.checkSize(r, grows); err != nil {
		d.counter.giveBack(before, d.counter.mark())
		n.batch.refuse(s.line, r.Topic, "", err)
		return true, nil
	}
	n.numbered = n.numbered || draft.SeqID != 0
	return false, nil
}

// checkSize holds the limit of envelopes that the node makes or signs, for one that is still to grow by so many bytes.
func (d *Door) checkSize(r *fedmsg.Record, grows int) error {
	if size, limit := len(r.Envelope)+grows, d.c.Limits.Envelope; size > limit {
		return fedmsg.Errorf(fedmsg.CodeTooLarge,
			"the envelope of the message on %s would have %d bytes; limits.envelope is %d", r.Topic, size, limit)
	}
	return nil
}

// repeated looks for the id that a submission brought, and settles its outcome where it is taken: among the durable ones and,
// where the id was seen just now, after the message that brought it has become durable.
func (d *Door) repeated(n *run, r *fedmsg.Record, s *draft) (done bool, stop *flight) {
	e, found, err := d.c.Log.Find(r.ID)
	switch {
	case err != nil:
		n.batch.refuse(s.line, r.Topic, "", err)
	case !found:
		if stop = d.recent.find(r.ID); stop == n.waited {
			stop = nil // it was not stored, or is another id's
		}
		return false, stop
	case e.Redacted:
		n.batch.refuse(s.line, r.Topic, "", errRedacted(r.ID))
	case d.same(&e, s):
		n.batch.decide(s.line, duplicateOf(&e))
	default:
		err := fedmsg.Errorf(fedmsg.CodeIDConflict, "another message with id %s is stored already; give a new message a new id", r.ID)
		d.conflict(n.batch.from, r, e.Sender, err)
		n.batch.decide(s.line, fedmsg.Outcome{Err: err})
	}
	return true, nil
}

// same compares a submission with the stored entry of its id.
func (d *Door) same(e *fedmsg.Entry, s *draft) bool {
	sub := &s.submission
	draft := wire.Draft{Topic: sub.Topic, ID: sub.ID, Headers: sub.Headers, Body: sub.Body}
	return Same(e, &fedmsg.Record{Envelope: wire.AppendEnvelope(nil, &draft), Made: true})
}

// stopped says that the sender's time ended before its message was handed to the log.
func stopped(ctx context.Context) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, context.Cause(ctx), "the message was not stored: the time for it ended while the log was busy; try again")
}
