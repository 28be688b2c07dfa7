package trust_test

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/trust"
)

// certified is a site with an authority of its own, and a message that its one certificate signed, detached.
type certified struct {
	authority *authority
	cert      []byte
	root      trust.Root
	message   []byte
	list      []byte // of signatures
}

func newCertified(t testing.TB) *certified {
	t.Helper()
	a, k := newAuthority(t, "our-ca"), newKey(t, "ed25519", 0)
	c := &certified{
		authority: a, cert: a.issue(t, k, "shell.example.org", nil), message: envelope("org.example.dev.t.x"),
		root: trust.Root{Name: "site", CA: a.file, Topics: patterns(t, "org.example.#")},
	}
	sig := k.detached(t, c.message)
	sig.Certificate = c.cert
	c.list = array(t, sig)
	return c
}

func (c *certified) judged(t testing.TB, s *trust.Store, at time.Time) string {
	t.Helper()
	return judgedWith(t, s, c.message, at, c.list)
}

const goodSite = "ok site/shell.example.org"

// TestRootDates trusts a root within its dates, the first and the last moment included.
func TestRootDates(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.NotBefore, c.root.NotAfter = then, then.Add(time.Hour)
	s := open(t, config(c.root))
	for at, want := range map[time.Duration]string{
		-time.Second: "bad expired", 0: goodSite, time.Hour: goodSite, time.Hour + time.Second: "bad expired",
	} {
		if got := c.judged(t, s, then.Add(at)); got != want {
			t.Errorf("%s behind its begin: got %q, want %q", at, got, want)
		}
	}
}

// TestRevokedAsOfThen holds a revocation against what was received since it, and nothing before.
func TestRevokedAsOfThen(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, validUntil, then, c.cert))
	s := open(t, config(c.root))
	for at, want := range map[time.Duration]string{-time.Second: goodSite, 0: "bad revoked", time.Hour: "bad revoked"} {
		if got := c.judged(t, s, then.Add(at)); got != want {
			t.Errorf("%s behind the revocation: got %q, want %q", at, got, want)
		}
	}
}

// TestStaleList refuses or accepts while the list is out of date, and does neither within the grace.
func TestStaleList(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, then, then))
	refuse := config(c.root)
	accept := refuse
	accept.Settings.OnStaleCRL = "accept"
	r, a := open(t, refuse), open(t, accept)
	grace := refuse.Settings.StaleCRLGrace
	for at, want := range map[time.Duration]string{0: goodSite, grace: goodSite, grace + time.Second: "bad stale_crl"} {
		if got := c.judged(t, r, then.Add(at)); got != want {
			t.Errorf("refuse, %s behind the next update: got %q, want %q", at, got, want)
		}
		if got := c.judged(t, a, then.Add(at)); got != goodSite {
			t.Errorf("accept, %s behind the next update: got %q", at, got)
		}
	}
	revoked := c.root
	revoked.CRL = write(t, "crl.pem", c.authority.list(t, then, then.Add(-time.Hour), c.cert))
	accept.File.Trust = []trust.Root{revoked}
	if got := c.judged(t, open(t, accept), then.Add(2*grace)); got != "bad revoked" {
		t.Errorf("accept, and revoked: got %q", got)
	}
}

// TestPolicy holds the routing policy against certificates and OpenPGP, beside the topics of the root.
func TestPolicy(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	bare := newKey(t, "ed25519", 0)
	topic := "org.example.dev.t.x"
	for name, p := range map[string]struct {
		policy trust.Policy
		want   string
	}{
		"none":                   {trust.Policy{}, goodSite},
		"listed":                 {trust.Policy{Topics: map[string][]string{topic: {"a", "shell.example.org"}}}, goodSite},
		"another listed":         {trust.Policy{Topics: map[string][]string{topic: {"shell.example.orgs"}}}, "bad wrong_topic"},
		"nobody listed":          {trust.Policy{Topics: map[string][]string{topic: nil}}, "bad wrong_topic"},
		"another topic":          {trust.Policy{Topics: map[string][]string{topic + "y": {"a"}}}, goodSite},
		"nitpicky":               {trust.Policy{Nitpicky: true}, "bad wrong_topic"},
		"nitpicky and listed":    {trust.Policy{Nitpicky: true, Topics: map[string][]string{topic: {"shell.example.org"}}}, goodSite},
		"nitpicky, other listed": {trust.Policy{Nitpicky: true, Topics: map[string][]string{topic: {"a"}}}, "bad wrong_topic"},
	} {
		conf := config(c.root, keyRoot(t, "host", bare))
		conf.File.Policy = p.policy
		s := open(t, conf)
		if got := c.judged(t, s, then); got != p.want {
			t.Errorf("%s: got %q, want %q", name, got, p.want)
		}
		// A bare key is bound by its root alone.
		if got := judgedWith(t, s, c.message, then, array(t, bare.detached(t, c.message))); got != "ok host" {
			t.Errorf("%s, a bare key: got %q", name, got)
		}
	}
	outside := c.root
	outside.Topics = patterns(t, "net.example.#")
	conf := config(outside)
	conf.File.Policy.Topics = map[string][]string{topic: {"shell.example.org"}}
	if got := c.judged(t, open(t, conf), then); got != "bad wrong_topic" {
		t.Errorf("listed, but outside of the root: got %q", got)
	}
}

// TestPolicyBindsGPG keeps OpenPGP from passing by the policy, as the old system let it.
func TestPolicyBindsGPG(t *testing.T) {
	t.Parallel()
	var file struct {
		Fingerprint string
		Cases       []struct{ Wire string }
	}
	readJSON(t, &file, "interop", "vectors", "x07_gpg.json")
	made, topic := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), "org.fedoraproject.dev.t.x"
	root := trust.Root{Name: "peer", Keyring: vectorPKI(t, "peer-public.asc"), Legacy: true, Topics: patterns(t, "#")}
	for name, p := range map[string]struct {
		policy trust.Policy
		want   string
	}{
		"its fingerprint is listed": {trust.Policy{Topics: map[string][]string{topic: {file.Fingerprint}}}, "topic_not_covered peer/" + file.Fingerprint},
		"another is listed":         {trust.Policy{Topics: map[string][]string{topic: {"peer"}}}, "bad wrong_topic"},
		"nitpicky":                  {trust.Policy{Nitpicky: true}, "bad wrong_topic"},
	} {
		c := config(root)
		c.File.Policy = p.policy
		if got := judged(t, open(t, c), []byte(file.Cases[0].Wire), made); got != p.want {
			t.Errorf("%s: got %q, want %q", name, got, p.want)
		}
	}
}

// TestCertifiedAndBare lets a certified key speak as a bare one too, where its certificate's root may not.
func TestCertifiedAndBare(t *testing.T) {
	t.Parallel()
	a, k := newAuthority(t, "our-ca"), newKey(t, "ed25519", 0)
	message := envelope("org.example.dev.t.x")
	narrow := trust.Root{Name: "site", CA: a.file, Topics: patterns(t, "net.example.#")}
	sig := k.detached(t, message)
	sig.Certificate = a.issue(t, k, "shell.example.org", nil)
	if got := judgedWith(t, open(t, config(narrow)), message, then, array(t, sig)); got != "bad wrong_topic" {
		t.Errorf("certified alone: got %q", got)
	}
	if got := judgedWith(t, open(t, config(narrow, keyRoot(t, "host", k))), message, then, array(t, sig)); got != "ok host" {
		t.Errorf("bare, too: got %q", got)
	}
}

// TestReasonOfSeveralAuthorities tells why the authority that knows a certificate does not take it, not that others do not know it.
func TestReasonOfSeveralAuthorities(t *testing.T) {
	t.Parallel()
	ours, other := vectors(t), trust.Root{Name: "other", CA: newAuthority(t, "other-ca").file, Topics: patterns(t, "#")}
	ours.Legacy = false
	second := other
	second.Name = "second"
	var file struct{ Cases []validationCase }
	readJSON(t, &file, "interop", "vectors", "x05_validation_outcomes.json")
	for _, c := range file.Cases {
		if c.Case == "signed by sha1-vm.example.com" {
			for _, roots := range [][]trust.Root{{other, ours}, {ours, other}, {other, ours, second}} {
				if got := judged(t, open(t, config(roots...)), []byte(c.Wire), then); got != "bad weak_signature" {
					t.Errorf("got %q", got)
				}
			}
		}
	}
}

// TestSeveralRoots takes the first root that may speak, and of several that may not, tells what the first one says.
func TestSeveralRoots(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	past, narrow, legacy := c.root, c.root, c.root
	past.Name, past.NotAfter = "past", then.Add(-time.Hour)
	narrow.Name, narrow.Topics = "narrow", patterns(t, "net.example.#")
	legacy.Name, legacy.Legacy = "legacy", true
	for _, r := range []struct {
		roots []trust.Root
		want  string
	}{
		{[]trust.Root{past, narrow, legacy}, "ok legacy/shell.example.org"},
		{[]trust.Root{c.root, legacy}, goodSite},
		{[]trust.Root{narrow, past}, "bad wrong_topic"},
		{[]trust.Root{past, narrow}, "bad expired"},
	} {
		if got := c.judged(t, open(t, config(r.roots...)), then); got != r.want {
			t.Errorf("got %q, want %q", got, r.want)
		}
	}
}
