package pki

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// testList is what a revocation list says (RFC 5280).
type testList struct {
	Version             int `asn1:"optional,default:0"` // version 1 has none, and version 2 is 1
	Signature           pkix.AlgorithmIdentifier
	Issuer              pkix.RDNSequence
	ThisUpdate          time.Time
	NextUpdate          time.Time                 `asn1:"optional"`
	RevokedCertificates []pkix.RevokedCertificate `asn1:"optional"`
	Extensions          []pkix.Extension          `asn1:"tag:0,optional,explicit"`
}

// list makes a revocation list of version 2, in DER, signed by Ed25519 or RSA with SHA-1; change alters it before.
func (i *issuer) list(change func(*testList), entries ...pkix.RevokedCertificate) []byte {
	i.t.Helper()
	how := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 112}}
	_, sha1RSA := i.key.Public().(interface{ Size() int })
	if sha1RSA {
		how = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, Parameters: asn1.NullRawValue}
	}
	list := testList{
		Version: 1, Signature: how, ThisUpdate: from, NextUpdate: from.AddDate(0, 1, 0), RevokedCertificates: entries,
	}
	if _, err := asn1.Unmarshal(i.cert.RawSubject, &list.Issuer); err != nil {
		i.t.Fatal(err)
	}
	if change != nil {
		change(&list)
	}
	body, err := asn1.Marshal(list)
	if err != nil {
		i.t.Fatal(err)
	}
	hash, message := crypto.Hash(0), body
	if sha1RSA {
		sum := sha1.Sum(body)
		hash, message = crypto.SHA1, sum[:]
	}
	signature, err := i.key.Sign(rand.Reader, message, hash)
	if err != nil {
		i.t.Fatal(err)
	}
	data, err := asn1.Marshal(struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: body}, how, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		i.t.Fatal(err)
	}
	return data
}

// entry revokes a serial number from a day on.
func entry(serial int64, since time.Time, extensions ...pkix.Extension) pkix.RevokedCertificate {
	return pkix.RevokedCertificate{SerialNumber: big.NewInt(serial), RevocationTime: since, Extensions: extensions}
}

func extension(critical bool, value []byte, id ...int) pkix.Extension {
	return pkix.Extension{Id: id, Critical: critical, Value: value}
}

// mustList parses a list.
func mustList(t *testing.T, a *Authority, data []byte) *CRL {
	t.Helper()
	c, err := a.ParseCRL(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustIssue(t *testing.T, a *Authority, data []byte) *Leaf {
	t.Helper()
	l, err := a.Issued(data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRevoked(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a, pub := authority(t, false, i), edKey(t).Public()
	since := from.AddDate(1, 0, 0)
	huge := new(big.Int).Lsh(big.NewInt(0x7f), 150)
	lists := map[string][]byte{
		"v2":     i.list(nil, entry(17, since), entry(0x80, since), pkix.RevokedCertificate{SerialNumber: huge, RevocationTime: since}),
		"v1":     i.list(func(l *testList) { l.Version = 0 }, entry(17, since), entry(0x80, since), pkix.RevokedCertificate{SerialNumber: huge, RevocationTime: since}),
		"twice":  i.list(nil, entry(17, since.AddDate(1, 0, 0)), entry(17, since), entry(17, since.AddDate(2, 0, 0)), entry(0x80, since), pkix.RevokedCertificate{SerialNumber: huge, RevocationTime: since}),
		"reason": i.list(nil, entry(17, since, extension(true, []byte{10, 1, 1}, 2, 5, 29, 21)), entry(0x80, since), pkix.RevokedCertificate{SerialNumber: huge, RevocationTime: since}),
	}
	for name, data := range lists {
		if name == "v2" {
			data = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: data})
		}
		c := mustList(t, a, data)
		for _, serial := range []*big.Int{big.NewInt(17), big.NewInt(0x80), huge} {
			l := mustIssue(t, a, i.leaf("a", pub, func(c *x509.Certificate) { c.SerialNumber = serial }))
			holdError(t, c.Revoked(l, since.Add(-time.Second)), "", "")
			holdError(t, c.Revoked(l, since), fedmsg.CodeRevoked, `certificate "a" is revoked since 2021-01-01T00:00:00Z`)
		}
		l := mustIssue(t, a, i.leaf("a", pub, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(18) }))
		holdError(t, c.Revoked(l, until), "", "")
	}
}

// TestRevokedAnchor holds that a list which names its own authority ends all that it issued, and that of two authorities each
// one's list is of its own certificates alone.
func TestRevokedAnchor(t *testing.T) {
	t.Parallel()
	one, two := newIssuer(t, "one", edKey(t), nil), newIssuer(t, "two", edKey(t), nil)
	a, pub := authority(t, false, one, two), edKey(t).Public()
	since := from.AddDate(1, 0, 0)
	c := mustList(t, a, one.list(nil, entry(1, since), entry(17, since)))
	l := mustIssue(t, a, one.leaf("a", pub, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(18) }))
	holdError(t, c.Revoked(l, since.Add(-time.Second)), "", "")
	holdError(t, c.Revoked(l, since), fedmsg.CodeRevoked, `the authority "CN=one" is revoked since`)
	holdError(t, c.Revoked(mustIssue(t, a, two.leaf("a", pub, nil)), until), "", "")
}

func TestStale(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, false, i)
	c := mustList(t, a, i.list(nil))
	end := from.AddDate(0, 1, 0)
	if !c.ThisUpdate.Equal(from) || !c.NextUpdate.Equal(end) {
		t.Errorf("from %s to %s", c.ThisUpdate, c.NextUpdate)
	}
	if c.Stale(end, 0) || !c.Stale(end.Add(1), 0) || c.Stale(end.Add(time.Hour), time.Hour) || !c.Stale(end.Add(time.Hour+1), time.Hour) {
		t.Error("the grace begins at the next update")
	}
	c = mustList(t, a, i.list(func(l *testList) { l.NextUpdate = time.Time{} }))
	if c.Stale(until.AddDate(100, 0, 0), 0) || !c.NextUpdate.IsZero() {
		t.Error("a list without a next update is stale")
	}
	far := time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC) // which needs the long form of time
	c = mustList(t, a, i.list(func(l *testList) { l.ThisUpdate, l.NextUpdate = from.AddDate(-21, 0, 0), far }))
	if !c.NextUpdate.Equal(far) || c.ThisUpdate.Year() != 1999 {
		t.Errorf("from %s to %s", c.ThisUpdate, c.NextUpdate)
	}
}

func TestListOfOthers(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	_, err := a.ParseCRL(newIssuer(t, "other", edKey(t), nil).list(nil))
	holdError(t, err, fedmsg.CodeConfig, `it is the revocation list of "CN=other", which is no authority of this root`)
	_, err = a.ParseCRL(newIssuer(t, "other", i.key, nil).list(nil))
	holdError(t, err, fedmsg.CodeConfig, "no authority of this root")
	signsNone := newIssuer(t, "ca", edKey(t), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	_, err = authority(t, true, signsNone).ParseCRL(signsNone.list(nil))
	holdError(t, err, fedmsg.CodeConfig, "is not for signing revocation lists")
	// Beside an anchor of the same name that may not, the one that may.
	if _, err = authority(t, true, signsNone, i).ParseCRL(i.list(nil)); err != nil {
		t.Error(err)
	}
}

func TestForgedList(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	_, err := a.ParseCRL(newIssuer(t, "ca", edKey(t), nil).list(nil))
	holdError(t, err, fedmsg.CodeConfig, `names the authority "CN=ca", which did not sign it`)
	data := i.list(nil, entry(17, from))
	data[len(data)-1] ^= 1
	_, err = a.ParseCRL(data)
	holdError(t, err, fedmsg.CodeConfig, "did not sign it")
}

func TestWeakLists(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", rsaKeys[2048](), nil)
	data := i.list(nil, entry(17, from))
	_, err := authority(t, false, i).ParseCRL(data)
	holdError(t, err, fedmsg.CodeConfig, "is signed with SHA-1, which needs legacy = true")
	mustList(t, authority(t, true, i), data)
}

func TestListExtensions(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	with := func(e ...pkix.Extension) []byte {
		return i.list(func(l *testList) { l.Extensions = e })
	}
	number := extension(false, []byte{2, 1, 9}, 2, 5, 29, 20)
	c := mustList(t, a, with(number, extension(false, []byte{5, 0}, 1, 2, 3), extension(false, []byte{48, 0}, 2, 5, 29, 46)))
	if c.number.Int64() != 9 {
		t.Errorf("the list has the number %s", c.number)
	}
	for want, data := range map[string][]byte{
		"it is a delta revocation list":                               with(number, extension(true, []byte{2, 1, 1}, 2, 5, 29, 27)),
		"changes only; give the whole list":                           with(extension(false, []byte{2, 1, 1}, 2, 5, 29, 27)),
		"critical extension 2.5.29.28 (issuing distribution point":    with(extension(true, []byte{48, 0}, 2, 5, 29, 28)),
		"the revocation list has the critical extension 1.2.3, which": with(extension(true, []byte{5, 0}, 1, 2, 3)),
		"an entry of the revocation list has the critical extension 2.5.29.29 (certificate issuer": i.list(nil,
			entry(1, from, extension(true, []byte{48, 0}, 2, 5, 29, 29))),
	} {
		_, err := a.ParseCRL(data)
		holdError(t, err, fedmsg.CodeConfig, want)
	}
	mustList(t, a, i.list(nil, entry(1, from, extension(false, []byte{5, 0}, 1, 2, 3), extension(true, []byte{10, 1, 8}, 2, 5, 29, 21))))
}

func TestDamagedLists(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	good := i.list(nil, entry(17, from))
	text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: good})
	for want, data := range map[string][]byte{
		"is damaged or is none":       append(good[:len(good):len(good)], 0),
		"holds no PEM block":          nil,
		"holds 2 PEM blocks":          append(text[:len(text):len(text)], text...),
		`holds a block "CERTIFICATE"`: i.pem(),
		"two ways in which it is signed": i.list(func(l *testList) {
			l.Signature.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
		}),
		"of a version that is not known": i.list(func(l *testList) { l.Version = 2 }),
		// Version 1 has no extensions, of the list or of an entry.
		"list is damaged": i.list(func(l *testList) {
			l.Version, l.Extensions = 0, []pkix.Extension{extension(false, []byte{5, 0}, 1, 2, 3)}
		}),
		"the revocation list is damaged": i.list(func(l *testList) { l.Version = 0 },
			entry(1, from, extension(false, []byte{5, 0}, 1, 2, 3))),
		"67108864 are allowed": make([]byte, maxCRL+1),
	} {
		_, err := a.ParseCRL(data)
		holdError(t, err, fedmsg.CodeConfig, want)
	}
	certificate := newIssuer(t, "ca", ecKey(t, elliptic.P256()), nil).cert.Raw
	if _, err := a.ParseCRL(certificate); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a certificate is taken as a list: %v", err)
	}
}

// TestLongList holds that the list of a big site is read.
func TestLongList(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, false, i)
	const n = 100_000
	entries := make([]pkix.RevokedCertificate, n)
	for k := range entries {
		entries[k] = entry(int64(k)*7919+1000, from, extension(false, []byte{10, 1, 4}, 2, 5, 29, 21))
	}
	data := i.list(nil, entries...)
	begin := time.Now()
	c := mustList(t, a, data)
	t.Logf("measured: %d entries in %d bytes: %s", n, len(data), time.Since(begin)) // a tenth of a second where nothing else runs
	if c.Len() != n {
		t.Errorf("%d entries", c.Len())
	}
	l := mustIssue(t, a, i.leaf("a", edKey(t).Public(), func(c *x509.Certificate) { c.SerialNumber = big.NewInt((n-1)*7919 + 1000) }))
	holdError(t, c.Revoked(l, until), fedmsg.CodeRevoked, "")
}
