package mailtrust

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// gpg is the real program with keys of its own, which it makes on 2024-01-01.
type gpg struct {
	*fedmsgtest.GPG
	t *testing.T
}

func newGPG(t *testing.T) *gpg {
	t.Helper()
	return &gpg{fedmsgtest.NewGPG(t), t}
}

// run gives what gpg writes on a day.
func (g *gpg) run(day, stdin string, args ...string) string {
	g.t.Helper()
	return string(g.Run(day+"T000000", []byte(stdin), args...))
}

// key makes a key and gives its fingerprint.
func (g *gpg) key(name, ends string) string {
	g.t.Helper()
	return g.NewKey("20240101T000000", name, "ed25519", "sign", ends)
}

// export writes keys into a file.
func (g *gpg) export(path string, keys ...string) {
	g.t.Helper()
	if err := os.WriteFile(path, g.Run("", nil, append([]string{"--export"}, keys...)...), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// changes is what an upload is announced with.
const changes = "Format: 1.8\nDate: Thu, 01 Feb 2024 00:00:00 +0000\nSource: hello\nBinary: hello\nArchitecture: source\nVersion: 2.10-3\n" +
	"Distribution: unstable\nMaintainer: Ann <ann@example.org>\nChanged-By: Ann <ann@example.org>\nChanges:\n hello (2.10-3) unstable; urgency=low\n .\n   * New \n"

// accepted is the archive's mail about an upload.
func accepted(text string) string {
	return "From: Archive <archive@example.org>\r\nSubject: Accepted hello 2.10-3 (source) into unstable\r\nX-DAK: dak process-upload\r\n" +
		"Message-ID: <2@example.org>\r\n\r\n" + strings.ReplaceAll(text, "\n", "\r\n")
}

// checkAll gives what a mail announces, checked.
func checkAll(t *testing.T, c *Checker, raw string) *debian.Upload {
	t.Helper()
	m, err := mailmsg.Parse([]byte(raw), mailmsg.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, events := debian.Classify(m)
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	c.Check(t.Context(), []byte(raw), m, events)
	return events[0].Body.(*debian.Upload)
}

// TestOpenPGP holds what is published of who signed a .changes: over the text whose fields are published and no other of the mail, and
// beside what the domain signed.
func TestOpenPGP(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	ann, old, eve := g.key("ann", "never"), g.key("old", "2024-03-01"), g.key("eve", "never")
	path := filepath.Join(t.TempDir(), "ring")
	g.export(path, ann, old)
	empty := filepath.Join(t.TempDir(), "other")
	g.export(empty, g.key("other", "never"))
	now := time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC)
	rings := []*Keyring{NewKeyring(empty, nil), NewKeyring(path, nil)}
	c := New(Config{Resolver: dns(), Keyrings: rings, Now: func() time.Time { return now }})
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	clear := func(key string) string { return g.run("20240201", changes, "--local-user", key, "--clear-sign") }
	good := clear(ann)
	for _, one := range []struct {
		what, text string
		at         int // days later
		want       *debian.OpenPGP
	}{
		{"as it was signed", good, 0, &debian.OpenPGP{Result: "good", Key: ann, Keyring: path}},
		{"with more around it", "Format: 1.8\nSource: evil\n\n" + good + "\nSource: evil\n", 0, &debian.OpenPGP{Result: "good", Key: ann, Keyring: path}},
		{"changed", strings.Replace(good, "Version: 2.10-3", "Version: 2.10-4", 1), 0, &debian.OpenPGP{Result: "bad_signature", Key: ann, Keyring: path}},
		{"of an expired key", clear(old), 60, &debian.OpenPGP{Result: "expired", Key: old, Keyring: path}},
		{"of a stranger", clear(eve), 0, &debian.OpenPGP{Result: "unknown_signer", Key: eve}},
		{"a stranger's before it", clear(eve) + "\n" + good, 0, &debian.OpenPGP{Result: "unknown_signer", Key: eve}},
		{"not signed", changes, 0, nil},
	} {
		now = time.Date(2024, 2, 2+one.at, 0, 0, 0, 0, time.UTC)
		u := checkAll(t, c, accepted(one.text))
		if u.Mail.OpenPGP == nil || one.want == nil {
			if u.Mail.OpenPGP != one.want {
				t.Errorf("%s: %+v", one.what, u.Mail.OpenPGP)
			}
			continue
		}
		if *u.Mail.OpenPGP != *one.want || u.Source == "evil" || len(u.Mail.DKIM) != 1 || u.Mail.DKIM[0].Result != none {
			t.Errorf("%s: %+v and %+v of %s, want %+v", one.what, *u.Mail.OpenPGP, u.Mail.DKIM, u.Source, *one.want)
		}
	}
}

// TestKeyringChanges holds that a file of keys is read again when it has changed, and that what it held stays in force while it cannot.
func TestKeyringChanges(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	ann, eve := g.key("ann", "never"), g.key("eve", "never")
	path := filepath.Join(t.TempDir(), "ring")
	var log bytes.Buffer
	now := time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC)
	ring := NewKeyring(path, slog.New(slog.NewTextHandler(&log, nil)))
	c := New(Config{Keyrings: []*Keyring{ring}, Now: func() time.Time { return now }})
	if err := c.Open(); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "debian-keyring") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Open(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file without keys: %v", err)
	}
	g.export(path, ann)
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	raw := accepted(g.run("20240201", changes, "--local-user", eve, "--clear-sign"))
	expectResult := func(what, want string) {
		t.Helper()
		now = now.Add(lookAgain)
		if u := checkAll(t, c, raw); u.Mail.OpenPGP.Result != want || u.Mail.DKIM != nil {
			t.Errorf("%s: %+v", what, u.Mail.OpenPGP)
		}
	}
	expectResult("not in it", "unknown_signer")
	g.export(path, ann, eve)
	expectResult("put into it", "good")
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	expectResult("broken", "good")
	if err := c.Open(); err != nil {
		t.Errorf("a file that was read and is broken now: %v", err)
	}
	if !strings.Contains(log.String(), path) {
		t.Errorf("nobody was told: %s", &log)
	}
	g.export(path, ann)
	expectResult("taken out of it", "unknown_signer")
}

// TestRevokedInOneRing holds that a key is revoked when one of several files says so, whichever comes first: an older copy does not know.
func TestRevokedInOneRing(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	ann := g.key("ann", "never")
	clean, revoked := filepath.Join(t.TempDir(), "clean"), filepath.Join(t.TempDir(), "revoked")
	g.export(clean, ann)
	raw := accepted(g.run("20240201", changes, "--local-user", ann, "--clear-sign"))
	g.Revoke("20240202T000000", ann)
	g.export(revoked, ann)
	for _, paths := range [][]string{{clean, revoked}, {revoked, clean}} {
		c := New(Config{
			Keyrings: []*Keyring{NewKeyring(paths[0], nil), NewKeyring(paths[1], nil)},
			Now:      func() time.Time { return time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC) },
		})
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		want := debian.OpenPGP{Result: "revoked", Key: ann, Keyring: revoked}
		if got := checkAll(t, c, raw).Mail.OpenPGP; got == nil || *got != want {
			t.Errorf("%q: %+v, want %+v", paths, got, want)
		}
	}
}
