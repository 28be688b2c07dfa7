package ingest

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// check is a line of a batch that is judged when all lines are decoded, or one that was refused behind such a line.
type check struct {
	line     int
	record   int // its place in batch.records; -1 where it was refused
	allowed  bool
	envelope wire.Envelope // shares the memory of the line
	topic    string
	err      error
}

// judge verifies who signed an envelope, and whether it may pass. Allowed tells that the sender may publish on the topic. It
// sets the record's signer and verdict; the signer also where it refuses, so far as known. Several may be at work at once.
func (b *batch) judge(r *fedmsg.Record, e *wire.Envelope, allowed bool) (err error) {
	d := b.door
	// verification: signatures-of-message
	err = d.c.Verifier.Verify(r, e, b.now)
	switch {
	case err != nil:
		return err
	case r.Verdict == fedmsg.VerdictUnsigned:
		return b.unsigned(r, e, allowed)
	case r.Verdict != fedmsg.VerdictOK && r.Verdict != fedmsg.VerdictTopicNotCovered: // never by one that keeps its promise
		return fedmsg.Errorf(fedmsg.CodeInternal, "the message on %s was not verified", r.Topic)
	}
	// verification: redactions-of-signer
	if d.c.Reserved(r.Topic) && (r.Verdict != fedmsg.VerdictOK || !d.c.Redactor(r.Signer)) {
		return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may not say what this node is to erase, as the message on %s does; its operator can allow it by redact_from", r.Signer, r.Topic)
	}
	if !allowed {
		// verification: rights-of-signer
		err = d.rights.checkSigner(b.rights, b.from, r)
		// Nobody signs the origin, and other nodes are not sent what is said to come from them.
		r.Origin = fedmsg.Position{}
	}
	if err == nil {
		// verification: freshness
		err = d.fresh(e, b.now)
	}
	return err
}

// unsigned is judge for an envelope that nobody signed.
func (b *batch) unsigned(r *fedmsg.Record, e *wire.Envelope, allowed bool) error {
	// verification: redactions-unsigned
	if b.door.c.Reserved(r.Topic) {
		return fedmsg.Errorf(fedmsg.CodeUnsigned, "the message on %s says what this node is to erase, and nobody signed it", r.Topic)
	}
	// verification: rights-without-signature
	if !allowed {
		return b.rights.refusal(b.from, r.Topic)
	}
	// verification: unsigned-envelope
	if err := b.door.unsigned(r, e.Bare()); err != nil || r.Verdict != toSign {
		return err
	}
	if _, there := wire.SeqID(e.Bytes); there && b.door.c.SeqID != 0 {
		// Whoever follows this node's numbers would take it for one of them, and then drop what comes with smaller ones.
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the message on %s has a seq_id, and this node signs no numbers but those that it gives itself; leave seq_id out, or publish the message signed", r.Topic)
	}
	// Signed now, it would pass as new at a time when its sender may have no rights any more.
	// verification: time-to-sign (TestNodeSignsNoTimeToCome)
	return b.door.ahead(e, b.now)
}

// judgeAll judges the lines that were left for it, on all cores, and then refuses in the order of the lines.
func (b *batch) judgeAll() {
	if len(b.checks) == 0 {
		return
	}
	onCores(len(b.checks), func(i int) {
		if c := &b.checks[i]; c.record >= 0 {
			c.err = b.judge(&b.records[c.record], &c.envelope, c.allowed)
		}
	})
	var refused []int
	for i := range b.checks {
		c := &b.checks[i]
		if c.err == nil {
			continue
		}
		signer := ""
		if c.record >= 0 {
			refused, signer = append(refused, c.record), b.records[c.record].Signer
			if b.known(c.line, true, &c.envelope) {
				continue
			}
		}
		b.refuse(c.line, c.topic, signer, c.err)
	}
	b.drop(refused)
	b.checks = nil // they point into lines that belong to the caller again
}

// drop takes records out of the batch, which are given by their places in order.
func (b *batch) drop(places []int) {
	if len(places) == 0 {
		return
	}
	kept, drafts := 0, b.drafts
	for i := range b.records {
		if len(places) > 0 && places[0] == i {
			places = places[1:]
			continue
		}
		if len(drafts) > 0 && drafts[0].record == i {
			drafts[0].record, drafts = kept, drafts[1:]
		}
		b.records[kept] = b.records[i]
		kept++
	}
	clear(b.records[kept:])
	b.records = b.records[:kept]
}
