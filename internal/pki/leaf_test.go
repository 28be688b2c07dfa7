package pki

import (
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// cn is an attribute of a subject.
func cn(value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value}
}

func TestCommonNames(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	pub := edKey(t).Public()
	for _, c := range []struct {
		names pkix.RDNSequence
		want  string // what is said; empty: the name is a.example
	}{
		{pkix.RDNSequence{{cn("a.example")}}, ""},
		{pkix.RDNSequence{}, "has no common name"},
		{pkix.RDNSequence{{cn("a.example")}, {cn("b.example")}}, `has 2 common names, "a.example" and "b.example"`},
		{pkix.RDNSequence{{cn("a.example")}, {cn("a.example")}}, "has 2 common names"},
		{pkix.RDNSequence{{cn("a.example"), cn("b.example")}}, "has 2 common names"},
		{pkix.RDNSequence{{cn("")}}, "is empty, too long or not printable"},
		{pkix.RDNSequence{{cn("a\x00b")}}, `"a\x00b" is empty`},
		{pkix.RDNSequence{{cn("a\nb")}}, "not printable"},
		{pkix.RDNSequence{{cn(" a")}}, "not printable"},
		{pkix.RDNSequence{{cn("a\u202eb")}}, "not printable"},
		{pkix.RDNSequence{{cn(strings.Repeat("a", 256))}}, "too long"},
		{pkix.RDNSequence{{cn(7)}}, "cannot be read"},
	} {
		raw, err := asn1.Marshal(c.names)
		if err != nil {
			t.Fatal(err)
		}
		l, err := a.Issued(i.leaf("", pub, func(t *x509.Certificate) { t.RawSubject = raw }))
		if c.want != "" {
			holdError(t, err, fedmsg.CodeMalformedSignature, c.want)
		} else if err != nil || l.Name != "a.example" {
			t.Errorf("%v: %v, %v", c.names, l, err)
		}
	}
}

func TestLeafRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	strict, legacy := authority(t, false, i), authority(t, true, i)
	pub := edKey(t).Public()
	good := i.leaf("a", pub, nil)
	for _, a := range []*Authority{strict, legacy} {
		for name, c := range map[string]struct {
			data []byte
			want string
		}{
			"a CA": {i.leaf("a", pub, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, 0 }), "CA:TRUE"},
			"critical": {i.leaf("a", pub, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
			}), "critical extension 1.2.3.4"},
			"trailing": {append(good[:len(good):len(good)], 0), "cannot be read"},
			"cut off":  {good[:len(good)-1], "cannot be read"},
			"empty":    {nil, "cannot be read"},
			"huge":     {append(good[:len(good):len(good)], make([]byte, maxCertificate)...), "16384 are allowed"},
			"P-384":    {i.leaf("a", ecKey(t, elliptic.P384()).Public(), nil), "of a kind that signs nothing here"},
		} {
			_, err := a.Issued(c.data)
			t.Log(name)
			holdError(t, err, fedmsg.CodeMalformedSignature, c.want)
		}
	}
	other := i.leaf("a", pub, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	_, err := strict.Issued(other)
	holdError(t, err, fedmsg.CodeMalformedSignature, "not for signatures")
	_, err = legacy.Issued(other)
	holdError(t, err, "", "")
}

// TestSignatureSchemes takes certificates that are signed in each way, and with each kind of key.
func TestSignatureSchemes(t *testing.T) {
	t.Parallel()
	big := rsaKeys[2048]()
	for how, c := range map[x509.SignatureAlgorithm]struct {
		issuer, leaf crypto.Signer
		algorithm    keys.Algorithm
	}{
		x509.SHA256WithRSA:    {big, edKey(t), keys.Ed25519},
		x509.SHA384WithRSA:    {big, ecKey(t, elliptic.P256()), keys.P256},
		x509.SHA512WithRSA:    {big, rsaKeys[3072](), keys.RSAPSS},
		x509.SHA256WithRSAPSS: {big, edKey(t), keys.Ed25519},
		x509.SHA384WithRSAPSS: {big, edKey(t), keys.Ed25519},
		x509.SHA512WithRSAPSS: {big, edKey(t), keys.Ed25519},
		x509.ECDSAWithSHA256:  {ecKey(t, elliptic.P256()), edKey(t), keys.Ed25519},
		x509.ECDSAWithSHA384:  {ecKey(t, elliptic.P384()), edKey(t), keys.Ed25519},
		x509.ECDSAWithSHA512:  {ecKey(t, elliptic.P384()), edKey(t), keys.Ed25519},
		x509.PureEd25519:      {edKey(t), edKey(t), keys.Ed25519},
	} {
		set := func(c *x509.Certificate) { c.SignatureAlgorithm = how }
		i := newIssuer(t, how.String(), c.issuer, set)
		l, err := authority(t, false, i).Issued(i.leaf("a", c.leaf.Public(), set))
		if err != nil {
			t.Errorf("%s: %s", how, err)
			continue
		}
		want, err := keys.NewPublic(c.leaf.Public())
		if err != nil || l.Key.ID() != want.ID() || l.Key.Algorithm() != c.algorithm || !l.Anchor.Equal(i.cert) {
			t.Errorf("%s: key %s %s, want %s %s", how, l.Key.Algorithm(), l.Key.ID(), c.algorithm, want.ID())
		}
	}
}

// TestForgedCertificate holds that the issuer's name and its key must both be an anchor's.
func TestForgedCertificate(t *testing.T) {
	t.Parallel()
	i, pub := newIssuer(t, "ca", edKey(t), nil), edKey(t).Public()
	a := authority(t, true, i)
	sameName := newIssuer(t, "ca", edKey(t), nil)
	_, err := a.Issued(sameName.leaf("a", pub, nil))
	holdError(t, err, fedmsg.CodeUnknownSigner, `names the authority "CN=ca", which did not sign it`)
	sameKey := newIssuer(t, "other", i.key, nil)
	_, err = a.Issued(sameKey.leaf("a", pub, nil))
	holdError(t, err, fedmsg.CodeUnknownSigner, `was issued by "CN=other", which is no authority of this root`)
	data := i.leaf("a", pub, nil)
	data[len(data)-1] ^= 1
	_, err = a.Issued(data)
	holdError(t, err, fedmsg.CodeUnknownSigner, "did not sign it")
	// A chain of two does not count: the intermediate authority must be listed.
	between := &issuer{t, edKey(t), nil}
	between.cert = parse(t, i.leaf("between", between.key.Public(), func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }))
	_, err = a.Issued(between.leaf("a", pub, nil))
	holdError(t, err, fedmsg.CodeUnknownSigner, "no authority of this root")
	_, err = authority(t, false, i, between).Issued(between.leaf("a", pub, nil))
	holdError(t, err, "", "")
}

func TestWeakCertificates(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", rsaKeys[2048](), nil)
	strict, legacy := authority(t, false, i), authority(t, true, i)
	for want, data := range map[string][]byte{
		"signed with SHA-1": i.leaf("a", edKey(t).Public(), func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }),
		"has 1024 bits":     i.leaf("a", rsaKeys[1024]().Public(), nil),
	} {
		_, err := strict.Issued(data)
		holdError(t, err, fedmsg.CodeWeakSignature, want)
		l, err := legacy.Issued(data)
		if err != nil || (l.Key.Key() == nil) != (want == "has 1024 bits") {
			t.Errorf("%s: %v, %v", want, l, err)
		}
	}
}

// TestRenewedAuthorities holds that anchors of one name are each tried, and that one of them need be valid at the time.
func TestRenewedAuthorities(t *testing.T) {
	t.Parallel()
	dated := func(a, b int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = from.AddDate(a, 0, 0), from.AddDate(b, 0, 0)
		}
	}
	key := edKey(t)
	old, renewed, other := newIssuer(t, "ca", key, dated(0, 2)), newIssuer(t, "ca", key, dated(1, 9)), newIssuer(t, "ca", edKey(t), dated(0, 9))
	a := authority(t, false, other, old, renewed)
	l, err := a.Issued(renewed.leaf("a", edKey(t).Public(), nil))
	if err != nil || !l.Anchor.Equal(old.cert) {
		t.Fatalf("%v, %v", l, err)
	}
	for years, want := range map[int]fedmsg.Code{0: "", 1: "", 2: "", 8: "", 10: fedmsg.CodeExpired} {
		holdError(t, l.CheckAt(from.AddDate(years, 6, 0)), want, "the authority")
	}
	if _, err := a.Issued(other.leaf("a", edKey(t).Public(), nil)); err != nil {
		t.Error(err)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	wide := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from.AddDate(-5, 0, 0), until.AddDate(5, 0, 0) }
	narrow := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from.AddDate(1, 0, 0), until.AddDate(-1, 0, 0) }
	for _, c := range []struct {
		change func(*x509.Certificate)
		at     time.Time
		want   string
	}{
		{narrow, from.AddDate(1, 0, 0), ""},
		{narrow, from.AddDate(1, 0, 0).Add(-time.Second), `certificate "a" is valid from 2021-01-01T00:00:00Z to 2044-01-01T00:00:00Z, which 2020-12-31T23:59:59Z is not within`},
		{narrow, until.AddDate(-1, 0, 0), ""},
		{narrow, until.AddDate(-1, 0, 0).Add(time.Second), `certificate "a"`},
		{wide, from, ""},
		{wide, from.Add(-time.Second), `the authority "CN=ca" is valid from`},
		{wide, until, ""},
		{wide, until.Add(time.Second), "the authority"},
	} {
		l, err := authority(t, false, i).Issued(i.leaf("a", edKey(t).Public(), c.change))
		if err != nil {
			t.Fatal(err)
		}
		code := fedmsg.CodeExpired
		if c.want == "" {
			code = ""
		}
		holdError(t, l.CheckAt(c.at), code, c.want)
	}
}

// TestAlgorithmsDisagree holds that a certificate names one algorithm, inside what is signed and outside.
func TestAlgorithmsDisagree(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", rsaKeys[2048](), nil)
	data := i.leaf("a", edKey(t).Public(), nil)
	// sha256WithRSAEncryption (…1.1.11) becomes sha512 (…1.1.13) where it stands last, which is outside.
	at := strings.LastIndex(string(data), "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")
	data[at+8] = 0x0d
	_, err := authority(t, true, i).Issued(data)
	holdError(t, err, fedmsg.CodeMalformedSignature, "cannot be read")
}
