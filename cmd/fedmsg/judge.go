package main

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// truster is what a judge asks whom it may trust; see package trust.
type truster interface {
	Verify(r *fedmsg.Record, e *wire.Envelope, at time.Time) error
	Receipt(d *wire.DSSE, at time.Time) (signer string, err error)
}

// judge verifies documents. It is safe for concurrent use.
type judge struct {
	store   truster
	decoder wire.Decoder
	now     time.Time
	asOfNow bool
}

// document judges whatever a document is.
func (j *judge) document(doc *document) verdict {
	v := verdict{place: doc.at, err: doc.err}
	if v.err != nil {
		return v
	}
	has := members(doc.text)
	switch {
	case has["payload"] && has["payloadType"] && !has["msg"] && !has["topic"]:
		j.dsse(&v, doc.text)
	case (has["envelope"] || has["envelope_base64"]) && !has["msg"]:
		j.entry(&v, doc.text)
	default:
		j.envelope(&v, doc.text, nil)
	}
	return v
}

// entry judges an entry of a node's log as of when the node received it.
func (j *judge) entry(v *verdict, text []byte) {
	e, err := wire.DecodeEntry(text)
	if err != nil {
		v.err = err
		return
	}
	if v.err = unambiguous(&e, text); v.err != nil {
		return
	}
	v.topic, v.id = e.Topic, e.ID
	if e.Envelope == nil {
		v.err = fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the entry has no envelope")
		return
	}
	env, err := j.decoder.Envelope(e.Envelope, wire.Old)
	switch {
	case err != nil:
		v.err = err
	case e.Signatures != nil && !bytes.Equal(env.Bytes, e.Envelope):
		v.err = errLaidOut()
	case env.ID != e.ID:
		v.err = fedmsg.Errorf(fedmsg.CodeBadID, "the entry has the id %q and its envelope %q", e.ID, env.ID)
	case e.Received.IsZero() && !j.asOfNow:
		v.err = fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the entry does not say when it was received; --now judges it by what holds now")
	default:
		v.at = e.Received
		j.verify(v, &env, e.Topic, e.Signatures)
	}
}

// dsse judges what was signed detached: an envelope, or a node's receipt.
func (j *judge) dsse(v *verdict, text []byte) {
	d, err := wire.DecodeDSSE(text, j.decoder.Limits.Envelope)
	switch {
	case err != nil:
		v.err = err
	case d.Type == wire.EnvelopeType:
		j.envelope(v, d.Payload, d.Signatures)
	case d.Type == wire.ReceiptType:
		j.receipt(v, &d)
	default:
		v.err = fedmsg.Errorf(fedmsg.CodeMalformedSignature, "payloadType is %.64q; those that are known are %s and %s", d.Type, wire.EnvelopeType, wire.ReceiptType)
	}
}

// receipt judges a receipt as of the time that it states.
func (j *judge) receipt(v *verdict, d *wire.DSSE) {
	var r wire.Receipt
	if err := json.Unmarshal(d.Payload, &r); err != nil {
		v.err = fedmsg.WrapError(fedmsg.CodeMalformedSignature, err, "what is signed as a receipt is none")
		return
	}
	at, err := time.Parse(time.RFC3339, r.Received)
	if err != nil {
		v.err = fedmsg.Errorf(fedmsg.CodeMalformedSignature, "the receipt does not say when the message was received")
		return
	}
	v.receipt = &r
	j.judgedAt(v, at)
	v.signer, v.err = j.store.Receipt(d, v.at)
	if v.err == nil {
		v.verdict = fedmsg.VerdictOK
	}
}

// envelope judges an envelope as of the time that it claims.
func (j *judge) envelope(v *verdict, text []byte, signatures json.RawMessage) {
	env, err := j.decoder.Envelope(text, wire.Old)
	if err != nil {
		v.err = err
		return
	}
	v.topic, v.id = env.Topic, env.ID
	if signatures != nil && !bytes.Equal(env.Bytes, text) { // mending changed what was signed
		v.err = errLaidOut()
		return
	}
	if at, ok := env.Time(); ok {
		j.judgedAt(v, at)
	} else {
		v.at, v.undated = j.now, !j.asOfNow
	}
	j.verify(v, &env, env.Topic, signatures)
}

// errLaidOut refuses a signed envelope that is no line.
func errLaidOut() error {
	return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the signed envelope has white space around it, or line breaks or tabs between its tokens; its bytes are not those of an envelope")
}

// judgedAt sets the time of judgement of what nobody but the document itself dates.
func (j *judge) judgedAt(v *verdict, at time.Time) {
	v.at, v.claimed = at.UTC(), !j.asOfNow
	if j.asOfNow {
		v.at = j.now
	}
}

// verify asks who signed an envelope that came under a topic.
func (j *judge) verify(v *verdict, env *wire.Envelope, topic string, signatures json.RawMessage) {
	if j.asOfNow {
		v.at = j.now
	}
	r := fedmsg.Record{ID: env.ID, Topic: topic, Envelope: env.Bytes, Signatures: signatures}
	v.err = j.store.Verify(&r, env, v.at)
	v.signer, v.verdict = r.Signer, r.Verdict
	if v.err == nil && v.verdict == fedmsg.VerdictUnsigned {
		v.err = fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the message on %s", env.Topic)
	}
}
