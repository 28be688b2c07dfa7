package trust

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Receipt judges a node's signed receipt as of a time, and gives the signer; with an error so far as known. A receipt names no
// topic, so it is not asked what the signer may speak for: that somebody says he has a message makes it nobody's. As with
// messages one good signature is enough.
func (s *Store) Receipt(d *wire.DSSE, at time.Time) (signer string, err error) {
	if d.Type != wire.ReceiptType {
		return "", fedmsg.Errorf(fedmsg.CodeMalformedSignature, "what is signed is of the type %q, not a receipt", clip(d.Type))
	}
	list, err := wire.DecodeSignatures(d.Signatures)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fedmsg.Errorf(fedmsg.CodeUnsigned, "nobody signed the receipt")
	}
	n := s.current()
	j := judgement{snapshot: n, holders: s.bareKeys(n), at: at}
	f := j.together(list, statement{
		signed: wire.AppendPAE(nil, wire.ReceiptType, d.Payload),
		bad: func(signer string) error {
			return fedmsg.Errorf(fedmsg.CodeBadSignature, "the signature of %q does not belong to the receipt", clip(signer))
		},
		allow: j.vouch,
	})
	return f.signer, f.err
}

// vouch decides between those who may have signed a receipt. Of the rules it asks those that come before the topic.
func (j *judgement) vouch(speakers []speaker) finding {
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
