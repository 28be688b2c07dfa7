package ingest

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Door is the way into the log. It is safe for concurrent use and has nothing to close.
type Door struct {
	*hall
	passage Passage
	trace   tracecontext.Context // of the request that the lines came with
}

// hall is what all entrances of a door share.
type hall struct {
	c        Config
	decoder  wire.Decoder
	rights   *rightsBook
	refusals *refusals

	// turn is held by whoever orders messages: one token, so that waiting for it can end with a context.
	turn    chan struct{}
	counter counters
	recent  recent  // belongs to the holder of turn
	last    *flight // the newest that did not land in its turn; belongs to the holder of turn

	newest fedmsg.Ticket // the newest that the log gave out; belongs to whoever lands, see flight
}

// New makes a Door. The configuration must be valid.
func New(c Config) *Door {
	c = c.withDefaults()
	h := &hall{
		c:        c,
		decoder:  wire.Decoder{Limits: c.Limits},
		refusals: &refusals{log: c.Logger, metrics: c.Metrics, repeats: ops.NewRepeats[refusalKind](refusalEvery, maxRefusals, c.Now)},
		turn:     make(chan struct{}, 1),
		counter:  counters{stream: newStream()},
		recent:   newRecent(),
	}
	h.rights = newRightsBook(&h.c)
	return (&Door{hall: h}).With(Passage{Sign: true})
}

// Submit decodes the lines, each a submission or a whole envelope, refuses what must be refused, and fixes the order of the
// rest in the log. The ticket gives an outcome for each line, in their order; refusals are outcomes. The lines belong to the
// caller again when Submit returns. It blocks while the log's queue is full, no longer than ctx.
func (d *Door) Submit(ctx context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	return d.submit(ctx, decode(d, from, lines, func(l []byte) int { return len(l) }, (*wire.Decoder).Submitted))
}

// SubmitTraced is Submit for lines that came with a trace: it becomes that of each submission that has none in its own headers.
// A whole envelope stays as it is.
func (d *Door) SubmitTraced(ctx context.Context, from fedmsg.Sender, trace tracecontext.Context, lines ...[]byte) fedmsg.Ticket {
	return (&Door{d.hall, d.passage, trace}).Submit(ctx, from, lines...)
}

// SubmitPublished is Submit for messages as they are published over ZeroMQ, in frames: see wire.Decoder.Published.
func (d *Door) SubmitPublished(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	return d.submit(ctx, decode(d, from, messages, framesSize, (*wire.Decoder).Published))
}

// SubmitParts is Submit for submissions whose topic, headers and body are a frame each: see wire.Decoder.Parts.
func (d *Door) SubmitParts(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	return d.submit(ctx, decode(d, from, messages, framesSize, (*wire.Decoder).Parts))
}

// SubmitCarried is Submit for messages as another bus or node brought them: see wire.Decoder.Carried.
func (d *Door) SubmitCarried(ctx context.Context, from fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	size := func(c wire.Carried) int { return c.Size() }
	read := func(decoder *wire.Decoder, c wire.Carried) (wire.Submitted, error) { return decoder.Carried(&c) }
	return d.submit(ctx, decode(d, from, messages, size, read))
}

func framesSize(frames [][]byte) (n int) {
	for _, f := range frames {
		n += len(f)
	}
	return n
}

// submit orders what was not refused.
func (d *Door) submit(ctx context.Context, b *batch) fedmsg.Ticket {
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
// answers a repetition: see commitlog.Options.Same. Of a mail, whose id is made of its content, each node that takes it makes an envelope:
// they are one message, whoever made and signed it.
func Same(stored *fedmsg.Entry, submitted *fedmsg.Record) bool {
	made := submitted.Made || strings.HasPrefix(submitted.ID, wire.MailID)
	return wire.SameContent(stored.Envelope, submitted.Envelope, made)
}

// batch is the lines of one call to Submit on their way.
type batch struct {
	ticket
	now     time.Time // when they came
	rights  *rights
	records []fedmsg.Record // what was not refused, in order; those of drafts have no envelope yet
	drafts  []draft         // in order
	checks  []check         // what is still to be judged
	arena   []byte          // what the envelopes share; the part in use is never changed again
	size    int             // bytes of the lines
	lint    bool            // remarks on topics are wanted
	one     [1]fedmsg.Record
}

// draft is a submission whose envelope is still to be made.
type draft struct {
	record     int             // its place in batch.records
	line       int             // its place among the lines
	submission wire.Submission // shares the memory of the line
}

// decode reads the lines, or what else each message came as, and decides on all that does not depend on their order.
func decode[T any](d *Door, from fedmsg.Sender, lines []T, size func(T) int, read func(*wire.Decoder, T) (wire.Submitted, error)) *batch {
	b := &batch{now: d.c.Now()}
	b.door, b.from, b.lines = d, from, len(lines)
	b.rights = d.rights.of(from, b.now)
	b.lint = d.c.Logger.Enabled(context.Background(), slog.LevelDebug)
	b.records = b.one[:0]
	if len(lines) > 1 {
		b.records = make([]fedmsg.Record, 0, len(lines))
	}
	for _, line := range lines {
		b.size += size(line)
	}
	for i, line := range lines {
		s, err := read(&d.decoder, line)
		topic, signer := s.Submission.Topic, ""
		if s.Whole {
			topic = s.Envelope.Topic
		}
		if err == nil {
			signer, err = b.admit(i, topic, &s)
		}
		switch {
		case err == nil, b.known(i, s.Whole, &s.Envelope):
		case len(b.checks) > 0: // lines in front of it are not judged yet
			b.checks = append(b.checks, check{line: i, record: -1, topic: topic, err: err})
		default:
			b.refuse(i, topic, signer, err)
		}
	}
	b.judgeAll()
	return b
}

// admit adds a line to the records of the batch, or refuses it with the signer so far as known. What costs nothing decides
// first: signatures are not looked at where nobody who may have made them could publish on the topic.
func (b *batch) admit(line int, topic string, s *wire.Submitted) (signer string, err error) {
	d := b.door
	// verification: redactions-reserved
	if err := d.reserved(topic, s.Whole); err != nil {
		return "", err
	}
	allowed := d.passage.Redacts || b.rights.may(topic)
	// verification: rights-of-sender
	if !allowed && !(s.Whole && d.passage.looks() && d.rights.anySigner(topic)) {
		return "", b.rights.refusal(b.from, topic)
	}
	// verification: rights-of-source
	if !allowed && b.from.Kind == fedmsg.SenderSource { // what a signer may publish adds nothing to the topics of a source
		return "", b.rights.refusal(b.from, topic)
	}
	// verification: nothing-to-verify-with
	if d.c.Verifier == nil && d.passage.looks() {
		return "", fedmsg.Errorf(fedmsg.CodeUnavailable, "the message on %s cannot be taken: this node was given nothing to verify messages with", topic)
	}
	if b.lint {
		d.lint(b.from, topic)
	}
	n := len(b.records)
	b.records = append(b.records, fedmsg.Record{Topic: topic, Sender: b.rights.sender})
	r := &b.records[n]
	if s.Whole {
		err = b.admitEnvelope(line, r, s, allowed)
	} else {
		r.ID, r.Made = s.Submission.ID, true
		// verification: unsigned-submission
		err = d.unsigned(r, true)
		if err == nil {
			if b.drafts == nil {
				b.drafts = make([]draft, 0, b.lines-line)
			}
			s.Submission.Headers = d.trace.AppendTo(s.Submission.Headers, d.c.Limits.Headers)
			b.drafts = append(b.drafts, draft{record: n, line: line, submission: s.Submission})
		}
	}
	if err != nil {
		signer, b.records = r.Signer, b.records[:n]
	}
	return signer, err
}

// admitEnvelope fills in the record of a whole envelope, and judges it now or later.
func (b *batch) admitEnvelope(line int, r *fedmsg.Record, s *wire.Submitted, allowed bool) (err error) {
	r.ID, r.NotIJSON, r.Signatures, r.Origin = s.Envelope.ID, s.Envelope.NotIJSON, s.Signatures, s.Origin
	r.Envelope = s.Envelope.Bytes
	switch {
	case !b.door.passage.looks():
		r.Verdict = fedmsg.VerdictUnchecked
	case s.Signatures == nil && s.Envelope.Bare():
		r.Verdict = fedmsg.VerdictUnsigned
		err = b.unsigned(r, &s.Envelope, allowed)
	case b.lines > few:
		if b.checks == nil {
			b.checks = make([]check, 0, b.lines-line)
		}
		b.checks = append(b.checks, check{line: line, record: len(b.records) - 1, allowed: allowed, envelope: s.Envelope, topic: r.Topic})
	default:
		e := s.Envelope // its own memory, so that s need not be
		err = b.judge(r, &e, allowed)
	}
	if err == nil && !s.Copied {
		r.Envelope = b.keep(r.Envelope, b.size)
	}
	return err
}

// lint tells the operator what is unusual about a topic.
func (d *Door) lint(from fedmsg.Sender, topic string) {
	if hint := fedmsg.LintTopic(topic); hint != "" {
		d.c.Logger.Debug("unusual topic", "topic", topic, "sender", from.String(), "hint", hint)
	}
}
