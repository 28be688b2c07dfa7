package mailtrust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// TestRefused holds what a signature is not taken for, each by a signature that its key did make. Nothing is covered, nor is it aligned.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	expect(t, "as made here", one(t, signTags(t, s, text, map[string]string{"t": "1795330000", "x": "1795339200", "i": "ann@list.example.org", "q": "dns/txt:other"})), whole(s))
	for _, c := range []struct {
		result, reason string
		tags           map[string]string
	}{
		{permError, "version", map[string]string{"v": "2"}},
		{permError, "version", map[string]string{"v": ""}},
		{policy, "SHA-1", map[string]string{"a": "rsa-sha1"}},
		{permError, "(a=)", map[string]string{"a": "ed25519-sha512"}},
		{permError, "(a=)", map[string]string{"a": "dsa-sha256"}},
		{permError, "(a=)", map[string]string{"a": ""}},
		{permError, "(q=)", map[string]string{"q": "http"}},
		{permError, "(c=)", map[string]string{"c": "nothing/relaxed"}},
		{permError, "(c=)", map[string]string{"c": "relaxed/nothing"}},
		{permError, "(l=)", map[string]string{"l": "-1"}},
		{permError, "(l=)", map[string]string{"l": "all"}},
		{permError, "from", map[string]string{"h": "subject:date"}},
		{permError, "from", map[string]string{"h": ""}},
		{policy, "500 fields", map[string]string{"h": "from" + strings.Repeat(":x", 500)}},
		{permError, "(i=)", map[string]string{"i": "ann@example.net"}},
		{permError, "(i=)", map[string]string{"i": "ann@notexample.org"}},
		{permError, "(i=)", map[string]string{"i": "example.org"}},
		{permError, "(bh=)", map[string]string{"bh": "AAAA"}},
		{permError, "(bh=)", map[string]string{"bh": "?"}},
		{permError, "(t=, x=)", map[string]string{"t": "today"}},
		{permError, "(t=, x=)", map[string]string{"x": "-1"}},
		{fail, "expired", map[string]string{"x": "1795333000"}},
		{fail, "future", map[string]string{"t": "1799999999"}},
		{permError, "ended before", map[string]string{"t": "1795339300", "x": "1795339200"}},
		{permError, "domain (d=)", map[string]string{"d": "org"}},
		{permError, "domain (d=)", map[string]string{"d": "example..org"}},
		{permError, "domain (d=)", map[string]string{"d": "ex\u00e4mple.org"}},
		{permError, "domain (d=)", map[string]string{"d": strings.Repeat("a", 64) + ".org"}},
		{permError, "domain (d=)", map[string]string{"s": "*"}},
		{permError, "domain (d=)", map[string]string{"s": ""}},
		{permError, "no such key", map[string]string{"s": "other"}},
		{policy, "16 KiB", map[string]string{"z": strings.Repeat("x", 17<<10)}},
		{permError, "each of them once", map[string]string{"z": "x; v=1"}},
		{permError, "each of them once", map[string]string{"z": "x; v"}},
	} {
		all := check(t, dns(), signTags(t, s, text, c.tags))
		if d := all[0]; len(all) != 1 || d.Result != c.result || !strings.Contains(d.Reason, c.reason) || d.Covers != nil || d.Body != "" || d.Aligned {
			t.Errorf("%.60v: %+v", c.tags, all)
		}
	}
}

// TestKeysRefused holds which keys are not taken.
func TestKeysRefused(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	record := s.record()
	x := record[strings.Index(record, "p="):]
	for _, c := range []struct {
		result, reason string
		texts          []string
	}{
		{pass, "", []string{"k=ed25519;" + x}},
		{pass, "", []string{"v=DKIM1; k=ed25519; h=sha1:sha256; s=email; t=s; n=a note;" + x}},
		{permError, "no such key", []string{}},
		{permError, "several keys", []string{record, record}},
		{permError, "known form", []string{"v=spf1 -all"}},
		{permError, "known form", []string{record + "; n=" + strings.Repeat("x", 17<<10)}},
		{permError, "known form", []string{record + "; " + x}},
		{permError, "revoked", []string{"v=DKIM1; k=ed25519; p="}},
		{permError, "(h=)", []string{record + "; h=sha1"}},
		{permError, "(s=)", []string{record + "; s=other"}},
		{policy, "tests", []string{record + "; t=y"}},
		{permError, "another kind", []string{keys()[0].record()}},
		{permError, "cannot be read", []string{"v=DKIM1; " + x}},
		{permError, "cannot be read", []string{"v=DKIM1; k=ed25519; p=AAAA"}},
		{permError, "cannot be read", []string{"v=DKIM1; k=ed25519"}},
		{permError, "cannot be read", []string{record + "?!"}},
		{permError, "cannot be read", []string{"v=DKIM1; k=ed448; " + x}},
	} {
		all := check(t, table{s.name(): c.texts}, signTags(t, s, text, nil))
		if d := all[0]; len(all) != 1 || d.Result != c.result || !strings.Contains(d.Reason, c.reason) || d.Aligned != (c.result == pass) {
			t.Errorf("%.60v: %+v", c.texts, all)
		}
	}
	below := signTags(t, s, text, map[string]string{"i": "@list.example.org"})
	if d := check(t, table{s.name(): {record + "; t=s"}}, below)[0]; d.Result != permError || !strings.Contains(d.Reason, "t=s") {
		t.Errorf("a key that is not for those below the domain: %+v", d)
	}
}

// TestShortKey holds that an RSA key of less than 1024 bits is not taken, nor one so long that it costs much.
func TestShortKey(t *testing.T) {
	t.Parallel()
	for _, bits := range []uint{1023, 8193} {
		n := new(big.Int).SetBit(big.NewInt(1), int(bits-1), 1)
		data, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		if _, f := readKey("p=" + base64.StdEncoding.EncodeToString(data)); f.result != policy || !strings.Contains(f.reason, "1024") {
			t.Errorf("a key of %d bits: %+v", bits, f)
		}
	}
	if _, f := readKey("p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(keys()[0].key.Public().(*rsa.PublicKey)))); f != (finding{}) {
		t.Errorf("a key in the older form: %+v", f)
	}
}

// TestAligned holds when a signature is by the sender's domain.
func TestAligned(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, domain string
		want         bool
	}{
		{"ann@example.org", "example.org", true},
		{"Ann <ann@EXAMPLE.org>", "example.org", true},
		{"owner@bugs.debian.org", "debian.org", true},
		{"ann@debian.org", "bugs.debian.org", true},
		{"ann@notexample.org", "example.org", false},
		{"ann@example.org.example.net", "example.org", false},
		{"ann@example.co.uk", "example2.co.uk", false},
		{"ann@example.co.uk", "co.uk", false},
		{"ann@one.debian.net", "two.debian.net", false}, // each of somebody else
		{"ann@one.github.io", "two.github.io", false},
		{`"ann@example.org" <eve@example.net>`, "example.org", false},
		{"=?utf-8?q?ann=40example.org?= <eve@example.net>", "example.org", false},
		{"=?koi8-r?b?4c7O?= <ann@example.org>", "example.org", true},
		{"Ann <eve@example.net> <ann@example.org>", "example.org", false},
		{"ann@example.org (eve@example.net)", "example.org", true},
		{"ann@example.org <eve@example.net", "example.org", false},
		{"Debian, by hand <ann@example.org>", "example.org", false}, // two to one program, and one to another
		{"ann", "example.org", false},
	} {
		s := &signer{c.domain, "three", "ed25519", key}
		mail := strings.Replace(text, "Ann <ann@example.org>", c.from, 1)
		all := check(t, table{s.name(): {s.record()}}, signTags(t, s, mail, nil))
		if len(all) != 1 || all[0].Result != pass || all[0].Aligned != c.want {
			t.Errorf("%s signed by %s: %+v", c.from, c.domain, all)
		}
	}
}

// TestReasonIsOurs holds that nothing of a mail gets into what is said of it but domain and selector.
func TestReasonIsOurs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"v", "a", "c", "i", "q", "l", "t", "x", "bh", "h", "d", "s"} {
		mail := signTags(t, &keys()[1], text, map[string]string{name: "<script>"})
		if said := fmt.Sprint(check(t, dns(), mail)); strings.Contains(said, "script") {
			t.Error(said)
		}
	}
}
