package ingest

import (
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// Passage is one entrance to a door, for messages of one origin.
type Passage struct {
	Verify    fedmsg.VerifyMode // what it asks of signatures; empty: as Config.Verify
	Replaying bool              // messages come long after their publisher made them, so their age is not looked at
	Redacts   bool              // redactions pass, and nothing else: for what the node says itself, whoever asked for it
	Sign      bool              // the node signs what nobody signed, on topics that it signs: only for messages of its own publishers
}

// With gives another entrance to the same door: rights, counters and order are one.
func (d *Door) With(p Passage) *Door {
	if p.Verify == "" {
		p.Verify = d.c.Verify
	}
	return &Door{hall: d.hall, passage: p}
}

// looks reports whether signatures are looked at. Whatever is not known as switched off is on.
func (p *Passage) looks() bool { return p.Verify != fedmsg.VerifyInsecureOff }

// toSign stands as the verdict of a record that waits for the node's signature.
const toSign fedmsg.Verdict = "to sign"

// unsigned decides what becomes of a record that nobody signed and whose sender may publish on its topic: the node signs it where
// the passage says so, it passes as it is, or it is refused. Bare tells that a signature can be put into it, see wire.Envelope.
func (d *Door) unsigned(r *fedmsg.Record, bare bool) error {
	s := d.c.Signer
	// verification: signs-for-own
	if !d.passage.Sign {
		s = nil
	}
	switch {
	case s != nil && bare && covers(s.Topics(), r.Topic):
		r.Verdict = toSign
	case !d.passage.looks():
		r.Verdict = fedmsg.VerdictUnchecked
	case d.passage.Verify == fedmsg.VerifyIfSigned:
		r.Verdict = fedmsg.VerdictUnsigned
	case s != nil && bare:
		return fedmsg.Errorf(fedmsg.CodeWrongTopic, "nobody signed the message on %s, and this node signs only %s; publish it signed, or have the node sign it: set topic_prefix and environment, or signing.topics", r.Topic, listed(s.Topics()))
	case !bare:
		return fedmsg.Errorf(fedmsg.CodeUnsigned, "the message on %s has crypto or certificate and no signature; leave them out, or sign it", r.Topic)
	case !d.passage.Sign:
		return fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the message on %s, and this node signs nothing that comes this way; have it signed by its publisher, or in the [[source]] set verify = \"if-signed\" to take it unsigned, or sign = true to vouch for it", r.Topic)
	default:
		return fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the message on %s, and this node takes no other and signs nothing itself; publish it signed, or set sign", r.Topic)
	}
	return nil
}

// maxListed bounds the patterns that stand in one sentence.
const maxListed = 8

// listed names patterns in a sentence.
func listed(patterns []fedmsg.Pattern) string {
	var texts []string
	for _, p := range patterns[:min(len(patterns), maxListed)] {
		texts = append(texts, p.String())
	}
	if more := len(patterns) - len(texts); more > 0 {
		texts = append(texts, strconv.Itoa(more)+" more")
	}
	return strings.Join(texts, ", ")
}
