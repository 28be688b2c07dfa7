package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/pki"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// How long before its end something is told.
const (
	certificateAhead = 30 * 24 * time.Hour
	tokenAhead       = 7 * 24 * time.Hour
)

// certificates says which certificates, and tokens, are over or soon will be. That of authorities in [[trust]] the node says itself.
func (s *Subject) certificates(context.Context) []Finding {
	var all []Finding
	for _, f := range s.Loaded.Config.NamedFiles() {
		if f.Kind == config.OwnCertificate || f.Kind == config.Authorities {
			all = append(all, s.certificate(f))
		}
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

// What is to be done about a certificate of one's own, and of others, when it ends.
const (
	renewal = "have it renewed, as by `fedmsg keys ca issue NAME`, and put it and its key in the place of the old ones; the node reads them again by itself"
	another = "put the new certificate of the authority into the file, beside the old one until all that it issued have new ones"
)

// certificate looks at one file, which is as good as the certificate in it that ends first; one of authorities fails with the last.
func (s *Subject) certificate(f config.NamedFile) Finding {
	looked := f.Key + " (" + f.Path + ")"
	span, err := pki.ReadSpan(f.Path)
	if fedmsg.CodeOf(err) == fedmsg.CodeConfig {
		return failed(looked, err.Error(), "put a good one there; `openssl x509 -in FILE -text` shows one")
	}
	if err != nil {
		return unreadable(looked, err)
	}
	if s.Now().Before(span.Begin) {
		return failed(looked, fmt.Sprintf("it is not valid before %s", span.Begin.Format(time.RFC3339)), "look at the clock of this machine: `timedatectl`")
	}
	cure := renewal
	if f.Kind == config.Authorities {
		cure = another
	}
	if told, soon := s.ends(looked, "the certificate", span.First, cure); soon {
		if f.Kind == config.Authorities && told.Status == ops.Failed && span.Last.After(s.Now()) {
			return warning(looked, "one of its certificates, of "+span.Subject+", is over, and others are good", "take it out, unless its authority has a new one, which belongs there then")
		}
		return told
	}
	if f.Pair != "" {
		if _, err := tls.LoadX509KeyPair(f.Path, f.Pair); err != nil {
			return failed(looked, fmt.Sprintf("it and the key %s cannot be used together: %v", f.Pair, err), "put the key there that belongs to the certificate, readable for the node's user")
		}
	}
	return ok(looked, "it is valid until %s", span.First.UTC().Format("2006-01-02"))
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
