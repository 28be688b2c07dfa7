// Package mailtrust finds out who signed a mail, and what of it.
//
// It promises to say no more than what a signature stands for. DKIM is a domain's word on some fields of the header and on the body: what
// is said of it is said of each field, and a field that is there more often than it was signed is not covered. A mail that was sent on to
// others with more in it, or with other fields, so never gets more than what its signer signed. OpenPGP is a person's word on one text,
// and it is checked over exactly the bytes whose fields are published. That a signature is good does not tell that what it says
// is true, nor that the signer may say it: that is for the readers of the messages to decide.
//
// It changes nothing and refuses nothing. Asking for keys takes a bounded time, whatever the domains do.
package mailtrust

import (
	"context"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// maxSignatures is how many signatures of one mail are looked at. Real mails have up to four.
const maxSignatures = 8

// defaultKeyTime is how long the domains of one mail are asked for their keys, together.
const defaultKeyTime = 5 * time.Second

// Config is what a Checker works with.
type Config struct {
	Resolver Resolver         // asked for the keys of domains; nil means that nothing is said of DKIM
	KeyTime  time.Duration    // how long the domains of one mail are asked, together; 0 means 5 s
	Keyrings []*Keyring       // OpenPGP keys; without any all are unknown
	Now      func() time.Time // nil means [time.Now]
}

// Checker checks the signatures of mails. It is safe for concurrent use.
type Checker struct {
	c    Config
	keys keyCache
}

// New makes a Checker.
func New(c Config) *Checker {
	if c.KeyTime == 0 {
		c.KeyTime = defaultKeyTime
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Checker{c: c, keys: keyCache{known: make(map[string]cachedKey)}}
}

// Check writes into the events of a mail who signed it and what of it. raw is the mail as it came, with LF or CRLF, and m was read
// from it; events are what it announces. It ends with ctx, or when the time for keys is over.
func (c *Checker) Check(ctx context.Context, raw []byte, m *mailmsg.Mail, events []debian.Event) {
	var found []debian.DKIM
	if c.c.Resolver != nil && len(events) > 0 {
		found = c.DKIM(ctx, raw, m)
	}
	for _, e := range events {
		origin := e.Body.Origin()
		origin.DKIM = found
		if e.Signed != nil {
			origin.OpenPGP = c.openPGP(e.Signed)
		}
	}
}

// DKIM gives what is found out about each signature of the header, from its top: always one at least. It needs a Resolver.
func (c *Checker) DKIM(ctx context.Context, raw []byte, m *mailmsg.Mail) []debian.DKIM {
	if m.Header.Count(signatureField) == 0 {
		return []debian.DKIM{{Result: none}}
	}
	x, ok := divide(raw)
	// verification: dkim-header-form (TestHeadersReadDifferently)
	if !ok {
		return []debian.DKIM{{Result: permError, Reason: "the mail breaks the rules so that programs read its header differently"}}
	}
	var all []*checked
	for i := range x.fields {
		if x.fields[i].name != signatureField {
			continue
		}
		// verification: dkim-signatures (TestManySignatures)
		if len(all) == maxSignatures {
			all = append(all, &checked{finding: finding{policy, "the mail has more than 8 signatures; the others were not looked at"}})
			break
		}
		s, f := readSignature(&x.fields[i], c.c.Now())
		all = append(all, &checked{signature: s, finding: f})
	}
	c.findKeys(ctx, all)
	list := make([]debian.DKIM, len(all))
	for i, s := range all {
		if s.finding == (finding{}) {
			s.finding = x.verify(s.signature, s.key)
		}
		list[i] = s.statement(x, m)
	}
	return list
}

// checked is one signature on its way to a statement.
type checked struct {
	signature *signature // nil when it cannot be read
	key       *domainKey
	finding   finding // empty as long as nothing speaks against it
}

// findKeys asks the domains for the keys, all at once, and returns when the last has answered or the time is over.
func (c *Checker) findKeys(ctx context.Context, all []*checked) {
	ctx, cancel := context.WithTimeout(ctx, c.c.KeyTime)
	defer cancel()
	var asked sync.WaitGroup
	for _, s := range all {
		if s.finding == (finding{}) {
			asked.Go(func() { s.key, s.finding = c.key(ctx, s.signature) })
		}
	}
	asked.Wait()
}

// statement says what was found out.
func (s *checked) statement(x *message, m *mailmsg.Mail) debian.DKIM {
	d := debian.DKIM{Result: s.finding.result, Reason: s.finding.reason}
	if s.signature == nil {
		return d
	}
	d.Domain, d.Selector = s.signature.domain, s.signature.selector
	// verification: dkim-claims-nothing (TestRefused)
	if d.Result != pass {
		return d
	}
	d.Covers, d.Body = x.covered(s.signature, m)
	d.Aligned = x.aligned(s.signature, m)
	return d
}
