package sign

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pgp"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Embedder makes the old X.509 form. It is safe for concurrent use.
type Embedder struct {
	key         *keys.Private
	rsa         *rsa.PrivateKey // that of key
	certificate string          // as it stands in envelopes
	parsed      *x509.Certificate
	grows       int // the bytes that it adds
}

// OpenEmbedder loads an RSA key and its certificate. Other kinds of keys, and a certificate of another key, are refused.
func OpenEmbedder(key, certificate string) (*Embedder, error) {
	k, err := keys.ReadPrivate(key)
	if err != nil {
		return nil, err
	}
	private, ok := k.Signer().(*rsa.PrivateKey)
	if !ok {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the private key %s is not RSA (%s), and the old form x509 knows no other", key, k.Public().Algorithm())
	}
	parsed, err := keys.ReadCertificate(certificate, k.Public())
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: parsed.Raw})
	e := &Embedder{key: k, rsa: private, certificate: wrapped(text), parsed: parsed}
	const plain = `{"a":1}`
	signed, err := wire.AppendEmbedded(nil, []byte(plain), "x509", wrapped(make([]byte, private.Size())), e.certificate)
	e.grows = len(signed) - len(plain)
	return e, err
}

// Embed gives the envelope with crypto, signature and certificate put into it (SPEC section 7), in new memory.
func (e *Embedder) Embed(envelope []byte) ([]byte, error) {
	named, err := wire.AppendEmbedded(nil, envelope, "x509", "", "")
	if err != nil {
		return nil, err
	}
	signed, err := wire.AppendSigned(nil, named)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(signed) // what the old form is made of
	sig, err := rsa.SignPKCS1v15(nil, e.rsa, crypto.SHA1, sum[:])
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot sign with the key %s", e.key.Public().ID())
	}
	text := wrapped(sig)
	const around = 128 // the keys of three members, and escapes for the line breaks
	dst := make([]byte, 0, len(envelope)+len(text)+len(e.certificate)+len(e.certificate)/lineSize+around)
	return wire.AppendEmbedded(dst, envelope, "x509", text, e.certificate)
}

// EmbedPGP gives the envelope with the old OpenPGP form put into it (SPEC section 8), in new memory. It covers the body alone.
func EmbedPGP(envelope []byte, key *pgp.Private, now time.Time) ([]byte, error) {
	limits := fedmsg.DefaultLimits()
	limits.Envelope = max(limits.Envelope, len(envelope)) // whoever takes the message has limits of its own
	limits.Body = limits.Envelope
	e, err := (&wire.Decoder{Limits: limits}).Envelope(envelope, wire.Old)
	if err != nil {
		return nil, err
	}
	body, err := wire.AppendBody(nil, &e)
	if err != nil {
		return nil, err
	}
	sig, err := key.Sign(body, now)
	if err != nil {
		return nil, err
	}
	return wire.AppendEmbedded(nil, e.Bytes, "gpg", base64.StdEncoding.EncodeToString(sig), "")
}

// lineSize is how long the lines of base64 are in envelopes.
const lineSize = 76

// wrapped is base64 as the X.509 form has it: in lines, each of which ends with a line break, the last one too.
func wrapped(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.Grow(len(text) + len(text)/lineSize + 1)
	for len(text) > 0 {
		n := min(lineSize, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
	return b.String()
}
