package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// ticket stands for the lines of one call to Submit.
type ticket struct {
	door    *Door
	from    fedmsg.Sender
	lines   int
	decided []decision // outcomes that are known without the log
	parts   []part     // the rest, in order
	first   [1]part    // room for the usual single part
	once    sync.Once  // the outcomes are counted and logged once
}

// decision is the outcome of one line.
type decision struct {
	line    int
	outcome fedmsg.Outcome
}

// part is records that were handed to the log together.
type part struct {
	ticket  fedmsg.Ticket
	records []fedmsg.Record
}

var _ fedmsg.Ticket = (*ticket)(nil)

// wait adds records whose outcomes t will give.
func (t *ticket) wait(of fedmsg.Ticket, records []fedmsg.Record) {
	if t.parts == nil {
		t.parts = t.first[:0]
	}
	t.parts = append(t.parts, part{of, records})
}

// decide settles the outcome of a line.
func (t *ticket) decide(line int, o fedmsg.Outcome) {
	t.decided = append(t.decided, decision{line, o})
	if o.Err == nil {
		t.door.c.Metrics.receipts(0, 1)
	}
}

// refuse settles a line by an error, and takes note of that. The signer is empty where it is not known.
func (t *ticket) refuse(line int, topic, signer string, err error) {
	t.decide(line, fedmsg.Outcome{Err: err})
	t.door.refusals.note(t.from, err, func() []slog.Attr { return about(topic, signer) })
}

// about is the attributes that say what was refused.
func about(topic, signer string) []slog.Attr {
	attrs := []slog.Attr{slog.String("topic", topic)}
	if signer != "" {
		attrs = append(attrs, slog.String("signer", signer))
	}
	return attrs
}

// Wait gives the outcome of each line.
func (t *ticket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if len(t.parts) == 1 && len(t.decided) == 0 {
		out, err := t.parts[0].ticket.Wait(ctx)
		if err == nil {
			t.once.Do(func() { t.door.settle(t.from, &t.parts[0], out) })
		}
		return out, err
	}
	all := make([][]fedmsg.Outcome, len(t.parts))
	for i := range t.parts {
		out, err := t.parts[i].ticket.Wait(ctx)
		if err != nil {
			return nil, err
		}
		all[i] = out
	}
	t.once.Do(func() {
		slices.SortFunc(t.decided, func(a, b decision) int { return cmp.Compare(a.line, b.line) })
		for i := range t.parts {
			t.door.settle(t.from, &t.parts[i], all[i])
		}
	})
	return t.merge(all), nil
}

// merge puts the log's outcomes at the lines that are not decided without it.
func (t *ticket) merge(all [][]fedmsg.Outcome) []fedmsg.Outcome {
	merged, decided := make([]fedmsg.Outcome, 0, t.lines), t.decided
	for _, out := range append(all, nil) {
		for len(out) > 0 || len(decided) > 0 {
			if len(decided) > 0 && decided[0].line == len(merged) {
				merged, decided = append(merged, decided[0].outcome), decided[1:]
				continue
			}
			if len(out) == 0 {
				break
			}
			merged, out = append(merged, out[0]), out[1:]
		}
	}
	return merged
}

// settle counts and logs what the log answered.
func (d *Door) settle(from fedmsg.Sender, p *part, out []fedmsg.Outcome) {
	accepted, duplicate, records := 0, 0, p.records
	_, never := p.ticket.(failed) // the log was not given them
	for i := range out {
		switch err := out[i].Err; {
		case err == nil && out[i].Receipt.Duplicate:
			duplicate++
		case err == nil:
			accepted++
		case fedmsg.CodeOf(err) == fedmsg.CodeIDConflict:
			d.conflict(from, &records[i], "", err)
		default:
			d.refusals.note(from, err, func() []slog.Attr { return about(records[i].Topic, records[i].Signer) })
			if !never {
				d.hole(&records[i])
			}
		}
	}
	d.c.Metrics.receipts(accepted, duplicate)
}

// conflict takes note of an id that two messages have, with both senders. An empty first is looked up.
func (d *Door) conflict(from fedmsg.Sender, r *fedmsg.Record, first string, err error) {
	d.refusals.note(from, err, func() []slog.Attr {
		attrs := append(about(r.Topic, r.Signer), slog.String("id", r.ID))
		if first == "" {
			e, found, err := d.c.Log.Find(r.ID)
			if err != nil || !found {
				return attrs // removed by retention meanwhile
			}
			first = e.Sender
		}
		return append(attrs, slog.String("first_sender", first))
	})
}

// failed is the ticket of records that the log did not take.
type failed struct {
	n   int
	err error
}

// Wait gives the error for each record.
func (f failed) Wait(context.Context) ([]fedmsg.Outcome, error) {
	out := make([]fedmsg.Outcome, f.n)
	for i := range out {
		out[i].Err = f.err
	}
	return out, nil
}
