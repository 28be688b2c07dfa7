package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

const envelope = `{"i":1,"msg":{"k":"é"},"msg_id":"2026-x","n":1,"stream":"s","timestamp":1700000000,"topic":"org.example.prod.a.b","username":"u"}`

// clock is a time that a test moves. It is safe for concurrent use.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 15, 30, 0, 5, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// open opens a signer in a new directory, after change has changed its configuration.
func open(t testing.TB, change func(*Config)) (*Signer, Config, *clock) {
	t.Helper()
	c, now := config(t)
	if change != nil {
		change(&c)
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, c, now
}

func config(t testing.TB) (Config, *clock) {
	t.Helper()
	all, err := fedmsg.ParsePattern("org.example.prod.#")
	if err != nil {
		t.Fatal(err)
	}
	now := newClock()
	return Config{
		Forms: []Form{DSSE}, Dir: filepath.Join(t.TempDir(), "keys"), Now: now.Now,
		Settings: Settings{Name: "node1", Topics: []fedmsg.Pattern{all}},
	}, now
}

// signature is one of a record, by encoding/json.
type signature struct {
	KeyID     string
	Sig, Cert []byte
}

func signaturesOf(t testing.TB, raw []byte) (all []signature) {
	t.Helper()
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return all
}

// openssl runs the program, which judges what is signed here, and reports whether it succeeded.
func openssl(t testing.TB, args ...string) bool {
	t.Helper()
	out, err := exec.Command(fedmsgtest.Tool(t, "openssl"), args...).CombinedOutput()
	if err != nil {
		t.Logf("openssl %q: %s\n%s", args, err, out)
	}
	return err == nil
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// judged reports whether openssl finds the signature over the payload, as DSSE says what is signed, to be the key's.
func judged(t testing.TB, k keys.Public, payloadType string, payload, sig []byte) bool {
	t.Helper()
	dir := t.TempDir()
	pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	return openssl(t, "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", write(t, dir, "key.pem", k.PEM()),
		"-sigfile", write(t, dir, "sig", sig), "-in", write(t, dir, "pae", []byte(pae)))
}

func TestSignDSSE(t *testing.T) {
	s, c, _ := open(t, nil)
	r := fedmsg.Record{ID: "2026-x", Topic: "org.example.prod.a.b", Envelope: []byte(envelope), Sender: "uid:1"}
	if err := s.Sign(&r); err != nil {
		t.Fatal(err)
	}
	if string(r.Envelope) != envelope || r.Signer != "node1" || r.Verdict != fedmsg.VerdictOK || r.Sender != "uid:1" {
		t.Errorf("%+v", r)
	}
	own := s.Own()
	all := signaturesOf(t, r.Signatures)
	if len(own) != 1 || len(all) != 1 || all[0].KeyID != own[0].ID() || all[0].Cert != nil {
		t.Fatalf("%s by %v", r.Signatures, own)
	}
	const kind = "application/vnd.fedmsg+json"
	if !judged(t, own[0], kind, []byte(envelope), all[0].Sig) {
		t.Error("openssl does not verify it")
	}
	if judged(t, own[0], kind, []byte(envelope+" "), all[0].Sig) || judged(t, own[0], "application/json", []byte(envelope), all[0].Sig) {
		t.Error("openssl verifies something else too: it judges nothing")
	}
	info, err := os.Stat(c.Dir)
	if err != nil || info.Mode() != fs0700 {
		t.Errorf("directory of keys: %v (%v)", info.Mode(), err)
	}
	names, err := filepath.Glob(filepath.Join(c.Dir, "20261121T153000Z-"+own[0].ID()[:8]+".key"))
	if err != nil || len(names) != 1 {
		t.Errorf("no key file: %v", err)
	}
	again, err := Open(c)
	if err != nil || again.Own()[0].ID() != own[0].ID() {
		t.Errorf("another key after a restart (%v)", err)
	}
	if err := errors.Join(s.Err(), again.Err()); err != nil {
		t.Error(err)
	}
}

const fs0700 = os.ModeDir | 0o700

func TestTopics(t *testing.T) {
	s, _, _ := open(t, nil)
	if got := s.Topics(); len(got) != 1 || got[0].String() != "org.example.prod.#" {
		t.Errorf("signs %v", got)
	}
	none, _, _ := open(t, func(c *Config) { c.Forms = nil })
	r := fedmsg.Record{Envelope: []byte(envelope)}
	if err := none.Sign(&r); len(none.Topics()) > 0 || fedmsg.CodeOf(err) != fedmsg.CodeUnsigned || r.Signer != "" {
		t.Errorf("signs in no form: %+v (%v)", r, err)
	}
}

func TestReceipt(t *testing.T) {
	s, _, _ := open(t, nil)
	e := &fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 9}, Received: time.Unix(1700000000, 5).In(time.FixedZone("x", 3600)), Envelope: []byte("abc"),
	}
	doc, err := s.Receipt(e, "gateway")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		PayloadType string
		Payload     []byte
		Signatures  []signature
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	const want = `{"log":"k3v5q2m7x4ab","seq":9,"received":"2023-11-14T22:13:20.000000005Z","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","role":"gateway"}`
	if string(got.Payload) != want || got.PayloadType != "application/vnd.fedmsg.receipt+json" {
		t.Errorf("%s %s", got.PayloadType, got.Payload)
	}
	if !judged(t, s.Own()[0], got.PayloadType, got.Payload, got.Signatures[0].Sig) {
		t.Error("openssl does not verify it")
	}
	if judged(t, s.Own()[0], got.PayloadType, bytes.Replace(got.Payload, []byte("gateway"), []byte("node"), 1), got.Signatures[0].Sig) {
		t.Error("the role can be changed")
	}
	for _, role := range []string{"", "publisher", "Node"} {
		if _, err := s.Receipt(e, role); err == nil {
			t.Errorf("role %q", role)
		}
	}
	if _, err := s.Receipt(e, "node"); err != nil {
		t.Error(err)
	}
}

func TestDetached(t *testing.T) {
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Detached([]byte(envelope), k, []byte{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	one := signaturesOf(t, raw)[0]
	if one.KeyID != k.Public().ID() || string(one.Cert) != "\x01\x02" || !judged(t, k.Public(), "application/vnd.fedmsg+json", []byte(envelope), one.Sig) {
		t.Errorf("%s", raw)
	}
}

// TestRotation adds a key to those of a running node, takes the old one away, and puts in what cannot be used.
func TestRotation(t *testing.T) {
	var log bytes.Buffer
	s, c, now := open(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	signer := func() string {
		t.Helper()
		r := fedmsg.Record{Envelope: []byte(envelope)}
		if err := s.Sign(&r); err != nil {
			t.Fatal(err)
		}
		return signaturesOf(t, r.Signatures)[0].KeyID
	}
	first := s.Own()[0].ID()
	second, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	path, err := NewKey(c.Dir, second, now.Now()) // in the second in which the first was made
	if err != nil {
		t.Fatal(err)
	}
	now.step(time.Second - 1)
	if signer() != first {
		t.Error("looked for keys too early")
	}
	now.step(1)
	if own := s.Own(); signer() != second.Public().ID() || len(own) != 2 || own[0].ID() != second.Public().ID() || own[1].ID() != first {
		t.Errorf("after rotation %s signs; own are %v", signer(), own)
	}

	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now.step(time.Second)
		if err := s.Err(); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "chmod 600") || signer() != second.Public().ID() || len(s.Own()) != 2 {
			t.Errorf("with a key that others can read: %v", err)
		}
	}
	if n := strings.Count(log.String(), "cannot be used as they are now"); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	now.step(-time.Hour) // a clock that is set back stops nothing
	if err := s.Err(); err != nil {
		t.Error(err)
	}

	olds, err := filepath.Glob(filepath.Join(c.Dir, "*"+first[:8]+".key"))
	if err != nil || len(olds) != 1 {
		t.Fatal(olds, err)
	}
	write(t, c.Dir, "zz.key.tmp", []byte("no key, and not named as one"))
	if err := os.Remove(olds[0]); err != nil {
		t.Fatal(err)
	}
	now.step(time.Second)
	if own := s.Own(); len(own) != 1 || signer() != second.Public().ID() {
		t.Errorf("own are %v", own)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now.step(time.Second)
	if err := s.Err(); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "fedmsg keys new") || signer() != second.Public().ID() {
		t.Errorf("without keys: %v", err)
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error(log.String())
	}
}

// TestFailureOfAMoment holds that what could not be read once is read again, although no file has changed.
func TestFailureOfAMoment(t *testing.T) {
	s, _, now := open(t, nil)
	s.load(nil, errors.New("too many open files"))
	s.seen, _ = s.look()
	if s.Err() == nil || len(s.Own()) != 1 {
		t.Error("the failure is not told")
	}
	now.step(time.Second)
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

// TestReloadWhileSigning signs and looks at keys from many goroutines while keys come and go.
func TestReloadWhileSigning(t *testing.T) {
	s, c, now := open(t, nil)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := fedmsg.Record{Envelope: []byte(envelope)}
				if err := s.Sign(&r); err != nil {
					t.Error(err)
					return
				}
				var all []signature
				if err := json.Unmarshal(r.Signatures, &all); err != nil || len(all) != 1 || len(s.Own()) == 0 || s.Err() != nil {
					t.Errorf("%s %v %v", r.Signatures, err, s.Err())
					return
				}
				if _, err := s.Receipt(&fedmsg.Entry{}, "node"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		k, err := keys.Generate(keys.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewKey(c.Dir, k, now.Now()); err != nil {
			t.Fatal(err)
		}
		now.step(time.Second)
		if own := s.Own(); len(own) != i+2 || own[0].ID() != k.Public().ID() {
			t.Errorf("%d own keys", len(own))
		}
	}
	close(stop)
	wg.Wait()
}

func TestNewKeyNames(t *testing.T) {
	dir := t.TempDir()
	for _, offset := range []time.Duration{0, 0, -time.Hour, time.Hour} { // the clock is set back in between
		k, err := keys.Generate(keys.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		path, err := NewKey(dir, k, newClock().Now().Add(offset))
		if err != nil {
			t.Fatal(err)
		}
		names, err := keyNames(dir)
		if err != nil || filepath.Join(dir, names[len(names)-1]) != path {
			t.Errorf("%s is not the last of %v (%v)", path, names, err)
		}
	}
	write(t, dir, "mine.key", nil)
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewKey(dir, k, newClock().Now()); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), "mine.key") {
		t.Error(err)
	}
	if _, err := NewKey(filepath.Join(dir, "mine.key", "x"), k, newClock().Now()); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Error(err)
	}
}

// TestSetKey signs with the key and certificate of the settings, and knows the keys of the directory as its own.
func TestSetKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, cert := certified(t, dir, "node1", "/O=Example/CN=node1.example.com")
	old, oldConfig, _ := open(t, nil)
	s, c, now := open(t, func(c *Config) {
		c.Dir, c.Settings.Key, c.Settings.Certificate = oldConfig.Dir, key, cert
	})
	r := fedmsg.Record{Envelope: []byte(envelope)}
	if err := s.Sign(&r); err != nil {
		t.Fatal(err)
	}
	one := signaturesOf(t, r.Signatures)[0]
	der, err := exec.Command(fedmsgtest.Tool(t, "openssl"), "x509", "-in", cert, "-outform", "DER").Output()
	if err != nil || !bytes.Equal(one.Cert, der) || !judged(t, s.Own()[0], "application/vnd.fedmsg+json", []byte(envelope), one.Sig) {
		t.Errorf("%s (%v)", r.Signatures, err)
	}
	if own := s.Own(); len(own) != 2 || own[1].ID() != old.Own()[0].ID() || own[0].ID() != one.KeyID || r.Signer != "node1" {
		t.Errorf("own are %v", own)
	}
	now.step(100 * 365 * 24 * time.Hour)
	if err := s.Err(); fedmsg.CodeOf(err) != fedmsg.CodeExpired || !strings.Contains(err.Error(), "signing.certificate") {
		t.Errorf("100 years later: %v", err)
	}

	other, _ := certified(t, dir, "other", "/CN=other")
	_, none := certified(t, dir, "none", "/O=Nobody")
	_, two := certified(t, dir, "two", "/CN=one/CN=two")
	for name, test := range map[string]struct {
		change func(*Settings)
		words  string
	}{
		"certificate of another key": {func(s *Settings) { s.Key = other }, "another key"},
		"certificate without a key":  {func(s *Settings) { s.Key = "" }, "no key in"},
		"certificate without a name": {func(s *Settings) { s.Key, s.Certificate = filepath.Join(dir, "none.key"), none }, "0 common names"},
		"certificate with two names": {func(s *Settings) { s.Key, s.Certificate = filepath.Join(dir, "two.key"), two }, "2 common names"},
		"no certificate":             {func(s *Settings) { s.Certificate = key }, "no certificate in"},
		"no such certificate":        {func(s *Settings) { s.Certificate = cert + "x" }, "cannot read the certificate"},
		"no such key":                {func(s *Settings) { s.Key = key + "x" }, "no such file"},
	} {
		c := c
		c.Dir = t.TempDir()
		test.change(&c.Settings)
		if _, err := Open(c); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
		if names, err := keyNames(c.Dir); len(names) > 0 || err != nil {
			t.Errorf("%s: made %v (%v)", name, names, err)
		}
	}
}

// certified has openssl make an Ed25519 key and its certificate.
func certified(t testing.TB, dir, name, subject string) (key, cert string) {
	t.Helper()
	key, cert = filepath.Join(dir, name+".key"), filepath.Join(dir, name+".crt")
	if !openssl(t, "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", cert, "-subj", subject, "-days", "3650", "-text") {
		t.Fatal("no certificate")
	}
	return key, cert
}

// lines is base64 in lines of 76, as Python's base64.encodebytes makes it.
func lines(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var out []string
	for len(text) > 76 {
		out, text = append(out, text[:76]), text[76:]
	}
	return strings.Join(append(out, text), "\n") + "\n"
}
