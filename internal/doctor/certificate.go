package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// How long before its end something is told.
const (
	certificateAhead = 30 * 24 * time.Hour
	tokenAhead       = 7 * 24 * time.Hour
)

// certificate is a file of certificates that the configuration names.
type certificate struct {
	key  string // of the configuration
	file string
	pair string // the file of its private key; empty where there is none
	cure string // what to do when it ends
	any  bool   // it is of authorities, of which one is enough
}

// renewal is what is to be done about a certificate of one's own.
const renewal = "have it renewed, as by `fedmsg keys ca issue NAME`, and put it and its key in the place of the old ones; the node reads them again by itself"

// certificates says which certificates, and tokens, are over or soon will be. That of authorities in [[trust]] the node says itself.
func (s *Subject) certificates(context.Context) []Finding {
	var all []Finding
	for _, c := range s.certificateFiles() {
		all = append(all, s.certificate(c))
	}
	tokens, err := token.Read(daemon.TokensFile(s.Loaded.Config.State))
	if err == nil { // else the node's health, or the permissions, say what is wrong
		for _, t := range tokens {
			if f, soon := s.endsWithin(tokenAhead, "token "+t.Name, "the token", t.Expires, "make another with `fedmsg token new`, and `fedmsg token revoke "+t.Name+"`"); soon {
				all = append(all, f)
			}
		}
	}
	if len(all) == 0 {
		return []Finding{ok("http.listen, signing, sinks, sources, tokens", "no certificates are configured, and no token ends soon")}
	}
	return all
}

func (s *Subject) certificateFiles() (all []certificate) {
	c := &s.Loaded.Config
	add := func(key, file, pair, cure string) {
		if file != "" {
			all = append(all, certificate{key: key, file: file, pair: pair, cure: cure, any: strings.Contains(key, "ca of ")})
		}
	}
	for _, uri := range c.HTTP.Listen {
		u, err := url.Parse(uri)
		if err != nil {
			continue
		}
		add("http.listen "+u.Host, u.Query().Get("cert"), u.Query().Get("key"), renewal)
		add("client_ca of http.listen "+u.Host, u.Query().Get("client_ca"), "", "put the authority's new certificate into the file, beside the old one until all clients have new ones")
	}
	add("signing.certificate", c.Signing.Certificate, "", renewal)
	add("signing.x509_certificate", c.Signing.X509Certificate, "", renewal)
	for i := range c.Sink {
		f := c.Sink[i].Files()
		add("sink "+c.Sink[i].Name, f.Certificate, f.Key, renewal)
		add("ca of sink "+c.Sink[i].Name, f.CA, "", "put the new certificate of the other side's authority into the file")
	}
	for i := range c.Source {
		f := c.Source[i].Files()
		add("source "+c.Source[i].Name, f.Certificate, f.Key, renewal)
		add("ca of source "+c.Source[i].Name, f.CA, "", "put the new certificate of the other side's authority into the file")
	}
	return all
}

// certificate looks at one file, which is as good as the certificate in it that ends first; one of authorities fails with the last.
func (s *Subject) certificate(c certificate) Finding {
	looked := c.key + " (" + c.file + ")"
	data, err := os.ReadFile(c.file)
	if err != nil {
		return unreadable(looked, err)
	}
	var first, last *x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return failed(looked, "it has a certificate that cannot be read: "+err.Error(), "put a good one there; `openssl x509 -in FILE -text` shows one")
		}
		if first == nil || found.NotAfter.Before(first.NotAfter) {
			first = found
		}
		if last == nil || found.NotAfter.After(last.NotAfter) {
			last = found
		}
	}
	if first == nil {
		return failed(looked, "there is no PEM certificate in it", "put one there")
	}
	if now := s.Now(); now.Before(first.NotBefore) {
		return failed(looked, fmt.Sprintf("it is not valid before %s", first.NotBefore.Format(time.RFC3339)), "look at the clock of this machine: `timedatectl`")
	}
	if f, soon := s.ends(looked, "the certificate", first.NotAfter, c.cure); soon {
		if c.any && f.Status == ops.Failed && last.NotAfter.After(s.Now()) {
			return warning(looked, "one of its certificates, of "+first.Subject.String()+", is over, and others are good", "take it out, unless its authority has a new one, which belongs there then")
		}
		return f
	}
	if c.pair != "" {
		if _, err := tls.LoadX509KeyPair(c.file, c.pair); err != nil {
			return failed(looked, fmt.Sprintf("it and the key %s cannot be used together: %v", c.pair, err), "put the key there that belongs to the certificate, readable for the node's user")
		}
	}
	return ok(looked, "it is valid until %s", first.NotAfter.UTC().Format("2006-01-02"))
}

// ends tells of a certificate that is over or soon will be.
func (s *Subject) ends(looked, what string, end time.Time, cure string) (Finding, bool) {
	return s.endsWithin(certificateAhead, looked, what, end, cure)
}

// endsWithin tells of what is over, or will be within that time; the zero time is never.
func (s *Subject) endsWithin(ahead time.Duration, looked, what string, end time.Time, cure string) (Finding, bool) {
	left := end.Sub(s.Now())
	switch {
	case end.IsZero() || left > ahead:
		return Finding{}, false
	case left <= 0:
		return failed(looked, fmt.Sprintf("%s ended at %s", what, end.UTC().Format("2006-01-02 15:04 MST")), cure), true
	}
	return warning(looked, fmt.Sprintf("%s ends in %s, at %s", what, days(left), end.UTC().Format("2006-01-02 15:04 MST")), cure), true
}

// days is a time as people say it.
func days(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.Round(time.Minute).String()
}
