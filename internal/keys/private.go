package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"

	"github.com/federated-messaging/fedmsg"
)

// Private is a private key. It is safe for concurrent use and prints as its ID alone.
type Private struct {
	// The key lies behind a function: what prints the inside of values without asking them for a form of their own, as fmt does
	// with unexported fields, shows its address. Behind a pointer it would be shown by a verb that the pointer does not know.
	in func() *secret
}

// secret is what must not be shown.
type secret struct {
	key    crypto.Signer // ed25519.PrivateKey, *ecdsa.PrivateKey on P-256 or *rsa.PrivateKey
	public Public
}

// Generate makes a new key.
func Generate(a Algorithm) (*Private, error) {
	var key crypto.Signer
	var err error
	switch a {
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case P256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSAPSS:
		key, err = rsa.GenerateKey(rand.Reader, madeRSA)
	default:
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "no keys are made for %q; there are %s, %s and %s", clip(string(a)), Ed25519, P256, RSAPSS)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot make a key")
	}
	return NewPrivate(key)
}

// NewPrivate takes an ed25519.PrivateKey, *ecdsa.PrivateKey on P-256 or *rsa.PrivateKey. The errors are those of [NewPublic].
func NewPrivate(key crypto.Signer) (*Private, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return nil, fedmsg.Errorf(fedmsg.CodeMalformedSignature, "private key has not the size of one")
		}
	case *ecdsa.PrivateKey:
		if k == nil {
			return nil, check(nil)
		}
	case *rsa.PrivateKey:
		if k == nil {
			return nil, check(nil)
		}
	default:
		return nil, check(nil)
	}
	public, err := NewPublic(key.Public())
	if err != nil {
		return nil, err
	}
	s := &secret{key: key, public: public}
	return &Private{in: func() *secret { return s }}, nil
}

// Public is the public half.
func (k *Private) Public() Public { return k.in().public }

// Sign signs a message.
func (k *Private) Sign(message []byte) ([]byte, error) {
	var sig []byte
	var err error
	switch key := k.in().key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, message), nil
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(message)
		sig, err = ecdsa.SignASN1(rand.Reader, key, sum[:])
	case *rsa.PrivateKey:
		sum := sha256.Sum256(message)
		sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: saltSize, Hash: crypto.SHA256})
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot sign with the key %s", k.in().public.ID())
	}
	return sig, nil
}

// Signer is the key as the standard library has it, for certificates and TLS.
func (k *Private) Signer() crypto.Signer { return k.in().key }

// String names the key without showing it.
func (k Private) String() string {
	if k.in == nil {
		return "no private key"
	}
	return "private key " + k.in().public.ID()
}

// GoString is String.
func (k Private) GoString() string { return k.String() }

// Format prints String, whatever the verb.
func (k Private) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String.
func (k Private) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String, so that no encoding shows the key.
func (k Private) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
