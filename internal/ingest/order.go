package ingest

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// order makes what envelopes are still to be made and hands all records to the log, in its turn: counters, ids and the
// log's order agree because one caller at a time does both.
func (d *Door) order(ctx context.Context, b *batch) {
	defer func() { b.drafts = nil }() // they point into lines that belong to the caller again
	if err := d.takeTurn(ctx); err != nil {
		b.wait(failed{len(b.records), err}, b.records)
		return
	}
	next := run{batch: b, mark: d.counter}
	drafts := b.drafts
	for i := range b.records {
		r := &b.records[i]
		if len(drafts) > 0 && drafts[0].record == i {
			done, err := d.make(ctx, &next, r, &drafts[0])
			if err != nil { // the turn is lost
				b.wait(failed{len(b.records) - i, err}, b.records[i:])
				return
			}
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
	<-d.turn
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
		}
		d.recent.submitted(ctx, t)
		n.batch.wait(t, records)
	}
	n.start, n.mark = end, d.counter
}

// make gives the record of a draft its id, numbers and envelope. It reports whether the outcome is known instead: the message
// is stored already, or refused. A number must not be spent on a repetition, so a submission that brings its own id is looked
// for first. An error says that the door's turn is lost.
func (d *Door) make(ctx context.Context, n *run, r *fedmsg.Record, s *draft) (done bool, err error) {
	now := d.c.Now()
	if r.ID == "" {
		r.ID, r.FreshID = wire.NewID(now), true
	} else if done, err = d.repeated(ctx, n, r, s); done || err != nil {
		return done, err
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
		return true, nil
	}
	d.counter.next++
	return false, nil
}

// repeated looks for the id that a submission brought, and settles its outcome where it is taken. An error says that the
// door's turn is lost.
func (d *Door) repeated(ctx context.Context, n *run, r *fedmsg.Record, s *draft) (bool, error) {
	e, found, err := d.lookFor(ctx, n, r.ID, s.record)
	switch {
	case errors.Is(err, errTurnLost):
		return false, stopped(ctx)
	case err != nil:
		n.batch.refuse(s.line, r.Topic, err)
	case !found:
		return false, nil
	case d.same(&e, s):
		n.batch.decide(s.line, fedmsg.Outcome{Receipt: fedmsg.Receipt{
			ID: e.ID, Position: e.Position, Seq: e.Position.Seq, Received: e.Received, Duplicate: true}})
	default:
		err := fedmsg.Errorf(fedmsg.CodeIDConflict, "another message with id %s is stored already; give a new message a new id", r.ID)
		d.conflict(n.batch.from, r, e.Sender, err)
		n.batch.decide(s.line, fedmsg.Outcome{Err: err})
	}
	return true, nil
}

// errTurnLost says that the context ended while the turn was with others.
var errTurnLost = errors.New("the door's turn is lost")

// lookFor finds the entry of an id that record at is about to bring: among the durable ones, and where the id was seen just
// now, after the message that brought it has become durable. Others have their turn meanwhile, so that a sender who repeats
// itself waits alone.
func (d *Door) lookFor(ctx context.Context, n *run, id string, at int) (fedmsg.Entry, bool, error) {
	var waited *flight
	for {
		e, found, err := d.c.Log.Find(id)
		if err != nil || found {
			return e, found, err
		}
		f := d.recent.find(id)
		if f == nil || f == waited {
			return fedmsg.Entry{}, false, nil // never seen, or it was not stored
		}
		d.send(ctx, n, at) // what has a number goes before the turn does; the first one may be in this very run
		<-d.turn
		_, err = f.ticket.Wait(ctx)
		if err == nil {
			err = d.takeTurn(ctx)
		}
		if err != nil {
			return fedmsg.Entry{}, false, errTurnLost
		}
		n.mark, waited = d.counter, f
	}
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
