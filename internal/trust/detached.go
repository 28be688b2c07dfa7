package trust

import (
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// scratch holds the bytes that signatures are made over, while they are looked at.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// detached judges detached signatures, of which there is at least one. One good signature by somebody who may say it is enough,
// whatever stands beside it: else anybody who hands a message on could spoil it for others by a signature more.
func (j *judgement) detached(list []wire.Signature) finding {
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	*buffer = wire.AppendPAE((*buffer)[:0], wire.EnvelopeType, j.e.Bytes)

	return j.together(list, statement{
		signed: *buffer,
		bad:    func(signer string) error { return badSignature(signer, j.e.Topic) },
		allow:  func(speakers []speaker) finding { return j.allow(speakers, fedmsg.VerdictOK) },
	})
}

// statement is what detached signatures are over: the bytes, the sentence to a bad one, and what decides between those who may
// have made a good one.
type statement struct {
	signed []byte
	bad    func(signer string) error
	allow  func(speakers []speaker) finding
}

// together judges signatures over the same. There is at least one.
func (j *judgement) together(list []wire.Signature, what statement) (best finding) {
	for i := range list {
		f := j.signature(&list[i], &what)
		if i == 0 || f.better(&best) {
			best = f
		}
	}
	return best
}

// better orders what several signatures came to: good, then bad by a key that is known, then known, then unknown for another
// reason than that no root knows the key. The first of equals stays.
func (f *finding) better(than *finding) bool { return f.rank() > than.rank() }

func (f *finding) rank() int {
	switch {
	case f.err == nil:
		return 4
	case fedmsg.CodeOf(f.err) == fedmsg.CodeBadSignature:
		return 3
	case !f.unknown:
		return 2
	case fedmsg.CodeOf(f.err) != fedmsg.CodeUnknownSigner:
		return 1
	}
	return 0
}

// signature judges one detached signature.
func (j *judgement) signature(s *wire.Signature, what *statement) finding {
	key, speakers, err := j.whose(s)
	if err != nil {
		// A certificate that is not even of a known form proves no more than one of a stranger.
		code := fedmsg.CodeOf(err)
		return finding{err: err, unknown: code == fedmsg.CodeUnknownSigner || code == fedmsg.CodeMalformedSignature}
	}
	// verification: detached-signature (TestDetachedCovers)
	if !key.Verify(what.signed, s.Sig) {
		return finding{signer: speakers[0].signer, err: what.bad(speakers[0].signer)}
	}
	return what.allow(speakers)
}

// whose gives the key that a signature says it was made with, where it is known, and for whom it stands. A certificate of an
// authority that is trusted stands before a bare key; the key's id is a hint that proves nothing.
func (j *judgement) whose(s *wire.Signature) (keys.Public, []speaker, error) {
	var fault error
	if s.Certificate != nil {
		c, err := j.byDER(s.Certificate)
		if err == nil {
			speakers := j.speakers(c)
			bare, ok := j.holders.byID[c.leaf.Key.ID()]
			if ok {
				speakers = append(speakers, bare.speakers...)
			}
			return c.leaf.Key, speakers, nil
		}
		fault = err
	}
	if h, ok := j.holders.byID[s.KeyID]; ok {
		return h.key, h.speakers, nil
	}
	if fault == nil {
		fault = unknownKey(s.KeyID)
	}
	return keys.Public{}, nil, fault
}

// byDER finds the certificate of a detached signature, whose key must be strong enough for one.
func (j *judgement) byDER(der []byte) (*certificate, error) {
	c := j.ders.get(der)
	if c == nil {
		var err error
		if c, err = j.issued(der); err != nil {
			return nil, err
		}
		j.ders.put(der, c)
	}
	// verification: detached-key-strength (TestDetachedWeakKey)
	if c.leaf.Key.Key() == nil {
		return nil, fedmsg.Errorf(fedmsg.CodeWeakSignature,
			"the certificate of %q has a key that only the old form takes; its holder needs one with a key of at least 2048 bits", clip(c.leaf.Name))
	}
	return c, nil
}
