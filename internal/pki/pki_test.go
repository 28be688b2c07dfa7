package pki

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestAnchorsRefused holds what cannot be an authority, and what only a legacy root takes.
func TestAnchorsRefused(t *testing.T) {
	t.Parallel()
	plain := func(*x509.Certificate) {}
	for name, c := range map[string]struct {
		bits           int // of RSA; 0 is P-256
		change         func(*x509.Certificate)
		strict, legacy string // what is said; empty: it is taken
	}{
		"good":  {0, plain, "", ""},
		"leaf":  {0, func(c *x509.Certificate) { c.IsCA = false }, "CA:FALSE", "CA:FALSE"},
		"old":   {0, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }, "does not say that it is an authority's", ""},
		"usage": {0, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "not for signing certificates", "not for signing certificates"},
		"short": {1024, plain, "has 1024 bits; fewer than 2048 need legacy", ""},
		"names": {0, func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.com"}, true
		}, "name constraints", "name constraints"},
		"critical": {0, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}, "critical extension 1.2.3.4", "critical extension 1.2.3.4"},
	} {
		key := ecKey(t, elliptic.P256())
		if c.bits != 0 {
			key = rsaKeys[c.bits]()
		}
		text := newIssuer(t, name, key, c.change).pem()
		for legacy, want := range map[bool]string{false: c.strict, true: c.legacy} {
			_, err := NewAuthority(text, legacy)
			if want == "" && err != nil {
				t.Errorf("%s, legacy %v: %s", name, legacy, err)
			}
			if want != "" {
				holdError(t, err, fedmsg.CodeConfig, want)
			}
		}
	}
	_, err := NewAuthority(newIssuer(t, "p224", ecKey(t, elliptic.P224()), nil).pem(), true)
	holdError(t, err, fedmsg.CodeConfig, "of a kind that is not known here")
}

// TestAuthorityText holds that no certificate of the file goes missing in silence.
func TestAuthorityText(t *testing.T) {
	t.Parallel()
	one, two := newIssuer(t, "one", edKey(t), nil), newIssuer(t, "two", edKey(t), nil)
	both := append([]byte("Some words before.\n"), append(one.pem(), two.pem()...)...)
	a, err := NewAuthority(both, false)
	if err != nil || len(a.anchors) != 2 {
		t.Fatalf("%v, %v", a, err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"empty":     {nil, "holds no PEM block"},
		"words":     {[]byte("hello"), "holds no PEM block"},
		"cut off":   {both[:len(both)-10], "of which only 1 can be read"},
		"damaged":   {bytes.Replace(both, []byte("\nMI"), []byte("\nM!"), 1), "of which only 1 can be read"},
		"a key":     {append(one.pem(), key...), `holds a block "PRIVATE KEY"`},
		"no ASN.1":  {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "certificate 1 of the authority cannot be read"},
		"too many":  {bytes.Repeat(one.pem(), maxAnchors+1), "more than 1000 PEM blocks"},
		"one's key": {key, `holds a block "PRIVATE KEY"`},
	} {
		_, err := NewAuthority(c.text, true)
		t.Log(name)
		holdError(t, err, fedmsg.CodeConfig, c.want)
	}
}
