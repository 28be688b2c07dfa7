package trust_test

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// TestExplain names the line that decides, for every way to write a signer.
func TestExplain(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	k, own := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	bts := keyRoot(t, "bts", k)
	bts.NotAfter = validUntil
	peer := trust.Root{Name: "peer", Keyring: vectorPKI(t, "peer-public.asc"), Legacy: true, Topics: patterns(t, "org.peer.#")}
	const fingerprint = "084C25750ACFC42BA45FA26DA43BCCC207B1C163"
	stale := c.root
	stale.Name, stale.CRL = "stale", write(t, "crl.pem", c.authority.list(t, then.Add(-30*24*time.Hour), validFrom))
	conf := config(bts, peer, stale)
	conf.Path = write(t, "trust.toml", []byte("x"))
	conf.Read = func(string) (trust.File, error) { return trust.File{Trust: []trust.Root{c.root}}, nil }
	conf.File.Policy.Topics = map[string][]string{"org.example.listed": {"shell.example.org", "b.example.org"}}
	conf.Own, conf.OwnName, conf.OwnTopics = ownKeys(t, own).get, "node1", patterns(t, "org.example.dev.#")
	s := open(t, conf)
	for _, q := range []struct {
		topic, signer string
		at            time.Time
		code          fedmsg.Code
		line          string
	}{
		{"org.example.x", "bts", then, "", `[[trust]] "bts" (configuration): topics = ["org.example.#"]`},
		{"org.example.x", k.id, then, "", `[[trust]] "bts" (configuration): topics = ["org.example.#"]`},
		{"net.example.x", "bts", then, fedmsg.CodeWrongTopic, `[[trust]] "bts" (configuration): topics = ["org.example.#"]`},
		{"org.example.x", "bts", validUntil.Add(time.Hour), fedmsg.CodeExpired, `[[trust]] "bts" (configuration): valid until 2040-01-01T00:00:00Z`},
		{"org.example.x", "site/a.example.org", then, "", `[[trust]] "site" (trust.toml): topics = ["org.example.#"]`},
		{"net.example.x", "site/a.example.org", then, fedmsg.CodeWrongTopic, `[[trust]] "site" (trust.toml): topics = ["org.example.#"]`},
		{"org.example.listed", "site/b.example.org", then, "", `[policy.topics] "org.example.listed" lists shell.example.org, b.example.org`},
		{"org.example.listed", "site/a.example.org", then, fedmsg.CodeWrongTopic, `[policy.topics] "org.example.listed" lists shell.example.org, b.example.org`},
		{"org.example.listed", "b.example.org", then, "", `[policy.topics] "org.example.listed" lists shell.example.org, b.example.org`},
		{"org.example.x", "stale/a.example.org", then, fedmsg.CodeStaleCRL, `[[trust]] "stale" (configuration): crl, and [verification] on_stale_crl = "refuse"`},
		{"org.peer.x", fingerprint, then, "", `[[trust]] "peer" (configuration): topics = ["org.peer.#"]`},
		{"org.peer.x", "peer/" + strings.ToLower(fingerprint), then, "", `[[trust]] "peer" (configuration): topics = ["org.peer.#"]`},
		{"org.peer.x", fingerprint[:20] + "  " + fingerprint[20:], then, "", `[[trust]] "peer" (configuration): topics = ["org.peer.#"]`},
		{"org.peer.x", "peer/" + fingerprint, then, "", `[[trust]] "peer" (configuration): topics = ["org.peer.#"]`},
		{"org.example.dev.x", "node1", then, "", `the node's own key "node1" (signing.topics): topics = ["org.example.dev.#"]`},
		{"org.example.x", own.id, then, fedmsg.CodeWrongTopic, `the node's own key "node1" (signing.topics): topics = ["org.example.dev.#"]`},
		{"org.example.x", "peer/00", then, fedmsg.CodeUnknownSigner, `no line: nobody is trusted unless a [[trust]] says so, and none knows "peer/00"`},
		{"org.example.x", "site", then, fedmsg.CodeUnknownSigner, `no line:`},
		{"org.example.x", "bts/x", then, fedmsg.CodeUnknownSigner, `no line:`},
		{"org.example.x", "siet/a.example.org", then, fedmsg.CodeUnknownSigner, `no line:`},
		{"org.example.x", "", then, fedmsg.CodeUnknownSigner, `no line:`},
	} {
		x := s.Explain(q.topic, q.signer, q.at)
		if x.Allowed != (q.code == "") || x.Code != q.code || !strings.HasPrefix(x.Line, q.line) {
			t.Errorf("%s by %q: got %v %s: %s\n%s", q.topic, q.signer, x.Allowed, x.Code, x.Line, strings.Join(x.Steps, "\n"))
		}
	}
	for signer, want := range map[string]string{
		"siet/a.example.org": `did you mean "site"?`, "btss": `did you mean "bts"?`, "nodel": `did you mean "node1"?`,
		"site": "ask for site/NAME", "peer/00": `knows no "00"`,
	} {
		if steps := strings.Join(s.Explain("org.example.x", signer, then).Steps, "\n"); !strings.Contains(steps, want) {
			t.Errorf("%q: %q is not in\n%s", signer, want, steps)
		}
	}
}

// TestExplainWithoutOwnKeys knows no node that signs nothing.
func TestExplainWithoutOwnKeys(t *testing.T) {
	t.Parallel()
	c := config()
	c.OwnName, c.OwnTopics = "node1", patterns(t, "#")
	if x := open(t, c).Explain("org.example.x", "node1", then); x.Allowed || x.Code != fedmsg.CodeUnknownSigner {
		t.Errorf("got %+v", x)
	}
}

// TestExplainNitpicky names the policy where it lists nothing.
func TestExplainNitpicky(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	conf := config(c.root)
	conf.File.Policy.Nitpicky = true
	x := open(t, conf).Explain("org.example.x", "site/a", then)
	if x.Code != fedmsg.CodeWrongTopic || x.Line != "[policy] nitpicky = true, and [policy.topics] does not list the topic" {
		t.Errorf("got %+v", x)
	}
}

// TestSentences tells senders who, which topic, which root and what helps, and no file.
func TestSentences(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, then, then.Add(-time.Hour), c.cert))
	narrow := c.root
	narrow.Topics = patterns(t, "net.example.#")
	past := c.root
	past.NotAfter = then.Add(-time.Hour)
	unlisted := c.root
	unlisted.CRL = ""
	for name, q := range map[string]struct {
		root trust.Root
		at   time.Time
		want []string
	}{
		"topics":  {narrow, then.Add(-2 * time.Hour), []string{`"site/shell.example.org"`, `"org.example.dev.t.x"`, `"site"`, `topics = ["net.example.#"]`, "can add"}},
		"root":    {past, then, []string{`"site/shell.example.org"`, `"site"`, "until 2023-11-14T21:13:20Z", "not_after"}},
		"revoked": {c.root, then, []string{`"site/shell.example.org"`, "revoked", "takes a new key and certificate"}},
		"stale":   {c.root, then.Add(30 * 24 * time.Hour), []string{`"site/shell.example.org"`, `"site"`, "2023-11-14T22:13:20Z", "new one"}},
		"expired": {unlisted, validUntil.Add(time.Hour), []string{`"site/shell.example.org"`, "2040-01-01", "takes a certificate that is valid, or a clock"}},
	} {
		s := open(t, config(q.root))
		r, e := decode(t, c.message)
		r.Signatures = c.list
		err := s.Verify(r, e, q.at)
		_, text := fedmsg.Public(err)
		for _, want := range q.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %q", name, want, text)
			}
		}
		if strings.Contains(text, ".pem") || strings.Contains(text, t.TempDir()[:5]) {
			t.Errorf("%s: a file is named in %q", name, text)
		}
		if r.Signer != "site/shell.example.org" {
			t.Errorf("%s: the signer is %q", name, r.Signer)
		}
	}
}
