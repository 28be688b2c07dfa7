package mailtrust

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// silent is a DNS that does not answer.
type silent struct{ asked atomic.Int64 }

// LookupTXT implements Resolver.
func (s *silent) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	s.asked.Add(1)
	<-ctx.Done()
	return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}
}

// answers is a DNS that counts how often it is asked.
type answers struct {
	asked int
	name  string
	texts []string
	err   error
}

// LookupTXT implements Resolver.
func (a *answers) LookupTXT(_ context.Context, name string) ([]string, error) {
	a.asked++
	a.name = name
	return a.texts, a.err
}

// TestKeyTime holds that a mail waits for all keys together no longer than one key may take, says then that it could not tell, and that
// the next mails of the same domain do not wait.
func TestKeyTime(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	mail := text
	for _, selector := range []string{"a", "b", "c", "d"} {
		one := signer{s.domain, selector, s.kind, s.key}
		mail = signTags(t, &one, mail, nil)
	}
	synctest.Test(t, func(t *testing.T) {
		m, err := mailmsg.Parse([]byte(mail), mailmsg.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		dns := &silent{}
		c := New(Config{Resolver: dns, KeyTime: 3 * time.Second})
		for _, want := range []time.Duration{3 * time.Second, 0, 0} {
			began := time.Now()
			for _, d := range c.DKIM(context.Background(), []byte(mail), m) {
				if d.Result != tempError || d.Covers != nil || d.Aligned || !strings.Contains(d.Reason, "could not be asked") {
					t.Errorf("%+v", d)
				}
			}
			if took := time.Since(began); took != want {
				t.Errorf("it took %s, want %s", took, want)
			}
		}
		if n := dns.asked.Load(); n != 4 {
			t.Errorf("asked %d times, want 4", n)
		}
		time.Sleep(faultKept)
		c.DKIM(context.Background(), []byte(mail), m)
		if n := dns.asked.Load(); n != 8 {
			t.Errorf("asked %d times, want 8", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		time.Sleep(2 * faultKept)
		began := time.Now()
		if c.DKIM(ctx, []byte(mail), m); time.Since(began) != 0 {
			t.Error("it goes on when it was ended")
		}
	})
}

// TestKeysKept holds what is asked for, by its whole name, how long an answer counts, and that answers that may pass are no refusals.
func TestKeysKept(t *testing.T) {
	t.Parallel()
	s := &keys()[1]
	mail := signTags(t, s, text, nil)
	m, err := mailmsg.Parse([]byte(mail), mailmsg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		answer answers
		result string
		kept   time.Duration
	}{
		{answers{texts: []string{s.record()}}, pass, keyKept},
		{answers{err: &net.DNSError{Err: "no such host", IsNotFound: true}}, permError, keyKept},
		{answers{err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, tempError, faultKept},
		{answers{err: errors.New("broken")}, tempError, faultKept},
	} {
		now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
		checker := New(Config{Resolver: &c.answer, Now: func() time.Time { return now }})
		for i, after := range []time.Duration{0, c.kept, time.Second} {
			now = now.Add(after)
			got := checker.DKIM(t.Context(), []byte(mail), m)
			if want := max(1, i); got[0].Result != c.result || c.answer.asked != want {
				t.Errorf("%v: %+v, asked %d times, want %s and %d", c.answer.err, got, c.answer.asked, c.result, want)
			}
		}
		if c.answer.name != "two._domainkey.example.org." {
			t.Errorf("asked for %s", c.answer.name)
		}
	}
}

// TestKeysBounded holds that mails which name ever other keys do not fill the memory.
func TestKeysBounded(t *testing.T) {
	t.Parallel()
	c := New(Config{Resolver: table{}})
	for i := range 3 * maxKeys {
		c.key(t.Context(), &signature{domain: "example.org", selector: "s" + strings.Repeat("x", i%60) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)})
		if n := len(c.keys.known); n > maxKeys {
			t.Fatalf("%d keys are kept", n)
		}
	}
}
