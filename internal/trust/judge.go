package trust

import (
	"bytes"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// judgement is the work on one message. Everything that it is decided by stands here.
type judgement struct {
	*snapshot
	holders  *holders
	e        *wire.Envelope
	at       time.Time
	archived bool
}

// finding is what came out. Without an error somebody may say this, or nobody signed it.
type finding struct {
	signer  string // who it is, or claims to be; with an error so far as known
	verdict fedmsg.Verdict
	err     error
	unknown bool // no root knows who signed
}

// judge is the whole order of judgement: detached signatures first; where none of them is good, the embedded one, if there is
// one. What is told of a message of which no signature is good is told of the detached ones, unless all are of strangers.
func (j *judgement) judge(r *fedmsg.Record) finding {
	// verification: record-bytes (TestRecordMismatch)
	if !bytes.Equal(r.Envelope, j.e.Bytes) {
		return finding{err: fedmsg.Errorf(fedmsg.CodeInternal, "the envelope that was decoded is not the one to be verified")}
	}
	// verification: topic-outside (TestRecordMismatch)
	if r.Topic != j.e.Topic {
		return finding{err: fedmsg.Errorf(fedmsg.CodeWrongTopic,
			"the message came under the topic %q and has %q inside; the two must be equal", clip(r.Topic), clip(j.e.Topic))}
	}
	// verification: detached-form (TestDetachedForm)
	list, err := wire.DecodeSignatures(r.Signatures)
	if err != nil {
		return finding{err: err}
	}
	embedded := j.e.Signature != nil || j.e.Certificate != nil || j.e.Crypto != nil
	switch {
	case len(list) == 0 && !embedded:
		return finding{verdict: fedmsg.VerdictUnsigned}
	case len(list) == 0:
		return j.embedded()
	}
	f := j.detached(list)
	if f.err == nil || !embedded {
		return f
	}
	if g := j.embedded(); g.err == nil || f.unknown {
		return g
	}
	return f
}

// allow decides between those who may have signed, now that the signature is known to be theirs: one who may is enough.
func (j *judgement) allow(speakers []speaker, v fedmsg.Verdict) finding {
	i, d := j.choose(speakers, j.e.Topic, j.at)
	// verification: signer-may-speak (TestDetachedTogether)
	if d.rule != allowed {
		return finding{signer: speakers[i].signer, err: j.refusal(&speakers[i], d, j.e.Topic, j.at)}
	}
	return finding{signer: speakers[i].signer, verdict: v}
}

// rule is one that a decision can depend on, in the order in which they are looked at.
type rule int

const (
	rootDates        rule = iota // the root's validity
	certificateDates             // the certificate's
	freshList                    // the revocation list is not out of date
	notRevoked                   // and does not name the certificate
	rootTopics                   // what the root may speak for
	policyTopics                 // the routing policy
	allowed                      // none forbids it
)

// decision is which rule decided, and what package pki said to it.
type decision struct {
	rule   rule
	listed bool // the policy lists the topic
	err    error
}

// choose gives the first of the speakers who may speak for the topic, or the first of all where none may. There is at least one.
func (n *snapshot) choose(speakers []speaker, topic string, at time.Time) (int, decision) {
	var first decision
	for i := range speakers {
		d := n.decide(&speakers[i], topic, at)
		if d.rule == allowed {
			return i, d
		}
		if i == 0 {
			first = d
		}
	}
	return 0, first
}

// decide tells whether somebody may speak for a topic, as of a time, and what decides it. It is all of the judgement but the
// cryptography.
func (n *snapshot) decide(s *speaker, topic string, at time.Time) decision {
	r := s.root
	// verification: root-dates (TestRootDates)
	if !r.within(at) {
		return decision{rule: rootDates}
	}
	if s.leaf != nil {
		// verification: certificate-dates (TestDetachedCertificates)
		if err := s.leaf.CheckAt(at); err != nil {
			return decision{rule: certificateDates, err: err}
		}
	}
	if r.list != nil {
		// verification: stale-list (TestStaleList)
		if n.settings.OnStaleCRL != acceptStale && r.list.crl.Stale(at, n.settings.StaleCRLGrace) {
			return decision{rule: freshList}
		}
		if s.leaf != nil {
			// verification: revocation (TestRevokedAsOfThen)
			if err := r.list.crl.Revoked(s.leaf, at); err != nil {
				return decision{rule: notRevoked, err: err}
			}
		}
	}
	// verification: root-topics (TestDetachedTogether)
	if !r.covers(topic) {
		return decision{rule: rootTopics}
	}
	if !s.bound() {
		return decision{rule: allowed}
	}
	ok, listed := n.policy.allows(topic, s.name)
	// verification: routing-policy (TestPolicy)
	if !ok {
		return decision{rule: policyTopics, listed: listed}
	}
	return decision{rule: allowed, listed: listed}
}
