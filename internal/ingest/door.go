package ingest

import (
	"context"
	"log/slog"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Door is the way into the log. It is safe for concurrent use and has nothing to close.
type Door struct {
	*hall
	passage Passage
}

// Passage is one entrance to a door, for messages of one origin.
type Passage struct {
	Verify    fedmsg.VerifyMode // what it asks of signatures; empty: as Config.Verify
	Replaying bool              // messages come long after their publisher made them, so their age is not looked at
}

// With gives another entrance to the same door: rights, counters and order are one.
func (d *Door) With(p Passage) *Door {
	if p.Verify == "" {
		p.Verify = d.c.Verify
	}
	return &Door{d.hall, p}
}

// hall is what all entrances of a door share.
type hall struct {
	c        Config
	decoder  wire.Decoder
	rights   *rightsBook
	refusals *refusals

	// turn is held by whoever orders messages: one token, so that waiting for it can end with a context.
	turn    chan struct{}
	counter counter // belongs to the holder of turn
	recent  recent  // belongs to the holder of turn
}

// New makes a Door. The configuration must be valid.
func New(c Config) *Door {
	c = c.withDefaults()
	h := &hall{
		c:        c,
		decoder:  wire.Decoder{Limits: c.Limits},
		refusals: &refusals{log: c.Logger, metrics: c.Metrics, now: c.Now, seen: map[refusalKind]*refusalCount{}},
		turn:     make(chan struct{}, 1),
		counter:  newCounter(),
		recent:   newRecent(),
	}
	h.rights = newRightsBook(&h.c)
	return (&Door{hall: h}).With(Passage{})
}

// Submit decodes the lines, each a submission or a whole envelope, refuses what must be refused, and fixes the order of the
// rest in the log. The ticket gives an outcome for each line, in their order; refusals are outcomes. The lines belong to the
// caller again when Submit returns. It blocks while the log's queue is full, no longer than ctx.
func (d *Door) Submit(ctx context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	b := d.decode(from, lines)
	if len(b.records) > 0 {
		d.order(ctx, b)
	}
	return &b.ticket
}

// Accept is Submit and Wait.
func (d *Door) Accept(ctx context.Context, from fedmsg.Sender, lines ...[]byte) ([]fedmsg.Outcome, error) {
	return d.Submit(ctx, from, lines...).Wait(ctx)
}

// Same reports whether a submitted record is the same message as the stored entry of its id. The log asks it before it
// answers a repetition: see commitlog.Options.Same.
func Same(stored *fedmsg.Entry, submitted *fedmsg.Record) bool {
	return wire.SameContent(stored.Envelope, submitted.Envelope, submitted.Made)
}

// batch is the lines of one call to Submit on their way.
type batch struct {
	ticket
	rights  *rights
	records []fedmsg.Record // what was not refused, in order; those of drafts have no envelope yet
	drafts  []draft         // in order
	arena   []byte          // what the envelopes share; the part in use is never changed again
	one     [1]fedmsg.Record
}

// draft is a submission whose envelope is still to be made.
type draft struct {
	record     int             // its place in batch.records
	line       int             // its place among the lines
	submission wire.Submission // shares the memory of the line
}

// decode reads the lines and decides on all that does not depend on their order.
func (d *Door) decode(from fedmsg.Sender, lines [][]byte) *batch {
	b := &batch{}
	b.door, b.from, b.lines = d, from, len(lines)
	b.rights = d.rights.of(from, d.c.Now())
	b.records = b.one[:0]
	if len(lines) > 1 {
		b.records = make([]fedmsg.Record, 0, len(lines))
	}
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	lint := d.c.Logger.Enabled(context.Background(), slog.LevelDebug)
	for i, line := range lines {
		s, err := d.decoder.Submitted(line)
		topic := s.Submission.Topic
		if s.Whole {
			topic = s.Envelope.Topic
		}
		if err == nil {
			err = b.rights.check(from, topic)
		}
		if err != nil {
			b.refuse(i, topic, err)
			continue
		}
		if lint {
			d.lint(from, topic)
		}
		r := fedmsg.Record{Topic: topic, Sender: b.rights.sender}
		if s.Whole {
			r.ID, r.NotIJSON = s.Envelope.ID, s.Envelope.NotIJSON
			r.Envelope = b.keep(s.Envelope.Bytes, size)
		} else {
			r.ID, r.Made = s.Submission.ID, true
			b.drafts = append(b.drafts, draft{record: len(b.records), line: i, submission: s.Submission})
		}
		b.records = append(b.records, r)
	}
	return b
}

// lint tells the operator what is unusual about a topic.
func (d *Door) lint(from fedmsg.Sender, topic string) {
	if hint := fedmsg.LintTopic(topic); hint != "" {
		d.c.Logger.Debug("unusual topic", "topic", topic, "sender", from.String(), "hint", hint)
	}
}
