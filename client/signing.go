package client

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// signer signs what a client sends. A number is signed with its envelope, and numbers go out in their order: so messages are
// signed one after the other, in turns. Whoever holds the turn owns all but the key.
type signer struct {
	key         *keys.Private
	certificate []byte        // DER; nil: none
	turn        chan struct{} // one token

	n       uint64 // the number of the last envelope
	message []byte // memory that is used again, as are these
	list    []byte
	made    []byte
}

// newSigner loads the key and certificate of Options; without a key there is no signer.
func newSigner(key, certificate string) (*signer, error) {
	if key == "" {
		if certificate != "" {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "there is a certificate to sign with, %s, and no key", certificate)
		}
		return nil, nil
	}
	k, err := keys.ReadPrivate(key)
	if err != nil {
		return nil, err
	}
	s := &signer{key: k, turn: make(chan struct{}, 1)}
	if certificate != "" {
		c, err := keys.ReadCertificate(certificate, k.Public())
		if err != nil {
			return nil, err
		}
		s.certificate = c.Raw
	}
	return s, nil
}

// sealLocked makes of d the signed document that is sent, if this client signs and d is not signed yet. It is called with
// box.mu held and returns with it held; in between it is free, for the room of what becomes of d is kept. Where it reports
// true, the caller holds the turn, and calls leave once the message has its place.
func (c *Client) sealLocked(ctx context.Context, d *outgoing) (sealed bool, err error) {
	if c.signer == nil || d.signed {
		return false, nil
	}
	b := &c.box
	room := sealedSize(d)
	b.bytes += room
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.release(room)
		if err == nil && b.closed {
			err = errClosed()
		}
		if sealed && err != nil {
			c.signer.leave()
			sealed = false
		}
	}()
	select {
	case c.signer.turn <- struct{}{}:
	case <-c.ctx.Done():
		return false, errClosed()
	case <-ctx.Done():
		return false, fedmsg.WrapError(fedmsg.CodeUnavailable, ctx.Err(), "the message was not sent: others before it are still being signed")
	}
	return true, c.signer.seal(d)
}

// sealedSize is about how long the signed document of d will be.
func sealedSize(d *outgoing) int {
	return (len(d.whole)+len(d.Body)+len(d.Headers))*4/3 + 1<<10
}

// leave gives the turn to the next one.
func (s *signer) leave() { <-s.turn }

// seal makes the envelope of d, unless it is there, and signs it.
func (s *signer) seal(d *outgoing) error {
	envelope := d.whole
	if envelope == nil {
		if d.I = 1; d.Stream != "" {
			d.I, d.N = s.n+1, s.n+1
		}
		s.made = wire.AppendEnvelope(s.made[:0], &d.Draft)
		envelope = s.made
	}
	s.message = wire.AppendPAE(s.message[:0], wire.EnvelopeType, envelope)
	sig, err := s.key.Sign(s.message)
	if err != nil {
		return err
	}
	s.list = wire.AppendSignatures(s.list[:0], []wire.Signature{{KeyID: s.key.Public().ID(), Sig: sig, Certificate: s.certificate}})
	if d.whole == nil && d.Stream != "" {
		s.n++
	}
	d.whole, d.signed = wire.AppendDSSE(make([]byte, 0, sealedSize(d)), wire.EnvelopeType, envelope, s.list), true
	return nil
}

// wholeMessage reads an envelope that the caller has, or one that is signed: DSSE around it.
func (c *Client) wholeMessage(data []byte) (*outgoing, error) {
	dec := wire.Decoder{Limits: c.limits}
	s, err := dec.Submitted(data)
	if err == nil && !s.Whole { // an old envelope with little in it looks like a submission
		s.Envelope, err = dec.Envelope(data, wire.Strict)
	}
	if err != nil {
		return nil, err
	}
	o := &outgoing{Draft: wire.Draft{ID: s.Envelope.ID}, whole: s.Envelope.Bytes, signed: s.Envelope.Signed()}
	if s.Signatures != nil || !s.Origin.IsZero() {
		o.whole, o.signed = document(&s), true // what another node had is not signed here
	}
	return o, nil
}

// document is an envelope with its signatures, on one line, and as an entry where another node had it: it may have taken what no
// other form can bring.
func document(s *wire.Submitted) []byte {
	if !s.Origin.IsZero() {
		e := fedmsg.Entry{
			Position: s.Origin, ID: s.Envelope.ID, Topic: s.Envelope.Topic,
			Envelope: s.Envelope.Bytes, NotIJSON: s.Envelope.NotIJSON, Signatures: s.Signatures,
		}
		return e.AppendJSON(nil)
	}
	return wire.AppendDSSE(nil, wire.EnvelopeType, s.Envelope.Bytes, s.Signatures)
}
