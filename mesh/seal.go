package mesh

import (
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// sealer makes of an envelope what is sent and what is answered, signed or not. It belongs to whoever holds the turn.
type sealer struct {
	format      Format
	embedder    *sign.Embedder // nil: does not embed
	key         *keys.Private  // nil: does not sign over the exact bytes
	certificate []byte         // of key; nil: none
}

// newSealer loads the key and certificate.
func newSealer(o *PublisherOptions) (*sealer, error) {
	s := &sealer{format: o.Format}
	if o.SigningKey == "" {
		return s, nil
	}
	var err error
	if o.Format == Fedmsg1 {
		if o.SigningCertificate == "" {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "the format fedmsg1 is signed with a key and its certificate, and there is no certificate of %s", o.SigningKey)
		}
		s.embedder, err = sign.OpenEmbedder(o.SigningKey, o.SigningCertificate)
		return s, err
	}
	if s.key, err = keys.ReadPrivate(o.SigningKey); err != nil || o.SigningCertificate == "" {
		return s, err
	}
	certificate, err := keys.ReadCertificate(o.SigningCertificate, s.key.Public())
	if err != nil {
		return nil, err
	}
	s.certificate = certificate.Raw
	return s, nil
}

// seal gives the frames to send and the frame to answer with, in memory of their own.
func (s *sealer) seal(topic string, envelope []byte) (frames zmtp.Message, answer []byte, err error) {
	if s.embedder != nil {
		if envelope, err = s.embedder.Embed(envelope); err != nil {
			return nil, nil, err
		}
	}
	if s.format == Fedmsg1 {
		return zmtp.Message{[]byte(topic), envelope}, envelope, nil
	}
	signatures := json.RawMessage("[]")
	if s.key == nil {
		return zmtp.Message{[]byte(topic), []byte(fedmsg2), envelope, signatures}, envelope, nil
	}
	if signatures, err = sign.Detached(envelope, s.key, s.certificate); err != nil {
		return nil, nil, err
	}
	answer = wire.AppendDSSE(nil, wire.EnvelopeType, envelope, signatures)
	return zmtp.Message{[]byte(topic), []byte(fedmsg2), envelope, signatures}, answer, nil
}
