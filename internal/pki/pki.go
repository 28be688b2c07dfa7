// Package pki is certificates: whether one was issued by an authority that is trusted, what it says, whether it was revoked,
// and how a site without an authority makes one.
//
// It promises to judge as of a time that the caller names, never of its own clock, and to check by hand what the standard
// library refuses to look at: certificates signed with SHA-1 and revocation lists of version 1, as the old bus has them. It
// knows nothing of messages and topics.
package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Bounds of what is read.
const (
	maxAnchors     = 1000
	maxCertificate = 16 << 10
	maxCRL         = 64 << 20
	minRSA         = 1024 // shorter keys are broken by anybody
	strongRSA      = 2048 // shorter ones are taken from legacy roots only
	maxRSA         = 8192 // longer ones make verifying slow
)

// Authority is the certificates of one trust root. It is immutable and safe for concurrent use.
type Authority struct {
	anchors []*x509.Certificate
	legacy  bool
}

// Ends is when the last of the authority's own certificates ends; what it issued is good for nothing received later.
func (a *Authority) Ends() time.Time {
	var end time.Time
	for _, c := range a.anchors {
		if c.NotAfter.After(end) {
			end = c.NotAfter
		}
	}
	return end
}

// NewAuthority reads the authority's certificates from PEM text, one or more: all of them are anchors. Only a certificate
// that an anchor signed itself is issued by it; an intermediate authority is made an anchor by listing it. Legacy lets
// certificates pass that are signed with SHA-1 or have RSA keys of 1024 to 2047 bits.
//
// An anchor's own signature is not looked at: it is trusted because it is configured. Errors have CodeConfig and name no file.
func NewAuthority(pemText []byte, legacy bool) (*Authority, error) {
	blocks, err := pemBlocks(pemText)
	if err != nil {
		return nil, err
	}
	a := &Authority{legacy: legacy}
	for i, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return nil, configError("it holds a block %q, and only certificates belong there", clip(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "certificate %d of the authority cannot be read", i+1)
		}
		if err := checkAnchor(cert, legacy); err != nil {
			return nil, err
		}
		a.anchors = append(a.anchors, cert)
	}
	return a, nil
}

// pemBlocks gives all blocks of a text. What looks like a block and cannot be read is an error: the standard library passes
// over it, and an authority would be missing in silence.
func pemBlocks(text []byte) ([]*pem.Block, error) {
	var blocks []*pem.Block
	begins := bytes.Count(text, []byte("-----BEGIN "))
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, block)
		if len(blocks) > maxAnchors {
			return nil, configError("it holds more than %d PEM blocks", maxAnchors)
		}
	}
	switch {
	case begins != len(blocks):
		return nil, configError("it has %d PEM blocks of which only %d can be read; it is damaged or cut off", begins, len(blocks))
	case begins == 0:
		return nil, configError("it holds no PEM block; certificates begin with -----BEGIN CERTIFICATE-----")
	}
	return blocks, nil
}

// checkAnchor refuses a certificate that cannot be an authority.
func checkAnchor(cert *x509.Certificate, legacy bool) error {
	subject := clip(cert.Subject.String())
	switch {
	// verification: anchor-is-no-ca (TestAnchorsRefused)
	case cert.BasicConstraintsValid && !cert.IsCA:
		return configError("certificate %q is not that of an authority (CA:FALSE)", subject)
	// verification: anchor-without-constraints (TestAnchorsRefused)
	case !cert.BasicConstraintsValid && !legacy:
		return configError("certificate %q does not say that it is an authority's; old ones that do not need legacy = true", subject)
	// verification: anchor-key-usage (TestAnchorsRefused)
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return configError("the key of certificate %q is not for signing certificates", subject)
	// verification: anchor-critical (TestAnchorsRefused)
	case len(cert.UnhandledCriticalExtensions) > 0:
		return configError("certificate %q has the critical extension %s, which is not known here", subject, cert.UnhandledCriticalExtensions[0])
	// verification: anchor-constrained (TestAnchorsRefused)
	case cert.PermittedDNSDomainsCritical:
		return configError("certificate %q has name constraints, which are not heeded here; say by topics what the root may speak for", subject)
	}
	return checkAnchorKey(cert.PublicKey, subject, legacy)
}

func checkAnchorKey(key crypto.PublicKey, subject string, legacy bool) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		switch {
		case bits < minRSA || bits > maxRSA:
			return configError("the RSA key of authority %q has %d bits; %d to %d are taken", subject, bits, minRSA, maxRSA)
		// verification: anchor-short-key (TestAnchorsRefused)
		case bits < strongRSA && !legacy:
			return configError("the RSA key of authority %q has %d bits; fewer than %d need legacy = true", subject, bits, strongRSA)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
	case ed25519.PublicKey:
		return nil
	}
	return configError("the key of authority %q is of a kind that is not known here; RSA, P-256, P-384 and Ed25519 are", subject)
}

// configError is what an operator reads of a file of certificates, behind the file's name.
func configError(format string, args ...any) error {
	return &fedmsg.Error{Code: fedmsg.CodeConfig, Message: fmt.Sprintf(format, args...)}
}

// clip bounds what a certificate brings into a sentence, which quotes it.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
