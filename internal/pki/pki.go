// Package pki is certificates: whether one was issued by an authority that is trusted, what it says, whether it was revoked,
// and how a site without an authority makes one.
//
// It promises to judge as of a time that the caller names, never of its own clock, and to check by hand what the standard
// library refuses to look at: certificates signed with SHA-1 and revocation lists of version 1, as the old bus has them. It
// knows nothing of messages and topics.
package pki

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg/internal/keys"
)

// Authority is the certificates of one trust root. It is immutable and safe for concurrent use.
type Authority struct{}

// NewAuthority reads the authority's certificates from PEM text, one or more: all of them are anchors. Only a certificate
// that an anchor signed itself is issued by it; an intermediate authority is made an anchor by listing it. Legacy lets
// certificates pass that are signed with SHA-1 or have RSA keys of 1024 to 2047 bits.
func NewAuthority(pem []byte, legacy bool) (*Authority, error) { return nil, errNotBuilt }

// Issued parses a certificate, in DER, and checks that an anchor issued it. Errors have CodeMalformedSignature (not a
// certificate, or its subject has no common name or several), CodeUnknownSigner (of another issuer) or CodeWeakSignature. Dates
// are not looked at: the result can be kept.
func (a *Authority) Issued(der []byte) (*Leaf, error) { return nil, errNotBuilt }

// Leaf is a certificate that an Authority issued. It is immutable.
type Leaf struct {
	Name        string // its one common name
	Certificate *x509.Certificate
	Anchor      *x509.Certificate // who issued it
	Key         keys.Public       // zero when the key is one that only the old form knows (RSA under 2048 bits)
}

// CheckAt refuses a certificate that was not valid at a time, or whose anchor was not, with CodeExpired.
func (l *Leaf) CheckAt(at time.Time) error { return errNotBuilt }

// CRL is a certificate revocation list, version 1 or 2 (RFC 5280). It is immutable.
type CRL struct {
	ThisUpdate, NextUpdate time.Time // NextUpdate is zero where the list has none
}

// ParseCRL reads a list, in PEM or DER, and checks that an anchor of the authority signed it.
func (a *Authority) ParseCRL(data []byte) (*CRL, error) { return nil, errNotBuilt }

// Revoked refuses with CodeRevoked a certificate that the list names, as revoked at the time at or before.
func (c *CRL) Revoked(l *Leaf, at time.Time) error { return errNotBuilt }

// Stale reports whether the list was out of date at the time at by more than grace. A list without NextUpdate never is.
func (c *CRL) Stale(at time.Time, grace time.Duration) bool { return false }

var errNotBuilt = errors.New("not built yet")
