package pki

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonName gives the one common name of the subject. The standard library's own answer is the last of several, the old
// system's the first: whoever could choose one of two could be two senders.
func commonName(cert *x509.Certificate) (string, error) {
	var names []string
	oid := asn1.ObjectIdentifier{2, 5, 4, 3}
	for _, attribute := range cert.Subject.Names {
		if attribute.Type.Equal(oid) {
			text, _ := attribute.Value.(string) // any other value is no name
			names = append(names, text)
		}
	}
	// verification: one-common-name (TestCommonNames)
	if len(names) > 1 {
		return "", malformed("the certificate's subject has %d common names, %q and %q; it needs exactly one", len(names), clip(names[0]), clip(names[1]))
	}
	if len(names) == 0 {
		return "", malformed("the certificate's subject has no common name; it needs exactly one")
	}
	// verification: printable-common-name (TestCommonNames)
	if !printable(names[0]) {
		return "", malformed("the certificate's common name %q is empty, too long or not printable", clip(names[0]))
	}
	return names[0], nil
}

// printable reports whether a name can be shown as it is: it stands in lines of logs and terminals.
func printable(s string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, odd)
}

// checkUse refuses a certificate that is for something else. Its extended key usage is not looked at: the old bus has
// client certificates, and some without any.
func (a *Authority) checkUse(cert *x509.Certificate, name string) error {
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	// verification: leaf-is-a-ca (TestLeafRefused)
	case cert.IsCA:
		return malformed("certificate %q is an authority's (CA:TRUE), which signs no messages", clip(name))
	// verification: leaf-critical (TestLeafRefused)
	case len(cert.UnhandledCriticalExtensions) > 0:
		return malformed("certificate %q has the critical extension %s, which is not known here", clip(name), cert.UnhandledCriticalExtensions[0])
	// verification: leaf-key-usage (TestLeafRefused)
	case cert.KeyUsage != 0 && cert.KeyUsage&signs == 0 && !a.legacy:
		return malformed("the key of certificate %q is not for signatures, says its key usage", clip(name))
	}
	return nil
}
