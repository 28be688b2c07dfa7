package trust

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Receipt judges a node's signed receipt as of a time, and gives the signer; with an error so far as known. A receipt names no
// topic, so it is not asked what the signer may speak for: that somebody says he has a message makes it nobody's. As with
// messages one good signature is enough, and a bad one by a key that is known is none.
func (s *Store) Receipt(d *wire.DSSE, at time.Time) (signer string, err error) {
	if d.Type != wire.ReceiptType {
		return "", fedmsg.Errorf(fedmsg.CodeMalformedSignature, "what is signed is of the type %q, not a receipt", clip(d.Type))
	}
	list, err := wire.DecodeSignatures(d.Signatures)
	if err != nil {
		return "", err
	}
	n := s.current()
	j := judgement{snapshot: n, holders: s.bareKeys(n), at: at}
	signed := wire.AppendPAE(nil, wire.ReceiptType, d.Payload)
	best := finding{err: fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the receipt")}
	for i := range list {
		f := j.receiptSignature(&list[i], signed)
		if fedmsg.CodeOf(f.err) == fedmsg.CodeBadSignature {
			return f.signer, f.err
		}
		if i == 0 || f.better(&best) {
			best = f
		}
	}
	return best.signer, best.err
}

// receiptSignature judges one signature over signed. Of the rules it asks those that come before the topic.
func (j *judgement) receiptSignature(s *wire.Signature, signed []byte) finding {
	key, speakers, err := j.whose(s)
	if err != nil {
		code := fedmsg.CodeOf(err)
		return finding{err: err, unknown: code == fedmsg.CodeUnknownSigner || code == fedmsg.CodeMalformedSignature}
	}
	if !key.Verify(signed, s.Sig) {
		return finding{signer: speakers[0].signer,
			err: fedmsg.Errorf(fedmsg.CodeBadSignature, "the signature of %q does not belong to the receipt", clip(speakers[0].signer))}
	}
	var first finding
	for i := range speakers {
		d := j.decide(&speakers[i], "", j.at)
		if d.rule >= rootTopics {
			return finding{signer: speakers[i].signer, verdict: fedmsg.VerdictOK}
		}
		if i == 0 {
			first = finding{signer: speakers[0].signer, err: j.refusal(&speakers[0], d, "", j.at)}
		}
	}
	return first
}
