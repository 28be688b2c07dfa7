package ingest

import (
	"context"

	"github.com/federated-messaging/fedmsg"
)

// send hands a run to the log, and gives the door's turn back: at once where something is to be signed, or where others that
// had their turn before have not landed yet.
func (d *Door) send(ctx context.Context, n *run) {
	records, last := n.batch.records[n.start:n.end], d.counter.mark()
	if len(records) == 0 || d.clear() && !n.sign {
		if d.hand(ctx, n.batch, records) == 0 {
			d.counter.giveBack(n.first, last)
		}
		if d.recent.used {
			d.recent.leave(ctx).ticket = d.newest
		}
		<-d.turn
		return
	}
	f := d.recent.leave(ctx)
	f.takeOff(d.last)
	d.last = f
	<-d.turn
	d.fly(ctx, n, f, last)
}

// fly has a run signed and submits it when it may land. The run's numbers end at last.
func (d *Door) fly(ctx context.Context, n *run, f *flight, last mark) {
	defer f.end() // whatever happens: others are behind it
	if n.numbered {
		// Others have the numbers behind. Whoever follows them would miss one for ever because its publisher went away.
		ctx = context.WithoutCancel(ctx)
	}
	records := n.batch.records[n.start:n.end]
	var faults []error
	if n.sign {
		faults = d.sign(ctx, records)
	}
	taken, mayLand := 0, f.await(ctx)
	if mayLand && ctx.Err() == nil {
		taken = d.handSigned(ctx, n.batch, records, faults)
	} else {
		// Some may not have been signed for that, and a later message must not be stored where an earlier one is not.
		n.batch.wait(failed{len(records), stopped(ctx)}, records)
	}
	if mayLand {
		f.ticket = d.newest
	}
	if taken == 0 && d.counter.giveBack(n.first, last) || !n.numbered {
		return
	}
	for i := range records {
		if taken == 0 || faults != nil && faults[i] != nil {
			d.hole(&records[i])
		}
	}
}

// handSigned hands the records that could be signed to the log, and gives the others their errors. It reports how many the
// log took.
func (d *Door) handSigned(ctx context.Context, b *batch, records []fedmsg.Record, faults []error) (taken int) {
	start := 0
	for i, err := range faults {
		if err != nil {
			taken += d.hand(ctx, b, records[start:i])
			b.wait(failed{1, err}, records[i:i+1])
			start = i + 1
		}
	}
	return taken + d.hand(ctx, b, records[start:])
}

// clear reports whether everybody who had the turn before has landed. The caller has the turn.
func (d *Door) clear() bool {
	for d.last != nil {
		select {
		case <-d.last.landed:
			d.last = d.last.before
		default:
			return false
		}
	}
	return true
}

// hand gives records to the log and reports how many it took: all or none. The caller is the one who lands.
func (d *Door) hand(ctx context.Context, b *batch, records []fedmsg.Record) int {
	if len(records) == 0 {
		return 0
	}
	t, err := d.c.Log.Submit(ctx, records...)
	if err != nil {
		b.wait(failed{len(records), err}, records)
		return 0
	}
	d.newest = t
	b.wait(t, records)
	return len(records)
}

// sign has the node sign what waits for it, on all cores where it is much. It gives the errors by record.
func (d *Door) sign(ctx context.Context, records []fedmsg.Record) []error {
	faults := make([]error, len(records))
	onCores(len(records), func(i int) {
		if r := &records[i]; r.Verdict == toSign && ctx.Err() == nil {
			faults[i] = d.signOne(r)
		}
	})
	return faults
}

func (d *Door) signOne(r *fedmsg.Record) error {
	r.Verdict = fedmsg.VerdictNone
	err := d.c.Signer.Sign(r)
	switch {
	case err == nil:
		// verification: size-of-signed
		return d.checkSize(r, 0)
	case fedmsg.CodeOf(err) == fedmsg.CodeInternal:
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the message on %s was not stored: this node cannot sign it now; try again", r.Topic)
	}
	return err
}
