// Package keys is the keys that messages are signed with: on disk, in text, and at work.
//
// It promises that the kind of a key decides how it signs, never what a message says, so that no algorithm can be confused
// with another: Ed25519 (RFC 8032), ECDSA on P-256 with SHA-256 and signatures in ASN.1, RSA-PSS with SHA-256 and a salt of
// 32 bytes. A private key is read only from a file that nobody but its owner can read, and shows itself in no log line,
// error or dump of a value.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"github.com/federated-messaging/fedmsg"
)

// Algorithm names how a key signs.
type Algorithm string

// The algorithms. Ed25519 is the default.
const (
	Ed25519 Algorithm = "ed25519"
	P256    Algorithm = "p256"
	RSAPSS  Algorithm = "rsa" // keys are made with 3072 bits; of others 2048 to 8192 are taken
)

// The bounds of RSA keys. Verifying takes time in proportion to the square of the bits, and who signs chooses them.
const (
	minRSA  = 2048
	madeRSA = 3072
	maxRSA  = 8192
)

// saltSize is how long the salt of RSA-PSS is: as long as the hash.
const saltSize = sha256.Size

// Public is a public key. It is immutable; the zero value verifies nothing.
type Public struct {
	key crypto.PublicKey // ed25519.PublicKey, *ecdsa.PublicKey on P-256 or *rsa.PublicKey
	id  string
}

// NewPublic takes an ed25519.PublicKey, *ecdsa.PublicKey on P-256 or *rsa.PublicKey. The error has CodeMalformedSignature, or
// CodeWeakSignature for an RSA key that is too short.
func NewPublic(key crypto.PublicKey) (Public, error) {
	if err := check(key); err != nil {
		return Public{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Public{}, fedmsg.WrapError(fedmsg.CodeMalformedSignature, err, "public key is not a point or number that a key can be")
	}
	sum := sha256.Sum256(der)
	return Public{key: key, id: hex.EncodeToString(sum[:])}, nil
}

// check holds that a public key is of a kind and size that is taken.
func check(key crypto.PublicKey) error {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return nil
		}
	case *ecdsa.PublicKey:
		if k == nil || k.Curve != elliptic.P256() {
			break
		}
		return nil // MarshalPKIXPublicKey refuses what is no point of the curve
	case *rsa.PublicKey:
		if k != nil && k.N != nil {
			return checkRSA(k)
		}
	}
	return fedmsg.Errorf(fedmsg.CodeMalformedSignature, "public key is of a kind that signs nothing here; Ed25519, ECDSA on P-256 and RSA do")
}

func checkRSA(k *rsa.PublicKey) error {
	switch bits := k.N.BitLen(); {
	// verification: short-rsa-key (TestNewPublicRefusals)
	case bits < minRSA:
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "RSA key has %d bits; at least %d are needed", bits, minRSA)
	case bits > maxRSA:
		return fedmsg.Errorf(fedmsg.CodeMalformedSignature, "RSA key has %d bits; at most %d are taken", bits, maxRSA)
	case k.N.Bit(0) == 0 || k.E < 3 || k.E&1 == 0 || int64(k.E) > 1<<31-1:
		return fedmsg.Errorf(fedmsg.CodeMalformedSignature, "RSA key has a modulus or exponent that no RSA key has")
	}
	return nil
}

// ID is the key's name everywhere: the SHA-256 of its SubjectPublicKeyInfo, in lower-case hex.
func (p Public) ID() string { return p.id }

// Algorithm tells how the key signs.
func (p Public) Algorithm() Algorithm {
	switch p.key.(type) {
	case ed25519.PublicKey:
		return Ed25519
	case *ecdsa.PublicKey:
		return P256
	case *rsa.PublicKey:
		return RSAPSS
	}
	return ""
}

// Verify reports whether sig is this key's signature over message.
func (p Public) Verify(message, sig []byte) bool {
	switch k := p.key.(type) {
	case ed25519.PublicKey:
		// verification: ed25519 (TestAgainstOpenSSL)
		return ed25519.Verify(k, message, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		// verification: ecdsa (TestAgainstOpenSSL)
		return ecdsa.VerifyASN1(k, sum[:], sig)
	case *rsa.PublicKey:
		sum := sha256.Sum256(message)
		// verification: rsa-pss (TestAgainstOpenSSL)
		return rsa.VerifyPSS(k, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: saltSize, Hash: crypto.SHA256}) == nil
	}
	return false
}

// PEM is the key as a PEM block; nil for the zero key.
func (p Public) PEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(p.key)
	if err != nil { // the zero key: NewPublic has marshalled all others
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})
}

// Key is the key as the standard library has it.
func (p Public) Key() crypto.PublicKey { return p.key }
