package pki

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// CRL is a certificate revocation list, version 1 or 2 (RFC 5280). It is immutable.
type CRL struct {
	ThisUpdate, NextUpdate time.Time // NextUpdate is zero where the list has none

	issuer  []byte               // the name, as DER
	number  *big.Int             // nil where the list has none
	revoked map[string]time.Time // from when on, by serial number; see serialKey
}

// ParseCRL reads a list, in PEM or DER, and checks that an anchor of the authority signed it. Errors have CodeConfig and name
// no file.
func (a *Authority) ParseCRL(data []byte) (*CRL, error) {
	data, err := crlDER(data)
	if err != nil {
		return nil, err
	}
	s, ok := parseSigned(data)
	if !ok {
		return nil, configError("the revocation list is damaged or is none")
	}
	c := &CRL{}
	rest, err := c.parseHead(s)
	if err != nil {
		return nil, err
	}
	if err := a.checkListSignature(c, s); err != nil {
		return nil, err
	}
	return c, c.parseRest(rest)
}

// crlDER takes a list out of its PEM, if it is in one.
func crlDER(data []byte) ([]byte, error) {
	if len(data) > maxCRL {
		return nil, configError("the revocation list has %d bytes; %d are allowed", len(data), maxCRL)
	}
	if d := der(data); d.at(tagSequence) {
		return data, nil
	}
	blocks, err := pemBlocks(data)
	switch {
	case err != nil:
		return nil, err
	case len(blocks) > 1:
		return nil, configError("it holds %d PEM blocks; a revocation list is one, and a root has one list", len(blocks))
	case blocks[0].Type != "X509 CRL":
		return nil, configError("it holds a block %q, not a revocation list (X509 CRL)", clip(blocks[0].Type))
	}
	return blocks[0].Bytes, nil
}

// checkListSignature refuses a list that no anchor signed.
func (a *Authority) checkListSignature(c *CRL, s signed) error {
	how, named, mayNot := parseScheme(s.algorithm), false, false
	signer := func(anchor *x509.Certificate) bool {
		// verification: list-issuer (TestListOfOthers)
		if !bytes.Equal(anchor.RawSubject, c.issuer) {
			return false
		}
		named = true
		// verification: list-key-usage (TestListOfOthers)
		if anchor.KeyUsage != 0 && anchor.KeyUsage&x509.KeyUsageCRLSign == 0 {
			mayNot = true
			return false
		}
		return verifiesList(how, anchor, s)
	}
	found := slices.ContainsFunc(a.anchors, signer)
	switch {
	case !named:
		return configError("it is the revocation list of %q, which is no authority of this root", nameText(c.issuer))
	case how.kind == unknownScheme:
		return configError("the revocation list of %q is signed in a way that is not taken here", nameText(c.issuer))
	case !found && mayNot:
		return configError("the key of the authority %q is not for signing revocation lists, says its key usage", nameText(c.issuer))
	case !found:
		return configError("the revocation list names the authority %q, which did not sign it", nameText(c.issuer))
	// verification: weak-list (TestWeakLists)
	case how.weak() && !a.legacy:
		return configError("the revocation list of %q is signed with SHA-1, which needs legacy = true", nameText(c.issuer))
	}
	return nil
}

// verifiesList reports whether the anchor's key signed the list.
func verifiesList(how scheme, anchor *x509.Certificate, s signed) bool {
	// verification: list-signature (TestForgedList)
	return how.verify(anchor.PublicKey, s.body.whole, s.signature)
}

// nameText is a name for people.
func nameText(raw []byte) string {
	var rdn pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &rdn); err != nil {
		return "?"
	}
	return clip(rdn.String())
}

// Revoked refuses with CodeRevoked a certificate that the list names, as revoked at the time at or before; or whose authority
// it names so. A list says nothing of certificates of other authorities than its own.
func (c *CRL) Revoked(l *Leaf, at time.Time) error {
	// verification: leaf-revoked (TestRevoked)
	if since, ok := c.since(l.Certificate); ok && !at.Before(since) {
		return revoked("certificate %q", l.Name, since)
	}
	for _, anchor := range l.anchors {
		// verification: anchor-revoked (TestRevokedAnchor)
		if since, ok := c.since(anchor); ok && !at.Before(since) {
			return revoked("the authority %q", anchor.Subject.String(), since)
		}
	}
	return nil
}

func (c *CRL) since(cert *x509.Certificate) (time.Time, bool) {
	if !bytes.Equal(cert.RawIssuer, c.issuer) {
		return time.Time{}, false
	}
	since, ok := c.revoked[serialKey(cert.SerialNumber.Bytes())]
	return since, ok
}

func revoked(what, name string, since time.Time) error {
	return fedmsg.Errorf(fedmsg.CodeRevoked, what+" is revoked since %s", clip(name), since.UTC().Format(time.RFC3339))
}

// Stale reports whether the list was out of date at the time at by more than grace. A list without NextUpdate never is.
func (c *CRL) Stale(at time.Time, grace time.Duration) bool {
	return !c.NextUpdate.IsZero() && at.After(c.NextUpdate.Add(grace))
}

// Len is how many certificates the list names.
func (c *CRL) Len() int { return len(c.revoked) }
