// Package keys is the keys that messages are signed with: on disk, in text, and at work.
//
// It promises that the kind of a key decides how it signs, never what a message says, so that no algorithm can be confused
// with another: Ed25519 (RFC 8032), ECDSA on P-256 with SHA-256 and signatures in ASN.1, RSA-PSS with SHA-256 and a salt of
// 32 bytes. A private key is read only from a file that nobody but its owner can read, and shows itself in no log line,
// error or dump of a value.
package keys

import (
	"crypto"
	"errors"
)

// Algorithm names how a key signs.
type Algorithm string

// The algorithms. Ed25519 is the default.
const (
	Ed25519 Algorithm = "ed25519"
	P256    Algorithm = "p256"
	RSAPSS  Algorithm = "rsa" // keys are made with 3072 bits; of others 2048 to 8192 are taken
)

// Public is a public key. It is immutable; the zero value verifies nothing.
type Public struct{ key crypto.PublicKey }

// NewPublic takes an ed25519.PublicKey, *ecdsa.PublicKey on P-256 or *rsa.PublicKey. The error has CodeMalformedSignature, or
// CodeWeakSignature for an RSA key that is too short.
func NewPublic(key crypto.PublicKey) (Public, error) { return Public{}, errNotBuilt }

// ParsePublic reads the public keys of a PEM file, one or more, each "PUBLIC KEY" (RFC 5280 SubjectPublicKeyInfo).
func ParsePublic(pem []byte) ([]Public, error) { return nil, errNotBuilt }

// ID is the key's name everywhere: the SHA-256 of its SubjectPublicKeyInfo, in lower-case hex.
func (p Public) ID() string { return "" }

// Algorithm tells how the key signs.
func (p Public) Algorithm() Algorithm { return "" }

// Verify reports whether sig is this key's signature over message.
func (p Public) Verify(message, sig []byte) bool { return false }

// PEM is the key as a PEM block.
func (p Public) PEM() []byte { return nil }

// Key is the key as the standard library has it.
func (p Public) Key() crypto.PublicKey { return p.key }

// Private is a private key. It is safe for concurrent use and prints as its ID alone.
type Private struct{ key crypto.Signer }

// Generate makes a new key.
func Generate(a Algorithm) (*Private, error) { return nil, errNotBuilt }

// NewPrivate takes an ed25519.PrivateKey, *ecdsa.PrivateKey on P-256 or *rsa.PrivateKey.
func NewPrivate(key crypto.Signer) (*Private, error) { return nil, errNotBuilt }

// ReadPrivate reads a private key from a PEM file: PKCS #8, or the older forms of EC and RSA keys. The file must be a regular
// file that only its owner can read, and the owner is this user or root; otherwise the error has CodeConfig and names the cure.
func ReadPrivate(path string) (*Private, error) { return nil, errNotBuilt }

// ParsePrivate reads a private key from PEM text. Encrypted keys are refused by name.
func ParsePrivate(pem []byte) (*Private, error) { return nil, errNotBuilt }

// WriteFile makes the file path with the key in PKCS #8 PEM, mode 0600, durably. A file that is there already is not replaced: the error
// has CodeCannotMake.
func (k *Private) WriteFile(path string) error { return errNotBuilt }

// Public is the public half.
func (k *Private) Public() Public { return Public{} }

// Sign signs a message.
func (k *Private) Sign(message []byte) ([]byte, error) { return nil, errNotBuilt }

// Signer is the key as the standard library has it, for certificates and TLS.
func (k *Private) Signer() crypto.Signer { return k.key }

var errNotBuilt = errors.New("not built yet")
