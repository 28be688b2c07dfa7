package sign

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// detacher makes detached signatures with one key. It is immutable.
type detacher struct {
	key        *keys.Private
	head, tail string // what stands around the signature in the array
}

// newDetacher prepares a key, with the DER of its certificate or nil.
func newDetacher(k *keys.Private, certificate []byte) detacher {
	array := string(wire.AppendSignatures(nil, []wire.Signature{{KeyID: k.Public().ID(), Certificate: certificate}}))
	head, tail, _ := strings.Cut(array, emptySig)
	return detacher{key: k, head: head + emptySig[:len(emptySig)-1], tail: `"` + tail}
}

// emptySig is how a signature of no bytes is written. Nothing in hex and base64 looks like it.
const emptySig = `"sig":""`

// Detached signs an envelope as a publisher does: the array that stands in DSSE and in entries. Certificate is its DER, or nil
// where the key is bare.
func Detached(envelope []byte, k *keys.Private, certificate []byte) (json.RawMessage, error) {
	sig, err := k.Sign(wire.AppendPAE(nil, wire.EnvelopeType, envelope))
	if err != nil {
		return nil, err
	}
	return wire.AppendSignatures(nil, []wire.Signature{{KeyID: k.Public().ID(), Sig: sig, Certificate: certificate}}), nil
}

// maxBuffer bounds a buffer that is kept. One huge message must not cost its memory for ever.
const maxBuffer = 64 << 10

// detached signs a payload.
func (s *Signer) detached(l *loaded, payloadType string, payload []byte) (json.RawMessage, error) {
	buf := s.buffers.Get().(*[]byte)
	*buf = wire.AppendPAE((*buf)[:0], payloadType, payload)
	sig, err := l.key.key.Sign(*buf)
	if cap(*buf) <= maxBuffer {
		s.buffers.Put(buf)
	}
	if err != nil {
		return nil, err
	}
	d := &l.key
	out := make([]byte, 0, len(d.head)+base64.StdEncoding.EncodedLen(len(sig))+len(d.tail))
	out = base64.StdEncoding.AppendEncode(append(out, d.head...), sig)
	return append(out, d.tail...), nil
}

// Receipt signs that the node has the entry, as DSSE in JSON. Role is node or gateway.
func (s *Signer) Receipt(e *fedmsg.Entry, role string) ([]byte, error) {
	if role != "node" && role != "gateway" {
		return nil, fedmsg.Errorf(fedmsg.CodeInternal, "receipt for the role %q; there are node and gateway", role)
	}
	sum := sha256.Sum256(e.Envelope)
	payload, err := json.Marshal(wire.Receipt{
		Log: string(e.Position.Log), Seq: e.Position.Seq, Received: e.Received.UTC().Format(time.RFC3339Nano),
		SHA256: hex.EncodeToString(sum[:]), Role: role,
	})
	if err != nil {
		return nil, err
	}
	signatures, err := s.detached(s.current(), wire.ReceiptType, payload)
	if err != nil {
		return nil, err
	}
	return wire.AppendDSSE(nil, wire.ReceiptType, payload, signatures), nil
}
