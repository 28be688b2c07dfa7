package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

const roots = `
[[trust]]
name = "bts"
keys = ["KEYS/bts.pem", "KEYS/bts-next.pem"]
topics = ["org.debian.*.bugs.#"]
not_before = 2026-01-31
not_after = "2027-01-31T12:00:00+01:00"

[[trust]]
name = "fedora"
ca = "KEYS/ca.pem"
crl = "KEYS/crl.pem"
topics = ["org.fedoraproject.#"]
legacy = true
not_after = 2027-01-31 12:00:00Z

[policy]
nitpicky = true

[policy.topics]
"org.fedoraproject.prod.bodhi.update.comment" = ["bodhi-app01.example.org", "bodhi-app02.example.org"]
"org.fedoraproject.prod.git.receive" = []
`

// rootsIn is what roots says where KEYS is dir.
func rootsIn(dir string) trust.File {
	all := func(s string) []fedmsg.Pattern { p, _ := fedmsg.ParsePattern(s); return []fedmsg.Pattern{p} }
	return trust.File{
		Trust: []trust.Root{
			{Name: "bts", Keys: []string{dir + "/bts.pem", dir + "/bts-next.pem"}, Topics: all("org.debian.*.bugs.#"),
				NotBefore: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 31, 11, 0, 0, 0, time.UTC)},
			{Name: "fedora", CA: dir + "/ca.pem", CRL: dir + "/crl.pem", Topics: all("org.fedoraproject.#"), Legacy: true,
				NotAfter: time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)},
		},
		Policy: trust.Policy{Nitpicky: true, Topics: map[string][]string{
			"org.fedoraproject.prod.bodhi.update.comment": {"bodhi-app01.example.org", "bodhi-app02.example.org"},
			"org.fedoraproject.prod.git.receive":          nil,
		}},
	}
}

func samePatterns() cmp.Option {
	return cmp.Comparer(func(a, b fedmsg.Pattern) bool { return a.String() == b.String() })
}

// TestTrustInConfig reads roots and policy in a node's configuration, merges conf.d, and shows each with its origin in a form
// that reads back as the same.
func TestTrustInConfig(t *testing.T) {
	text := "sign = ['dsse']\n" + strings.ReplaceAll(roots, "KEYS", "/etc/fedmsg")
	file := write(t, "fedmsg.toml", text, "conf.d/more.toml", "policy = {topics = {'org.a.b' = ['x']}}\n")
	l := mustLoad(t, file)
	want := rootsIn("/etc/fedmsg")
	want.Policy.Topics["org.a.b"] = []string{"x"}
	if diff := cmp.Diff(want, trust.File{Trust: l.Config.Trust, Policy: l.Config.Policy}, samePatterns()); diff != "" {
		t.Error(diff)
	}
	for key, origin := range map[string]string{
		"trust[0].not_before": file + ":7", `policy.topics."org.fedoraproject.prod.git.receive"`: file + ":23",
		`policy.topics."org.a.b"`: filepath.Join(filepath.Dir(file), "conf.d/more.toml") + ":1", "signing.name": "default",
	} {
		if got := l.Origin(key).String(); got != origin {
			t.Errorf("%s comes from %s, want %s", key, got, origin)
		}
	}
	var shown strings.Builder
	if err := l.WriteTOML(&shown); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, write(t, "fedmsg.toml", shown.String()))
	if diff := cmp.Diff(l.Config, again.Config, samePatterns()); diff != "" {
		t.Errorf("%s\n%s", diff, shown.String())
	}
}

// TestReadTrust reads a trust file of its own, whose paths are relative to it, and which may have nothing else in it.
func TestReadTrust(t *testing.T) {
	file := write(t, "trust.toml", strings.ReplaceAll(roots, "KEYS", "keys"))
	got, err := ReadTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rootsIn(filepath.Join(filepath.Dir(file), "keys")), got, samePatterns()); diff != "" {
		t.Error(diff)
	}
	t.Chdir(filepath.Dir(file))
	if got, err = ReadTrust("trust.toml"); err != nil || got.Trust[0].Keys[0] != filepath.Join(filepath.Dir(file), "keys/bts.pem") {
		t.Errorf("a relative name: %v %v", got.Trust, err)
	}
	for text, want := range map[string]string{
		"environment = 'prod'":           `:1:1: unknown key "environment"`,
		"[policy]\nnitpick = true":       `:2:1: unknown key "policy.nitpick"; did you mean policy.nitpicky?`,
		"[[trust]]\nname = 'a'\ncas='x'": `:3:1: unknown key "trust.cas"; did you mean trust.ca?`,
		"[[trust]":                       `:1:8: not TOML: `,
	} {
		bad := write(t, "trust.toml", text)
		if _, err := ReadTrust(bad); err == nil || !strings.HasPrefix(err.Error(), bad+want) || fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%q: %v (%s), want %s", text, err, fedmsg.CodeOf(err), bad+want)
		}
	}
	if _, err := ReadTrust("/nonexistent/trust.toml"); err == nil || !strings.Contains(err.Error(), "/nonexistent/trust.toml: cannot read") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestTrustDefaults: nothing configured asks for signatures and makes them.
func TestTrustDefaults(t *testing.T) {
	l := mustLoad(t, "")
	if c := l.Config; c.Verify != fedmsg.VerifyRequire || len(c.Sign) != 1 || c.Sign[0] != sign.DSSE || len(c.Insecure()) != 0 || len(l.Warnings) != 0 {
		t.Errorf("%q %q %q %q", c.Verify, c.Sign, c.Insecure(), l.Warnings)
	}
	l = mustLoad(t, "", "FEDMSG_SIGN=")
	if len(l.Config.Sign) != 0 || len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0], "sign is empty") {
		t.Errorf("sign is %q, warnings %q", l.Config.Sign, l.Warnings)
	}
	l = mustLoad(t, "", "FEDMSG_SIGN=", "FEDMSG_VERIFY=if-signed", "FEDMSG_SIGNING_TOPICS=#, a.b")
	if len(l.Warnings) != 0 || len(l.Config.Signing.Topics) != 2 {
		t.Errorf("warnings %q, topics %v", l.Warnings, l.Config.Signing.Topics)
	}
	l = mustLoad(t, "", "FEDMSG_VERIFY=insecure-off", "FEDMSG_HTTP_INSECURE_PLAIN_HTTP=true")
	if diff := cmp.Diff([]string{"http.insecure_plain_http", "verify = insecure-off"}, l.Config.Insecure()); diff != "" {
		t.Error(diff)
	}
}

// TestSigningSettings: what is not set is the host's name and the site's topics.
func TestSigningSettings(t *testing.T) {
	c := mustLoad(t, "", "FEDMSG_TOPIC_PREFIX=org.debian", "FEDMSG_ENVIRONMENT=prod").Config
	for host, want := range map[string]string{"bugs01.debian.org": "bugs01.debian.org", "a/b c": "a-b-c", "": "node", strings.Repeat("x", 70): strings.Repeat("x", 64)} {
		if s := c.SigningSettings(host); s.Name != want || len(s.Topics) != 1 || s.Topics[0].String() != "org.debian.prod.#" {
			t.Errorf("%q: %q %v, want %q", host, s.Name, s.Topics, want)
		}
	}
	c = mustLoad(t, "", "FEDMSG_SIGNING_NAME=bus", "FEDMSG_SIGNING_TOPICS=a.#,b").Config
	if s := c.SigningSettings("host"); s.Name != "bus" || len(s.Topics) != 2 {
		t.Errorf("%q %v", s.Name, s.Topics)
	}
}

// TestKeysAreNotShown: what stands in key files is never read by the configuration, let alone shown.
func TestKeysAreNotShown(t *testing.T) {
	key := filepath.Join(t.TempDir(), "node.pem")
	if err := os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := mustLoad(t, write(t, "fedmsg.toml", "[signing]\nkey = '"+key+"'\n"))
	var b strings.Builder
	if err := errors.Join(l.WriteTOML(&b), l.WriteJSON(&b)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "canary") || !strings.Contains(b.String(), key) {
		t.Error(b.String())
	}
}
