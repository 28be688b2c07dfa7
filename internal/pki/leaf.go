package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// Leaf is a certificate that an Authority issued. It is immutable.
type Leaf struct {
	Name        string // its one common name
	Certificate *x509.Certificate
	Anchor      *x509.Certificate // who issued it
	Key         keys.Public       // zero when the key is one that only the old form knows (RSA under 2048 bits)

	anchors []*x509.Certificate // all anchors with the issuer's name and key: an authority's certificate may be renewed
}

// Issued parses a certificate, in DER, and checks that an anchor issued it. Errors have CodeMalformedSignature (not a
// certificate, or its subject has no common name or several), CodeUnknownSigner (of another issuer) or CodeWeakSignature. Dates
// are not looked at: the result can be kept.
func (a *Authority) Issued(der []byte) (*Leaf, error) {
	if len(der) > maxCertificate {
		return nil, malformed("a certificate has %d bytes; %d are allowed", len(der), maxCertificate)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeMalformedSignature, err, "a certificate cannot be read")
	}
	name, err := commonName(cert)
	if err != nil {
		return nil, err
	}
	if err := a.checkUse(cert, name); err != nil {
		return nil, err
	}
	l := &Leaf{Name: name, Certificate: cert}
	if l.anchors, err = a.issuers(cert, name); err != nil {
		return nil, err
	}
	l.Anchor = l.anchors[0]
	l.Key, err = a.leafKey(cert, name)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// issuers gives the anchors that issued the certificate: they have its issuer's name, byte for byte, and a key that signed it.
func (a *Authority) issuers(cert *x509.Certificate, name string) ([]*x509.Certificate, error) {
	s, ok := parseSigned(cert.Raw)
	if !ok {
		return nil, malformed("certificate %q cannot be taken apart", clip(name))
	}
	how, named := parseScheme(s.algorithm), false
	var found []*x509.Certificate
	for _, anchor := range a.anchors {
		// verification: issuer-name (TestForgedCertificate)
		if !bytes.Equal(anchor.RawSubject, cert.RawIssuer) {
			continue
		}
		named = true
		if verifies(how, anchor, s) {
			found = append(found, anchor)
		}
	}
	switch {
	case !named:
		return nil, unknown("certificate %q was issued by %q, which is no authority of this root", clip(name), clip(cert.Issuer.String()))
	case how.kind == unknownScheme:
		return nil, weak("certificate %q is signed in a way that is not taken here (%s)", clip(name), cert.SignatureAlgorithm)
	case len(found) == 0:
		return nil, unknown("certificate %q names the authority %q, which did not sign it", clip(name), clip(cert.Issuer.String()))
	// verification: weak-certificate (TestWeakCertificates)
	case how.weak() && !a.legacy:
		return nil, weak("certificate %q is signed with SHA-1, which only a root with legacy = true takes", clip(name))
	}
	return found, nil
}

// verifies reports whether the anchor's key signed it.
func verifies(how scheme, anchor *x509.Certificate, s signed) bool {
	// verification: issued (TestForgedCertificate)
	return how.verify(anchor.PublicKey, s.body.whole, s.signature)
}

// leafKey gives the certificate's key for the new form; zero where only the old form knows it.
func (a *Authority) leafKey(cert *x509.Certificate, name string) (keys.Public, error) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		switch {
		case bits < minRSA || bits > maxRSA:
			return keys.Public{}, weak("the RSA key of certificate %q has %d bits; %d to %d are taken", clip(name), bits, minRSA, maxRSA)
		// verification: short-leaf-key (TestWeakCertificates)
		case bits < strongRSA && !a.legacy:
			return keys.Public{}, weak("the RSA key of certificate %q has %d bits; fewer than %d are taken only from a root with legacy = true", clip(name), bits, strongRSA)
		case bits < strongRSA:
			return keys.Public{}, nil
		}
		return keys.NewPublic(key)
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return keys.NewPublic(key)
		}
	case ed25519.PublicKey:
		return keys.NewPublic(key)
	}
	return keys.Public{}, malformed("the key of certificate %q is of a kind that signs nothing here; RSA, P-256 and Ed25519 do", clip(name))
}

// CheckAt refuses a certificate that was not valid at a time, or whose anchor was not, with CodeExpired.
func (l *Leaf) CheckAt(at time.Time) error {
	// verification: leaf-dates (TestDates)
	if !validAt(l.Certificate, at) {
		return expired("certificate %q", l.Name, l.Certificate, at)
	}
	// verification: anchor-dates (TestDates)
	if !slices.ContainsFunc(l.anchors, func(c *x509.Certificate) bool { return validAt(c, at) }) {
		return expired("the authority %q", l.Anchor.Subject.String(), l.Anchor, at)
	}
	return nil
}

func validAt(cert *x509.Certificate, at time.Time) bool {
	return !at.Before(cert.NotBefore) && !at.After(cert.NotAfter)
}

func expired(what, name string, cert *x509.Certificate, at time.Time) error {
	return fedmsg.Errorf(fedmsg.CodeExpired, what+" is valid from %s to %s, which %s is not within", clip(name),
		cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
}

func malformed(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeMalformedSignature, format, args...)
}

func unknown(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeUnknownSigner, format, args...)
}

func weak(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeWeakSignature, format, args...)
}
