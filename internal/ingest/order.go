package ingest

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// order makes what envelopes are still to be made and hands all records to the log, in its turn: counters, ids and the
// log's order agree because one caller at a time does both.
func (d *Door) order(ctx context.Context, b *batch) {
	defer func() { b.drafts = nil }() // they point into lines that belong to the caller again
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		b.wait(failed{len(b.records), stopped(ctx)}, b.records)
		return
	}
	defer func() { <-d.turn }()
	next := run{batch: b, mark: d.counter}
	drafts := b.drafts
	for i := range b.records {
		r := &b.records[i]
		if len(drafts) > 0 && drafts[0].record == i {
			done := d.make(ctx, &next, r, &drafts[0])
			drafts = drafts[1:]
			if done {
				d.send(ctx, &next, i)
				next.start = i + 1
				continue
			}
		}
		if !r.FreshID {
			d.recent.add(r.ID)
		}
	}
	d.send(ctx, &next, len(b.records))
}

// run is the records of a batch that are ready and not yet handed over: those from start on.
type run struct {
	batch *batch
	start int
	mark  counter // the door's counter when the run began
}

// send hands the records of the run up to end to the log and begins the next run there.
func (d *Door) send(ctx context.Context, n *run, end int) {
	if records := n.batch.records[n.start:end]; len(records) > 0 {
		t, err := d.c.Log.Submit(ctx, records...)
		if err != nil {
			d.counter = n.mark // none was taken, so their numbers are free
			t = failed{len(records), err}
		} else {
			d.recent.submitted(ctx, t)
		}
		n.batch.wait(t, records)
	}
	n.start, n.mark = end, d.counter
}

// make gives the record of a draft its id, numbers and envelope. It reports whether the outcome is known instead: the message
// is stored already, or refused. A number must not be spent on a repetition, so a submission that brings its own id is looked
// for first: among the durable entries, and where the id was seen just now, after what is in flight has become durable.
func (d *Door) make(ctx context.Context, n *run, r *fedmsg.Record, s *draft) (done bool) {
	now := d.c.Now()
	if r.ID == "" {
		r.ID, r.FreshID = wire.NewID(now), true
	} else if d.repeated(ctx, n, r, s) {
		return true
	}
	sub := &s.submission
	draft := wire.Draft{
		Topic: sub.Topic, ID: r.ID, Username: sub.Username, Time: now.Unix(),
		I: d.counter.next, N: d.counter.next, Stream: d.counter.stream, Headers: sub.Headers, Body: sub.Body,
	}
	if draft.Username == "" {
		draft.Username = n.batch.rights.username
	}
	r.Envelope = n.batch.encode(&draft)
	if size, limit := len(r.Envelope), d.c.Limits.Envelope; size > limit {
		n.batch.refuse(s.line, r.Topic, fedmsg.Errorf(fedmsg.CodeTooLarge,
			"the envelope of the message on %s would have %d bytes; limits.envelope is %d", r.Topic, size, limit))
		return true
	}
	d.counter.next++
	return false
}

// repeated looks for the id that a submission brought, and settles its outcome where it is taken.
func (d *Door) repeated(ctx context.Context, n *run, r *fedmsg.Record, s *draft) bool {
	e, found, err := d.c.Log.Find(r.ID)
	if err == nil && !found && d.recent.has(r.ID) {
		d.send(ctx, n, s.record) // the first one may be in this very batch
		if d.recent.settle(ctx) != nil {
			n.batch.refuse(s.line, r.Topic, stopped(ctx))
			return true
		}
		e, found, err = d.c.Log.Find(r.ID)
	}
	switch {
	case err != nil:
		n.batch.refuse(s.line, r.Topic, err)
	case !found:
		return false
	case d.same(&e, s):
		n.batch.decide(s.line, fedmsg.Outcome{Receipt: fedmsg.Receipt{
			ID: e.ID, Position: e.Position, Seq: e.Position.Seq, Received: e.Received, Duplicate: true}})
	default:
		err := fedmsg.Errorf(fedmsg.CodeIDConflict, "another message with id %s is stored already; give a new message a new id", r.ID)
		d.conflict(n.batch.from, r, e.Sender, err)
		n.batch.decide(s.line, fedmsg.Outcome{Err: err})
	}
	return true
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
