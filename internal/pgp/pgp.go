// Package pgp is OpenPGP signatures as the old bus has them: detached, binary, made by gpg.
//
// It promises to take exactly one good signature by a key of the keyring that was valid at the time the caller names. Hashes
// that are broken (SHA-1, MD5, RIPEMD-160) are refused unless the caller says legacy, and never taken for MD5. It needs no
// gpg program and knows nothing of messages and topics.
package pgp

import (
	"errors"
	"time"
)

// Keyring is public keys. It is immutable and safe for concurrent use.
type Keyring struct{}

// ParseKeyring reads public keys, armored or binary, one or more. RSA and EdDSA keys are taken.
func ParseKeyring(data []byte) (*Keyring, error) { return nil, errNotBuilt }

// Fingerprints lists the primary keys of the ring in upper-case hex.
func (k *Keyring) Fingerprints() []string { return nil }

// Verify checks a detached binary signature over message as of a time, and gives the fingerprint of the primary key it was made
// under, in upper-case hex. Errors have CodeMalformedSignature (not a signature, or not exactly one), CodeUnknownSigner,
// CodeBadSignature, CodeWeakSignature, CodeExpired or CodeRevoked; of all but the first two kinds the fingerprint is given too.
func (k *Keyring) Verify(message, sig []byte, at time.Time, legacy bool) (fingerprint string, err error) {
	return "", errNotBuilt
}

// Private is a key to sign with. It prints as its fingerprint alone.
type Private struct{}

// ReadPrivate reads an unencrypted secret key, armored or binary, from a file that only its owner can read.
func ReadPrivate(path string) (*Private, error) { return nil, errNotBuilt }

// Fingerprint is that of the primary key, in upper-case hex.
func (p *Private) Fingerprint() string { return "" }

// Sign makes a detached binary signature, with SHA-256 or better, that gpg 2.2 reads.
func (p *Private) Sign(message []byte, now time.Time) ([]byte, error) { return nil, errNotBuilt }

var errNotBuilt = errors.New("not built yet")
