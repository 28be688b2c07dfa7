package mailtrust

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// table is a DNS in which keys stand by their names.
type table map[string][]string

// LookupTXT implements Resolver.
func (d table) LookupTXT(_ context.Context, name string) ([]string, error) {
	if texts, ok := d[name]; ok {
		return texts, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// signer is a key of a domain.
type signer struct {
	domain, selector, kind string
	key                    crypto.Signer
}

// keys are made once: RSA keys take long to make.
var keys = sync.OnceValue(func() []signer {
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return []signer{{"example.org", "one", "rsa", strong}, {"example.org", "two", "ed25519", edwards}}
})

// record is how the key stands in the DNS.
func (s *signer) record() string {
	public := s.key.Public()
	data, ok := public.(ed25519.PublicKey)
	if !ok {
		var err error
		if data, err = x509.MarshalPKIXPublicKey(public); err != nil {
			panic(err)
		}
	}
	return "v=DKIM1; k=" + s.kind + "; p=" + base64.StdEncoding.EncodeToString(data)
}

// name is where it stands.
func (s *signer) name() string { return s.selector + "._domainkey." + s.domain + "." }

// dns has all keys.
func dns() table {
	t := make(table)
	for _, s := range keys() {
		t[s.name()] = []string{s.record()}
	}
	return t
}

// text is a mail that nobody has signed.
const text = "From: Ann <ann@example.org>\r\nTo: all@lists.example.net\r\nSubject: a  folded\r\n\tsubject\r\n" +
	"Date: Sun, 22 Nov 2026 07:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nContent-Type: text/plain\r\nList-Id: <all.lists.example.net>\r\n" +
	"\r\nHello  all,\r\n\r\nthis is \t it. \r\n\r\n\r\n"

// names are fields that signers sign, each of the first ones once more than it is there.
func names() []string {
	return []string{"From", "From", "Subject", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "To", "List-Id"}
}

// signWith signs by the program of others.
func signWith(t *testing.T, s *signer, mail string, header, body dkim.Canonicalization, names []string) string {
	t.Helper()
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{
		Domain: s.domain, Selector: s.selector, Signer: s.key, HeaderCanonicalization: header, BodyCanonicalization: body, HeaderKeys: names,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// signTags signs a mail with tags that no program would write: those given stand for the usual ones of their names; an empty one is
// left out.
func signTags(t *testing.T, s *signer, mail string, given map[string]string) string {
	t.Helper()
	x, ok := divide([]byte(mail))
	if !ok {
		t.Fatal("the test's mail is divided by nobody")
	}
	sum, _ := bodySum(x.body, true, -1)
	tags := map[string]string{
		"v": "1", "a": s.kind + "-sha256", "c": "relaxed/relaxed", "d": s.domain, "s": s.selector,
		"h": strings.Join(names(), ":"), "bh": base64.StdEncoding.EncodeToString(sum[:]),
	}
	for name, value := range given {
		tags[name] = value
	}
	b := "DKIM-Signature:"
	for _, name := range []string{"v", "a", "c", "d", "s", "i", "q", "l", "t", "x", "h", "bh", "z"} {
		if tags[name] != "" {
			b += " " + name + "=" + tags[name] + ";"
		}
	}
	f := &field{signatureField, []byte(b + " b=\r\n")}
	hash := x.headerSum(&signature{field: f, names: listOf(tags["h"]), relaxedHeader: true})
	var how crypto.SignerOpts = crypto.SHA256
	if s.kind == "ed25519" {
		how = crypto.Hash(0)
	}
	made, err := s.key.Sign(rand.Reader, hash[:], how)
	if err != nil {
		t.Fatal(err)
	}
	return b + " b=" + base64.StdEncoding.EncodeToString(made) + "\r\n" + mail
}

// upTo is the tags of a signature over the first bytes of a body.
func upTo(n int, body string) map[string]string {
	sum := sha256.Sum256([]byte(body[:n]))
	return map[string]string{"l": fmt.Sprint(n), "bh": base64.StdEncoding.EncodeToString(sum[:])}
}

// check gives what is found out about a mail.
func check(t *testing.T, resolver Resolver, mail string) []debian.DKIM {
	t.Helper()
	m, err := mailmsg.Parse([]byte(mail), mailmsg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Resolver: resolver, Now: func() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }})
	return c.DKIM(t.Context(), []byte(mail), m)
}

// one gives the only statement about a mail, without the reason.
func one(t *testing.T, mail string) debian.DKIM {
	t.Helper()
	all := check(t, dns(), mail)
	if len(all) != 1 {
		t.Fatalf("%d statements: %+v", len(all), all)
	}
	all[0].Reason = ""
	return all[0]
}

// whole is what is said of a mail that is as it was signed.
func whole(s *signer) debian.DKIM {
	return debian.DKIM{
		Result: pass, Domain: s.domain, Selector: s.selector, Aligned: true, Body: bodyWhole,
		Covers: []string{"from", "to", "subject", "date", "message-id", "list-id"},
	}
}

// expect compares.
func expect(t *testing.T, what string, got, want debian.DKIM) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

// without gives the covered fields without some.
func without(covers []string, names ...string) []string {
	var left []string
	for _, c := range covers {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+c+" ") {
			left = append(left, c)
		}
	}
	return left
}
