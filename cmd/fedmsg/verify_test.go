package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/pki/pkitest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// call runs the program and gives its lines.
func call(t *testing.T, in io.Reader, args ...string) (lines []string, diag string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{name: "fedmsg", args: args, stdin: in, stdout: &out, stderr: &errs, environ: func() []string {
		return []string{"HOME=" + t.TempDir(), "LOGNAME=tester"}
	}}
	status = p.run(context.Background())
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines, errs.String(), status
}

// verified runs verify on a text with a trust file, and holds that the status fits.
func verified(t *testing.T, trustFile, text string, args ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trust.toml")
	if err := os.WriteFile(path, []byte(trustFile), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, diag, status := call(t, strings.NewReader(text), append([]string{"verify", "--trust", path}, args...)...)
	want := 0
	if slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "bad ") || strings.HasPrefix(s, `{"ok":false`) }) {
		want = 65
	}
	if status != want || diag != "" && len(lines) > 0 {
		t.Errorf("status %d, want %d; it said %q", status, want, diag)
	}
	return lines
}

// TestVerifyOutcomes holds what is said, by name, of each message of which the old program's judgement is known. What is
// stricter on purpose is so in package trust.
func TestVerifyOutcomes(t *testing.T) {
	t.Parallel()
	const good, claimed = "ok research/shell-vm.example.com", " (as claimed at 2023-11-14T22:13:20Z)"
	const bad = "bad bad_signature research/shell-vm.example.com "
	want := map[string]string{
		"good":                                   good + claimed,
		"signed by peer-vm.example.com":          "ok research/peer-vm.example.com" + claimed,
		"signed by sha1-vm.example.com":          "ok research/sha1-vm.example.com" + claimed,
		"signed by rsa1024-vm.example.com":       "ok research/rsa1024-vm.example.com" + claimed,
		"signed by twocn":                        "bad malformed_signature - ",
		"signed by nocn":                         "bad malformed_signature - ",
		"signed by revoked-vm.example.com":       "bad revoked research/revoked-vm.example.com ",
		"signed by expired-vm.example.com":       "bad expired research/expired-vm.example.com ",
		"signed by foreign-vm.example.com":       "bad unknown_signer - ",
		"twocn: policy lists first CN":           "bad malformed_signature - ",
		"tampered":                               bad,
		"seq_id added after signing":             bad,
		"timestamp int->float":                   bad,
		"unwrapped base64":                       good + claimed,
		"bad base64 padding":                     "bad malformed_signature research/shell-vm.example.com ",
		"signature null":                         "bad malformed_signature - ",
		"signature missing":                      "bad malformed_signature - ",
		"crypto key missing":                     bad,
		"legacy <=0.7.2: never had a crypto key": good + " (as of now, it has no timestamp)",
		"crypto='rot13'":                         "bad malformed_signature - ",
		"crypto=None":                            bad,
		"routing policy denies":                  "bad wrong_topic research/shell-vm.example.com ",
		"nitpicky without entry":                 "bad wrong_topic research/shell-vm.example.com ",
		"crl none":                               good + claimed,
		"crl expired":                            "bad stale_crl research/shell-vm.example.com ",
		"ca of another CA":                       "bad unknown_signer - ",
		"already signed, then signed again (signing relay)": "bad bad_signature research/relay-vm.example.com ",
		"datagrepper copy, raw":                             good + claimed,
		"datagrepper copy, after fix_datagrepper_message":   good + claimed,
	}
	var file struct{ Cases []outcomeCase }
	readShared(t, &file, "interop/vectors/x05_validation_outcomes.json")
	if len(file.Cases) != len(want) {
		t.Errorf("there are %d cases, and %d in the table", len(file.Cases), len(want))
	}
	for _, c := range file.Cases {
		got := verified(t, c.trust(t), c.Wire+"\n")
		w, ok := want[c.Case]
		if !ok || len(got) != 1 || got[0] != w && (!strings.HasPrefix(w, "bad ") || !strings.HasPrefix(got[0], w+"line 1: ")) {
			t.Errorf("%s: got %q, want %q", c.Case, got, w)
		}
	}
}

type outcomeCase struct {
	Case, Wire string
	Overrides  struct {
		Policy   map[string][]string `json:"routing_policy"`
		Nitpicky bool                `json:"routing_nitpicky"`
		CRL      json.RawMessage     `json:"crl_location"`
		CA       string              `json:"ca_cert_location"`
	} `json:"config_overrides"`
}

// trust is the old program's configuration as a trust file.
func (c *outcomeCase) trust(t *testing.T) string {
	pki := func(name string) string {
		return fedmsgtest.Shared(t, "interop", "vectors", "pki", filepath.Base(name))
	}
	ca, crl := pki("ca.crt"), fmt.Sprintf("crl = %q\n", pki("crl.pem"))
	if text := string(c.Overrides.CRL); text == "null" {
		crl = ""
	} else if text != "" {
		crl = fmt.Sprintf("crl = %q\n", pki(strings.Trim(text, `"`)))
	}
	if c.Overrides.CA != "" {
		ca, crl = pki(c.Overrides.CA), ""
	}
	file := fmt.Sprintf("[[trust]]\nname = \"research\"\nca = %q\n%slegacy = true\ntopics = [\"#\"]\n[policy]\nnitpicky = %t\n[policy.topics]\n", ca, crl, c.Overrides.Nitpicky)
	for topic, names := range c.Overrides.Policy {
		file += fmt.Sprintf("%q = [%q]\n", topic, strings.Join(names, `", "`))
	}
	return file
}

func readShared(t *testing.T, to any, name string) {
	t.Helper()
	data, err := os.ReadFile(fedmsgtest.Shared(t, strings.Split(name, "/")...))
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestVerifyOpenPGP names the signer of the old OpenPGP form and that the topic is not covered. The vectors' clock says 2026.
func TestVerifyOpenPGP(t *testing.T) {
	t.Parallel()
	var file struct {
		Fingerprint string
		Cases       []struct {
			Wire     string
			Tampered string `json:"tampered_wire"`
		}
	}
	readShared(t, &file, "interop/vectors/x07_gpg.json")
	trust := fmt.Sprintf("[[trust]]\nname = \"peer\"\nkeyring = %q\nlegacy = true\ntopics = [\"org.fedoraproject.dev.#\"]\n",
		fedmsgtest.Shared(t, "interop", "vectors", "pki", "peer-public.asc"))
	signer := "peer/" + file.Fingerprint
	for _, c := range file.Cases {
		got := verified(t, trust, strings.Replace(c.Wire, "1700000000", "1795305600", 1)+"\n"+c.Tampered+"\n"+c.Wire)
		want := []string{"ok " + signer + " (topic not covered, as claimed at 2026-11-22T00:00:00Z)", "bad bad_signature " + signer + " line 2: ", "bad expired " + signer + " line 3: "}
		if len(got) != 3 || got[0] != want[0] || !strings.HasPrefix(got[1], want[1]) || !strings.HasPrefix(got[2], want[2]) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestVerifyProduction verifies an answer of the old archive as it came, by what held then and by what holds now.
func TestVerifyProduction(t *testing.T) {
	t.Parallel()
	name := fedmsgtest.Shared(t, "corpus", "datagrepper-raw-sample.json")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Messages []struct{ Certificate []byte } `json:"raw_messages"`
	}
	readShared(t, &file, "corpus/datagrepper-raw-sample.json")
	var certificates [][]byte
	for _, m := range file.Messages {
		block, _ := pem.Decode(m.Certificate)
		certificates = append(certificates, block.Bytes)
	}
	ca := filepath.Join(t.TempDir(), "fedora.crt")
	if err := os.WriteFile(ca, pkitest.ProductionAuthority(t, certificates...), 0o600); err != nil {
		t.Fatal(err)
	}
	trust := fmt.Sprintf("[[trust]]\nname = \"fedora\"\nca = %q\nlegacy = true\ntopics = [\"org.fedoraproject.prod.#\"]\n", ca)
	one := new(bytes.Buffer)
	if err := json.Compact(one, text); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{string(text), one.String() + "\n"} {
		for _, c := range []struct {
			flag, prefix, part string
		}{{"--then", "ok fedora/", " (as claimed at 2017-09-05T20:2"}, {"--now", "bad expired fedora/", "element "}} {
			got := verified(t, trust, in, c.flag)
			if len(got) != len(certificates) || len(got) != 15 {
				t.Errorf("%s: %d lines", c.flag, len(got))
			}
			for _, line := range got {
				if !strings.HasPrefix(line, c.prefix) || !strings.Contains(line, c.part) {
					t.Errorf("%s: got %q", c.flag, line)
				}
			}
		}
	}
}

// shop is a publisher with a bare key, signed for by the standard library alone.
type shop struct {
	key   ed25519.PrivateKey
	trust string // a file that trusts the key until 2025
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	path := filepath.Join(t.TempDir(), "shop.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.der(t)}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.trust = fmt.Sprintf("[[trust]]\nname = \"shop\"\nkeys = [%q]\ntopics = [\"org.example.dev.shop.#\"]\nnot_after = 2025-01-01T00:00:00Z\n", path)
	return s
}

func (s *shop) der(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// signatures is the array of one signature over what a type says it is.
func (s *shop) signatures(t *testing.T, payloadType, payload string) string {
	id := sha256.Sum256(s.der(t))
	sig := ed25519.Sign(s.key, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload))
	return fmt.Sprintf(`[{"keyid":%q,"sig":%q}]`, hex.EncodeToString(id[:]), base64.StdEncoding.EncodeToString(sig))
}

// dsse is the document.
func (s *shop) dsse(t *testing.T, payloadType, payload string) string {
	return fmt.Sprintf(`{"payload":%q,"payloadType":%q,"signatures":%s}`,
		base64.StdEncoding.EncodeToString([]byte(payload)), payloadType, s.signatures(t, payloadType, payload))
}

// entry is an entry of a log as readers get it.
func (s *shop) entry(t *testing.T, topic, id, received, envelope string) string {
	return fmt.Sprintf(`{"position":"abcdefghijkl-7","seq":7,"received":%q,"id":%q,"topic":%q,"sender":"uid:0","signer":"anybody","verdict":"ok","envelope":%s,"signatures":%s}`,
		received, id, topic, envelope, s.signatures(t, wire.EnvelopeType, envelope))
}

// The message of these tests, made on 2024-06-01.
const (
	orderTopic = "org.example.dev.shop.order.new"
	order      = `{"i":1,"msg":{"order":17},"msg_id":"2024-order-17","timestamp":1717200000,"topic":"org.example.dev.shop.order.new","username":"shop"}`
	receipt    = `{"log":"abcdefghijkl","seq":7,"received":"2024-06-01T00:00:01Z","sha256":"00","role":"node"}`
)

// TestVerifyForms judges each form that a line may have.
func TestVerifyForms(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	late, undated := strings.Replace(order, "1717200000", "1767225600", 1), strings.Replace(order, `"timestamp":1717200000,`, "", 1)
	elsewhere := strings.Replace(order, "shop.order", "bank.order", 1)
	cases := []struct{ name, in, want, now string }{
		{"DSSE", s.dsse(t, wire.EnvelopeType, order), "ok shop (as claimed at 2024-06-01T00:00:00Z)", "bad expired shop line 1: "},
		{"DSSE, made later than the root lasts", s.dsse(t, wire.EnvelopeType, late), "bad expired shop line 1: ", "bad expired shop line 1: "},
		{"DSSE without a time", s.dsse(t, wire.EnvelopeType, undated), "bad expired shop line 1: ", "bad expired shop line 1: "},
		{"DSSE of another's topic", s.dsse(t, wire.EnvelopeType, elsewhere), "bad wrong_topic shop line 1: ", "bad expired shop line 1: "},
		{"DSSE, changed", strings.Replace(s.dsse(t, wire.EnvelopeType, order), s.signatures(t, wire.EnvelopeType, order), s.signatures(t, wire.EnvelopeType, late), 1), "bad bad_signature shop line 1: ", ""},
		{"DSSE of a receipt as an envelope", s.dsse(t, wire.ReceiptType, order), "bad malformed_signature - line 1: ", ""},
		{"DSSE with white space in it", s.dsse(t, wire.EnvelopeType, order+" "), "bad bad_envelope - line 1: ", ""},
		{"DSSE of another type", s.dsse(t, "text/plain", order), "bad malformed_signature - line 1: ", ""},
		{"entry", s.entry(t, orderTopic, "2024-order-17", "2024-06-01T00:00:01Z", order), "ok shop", "bad expired shop line 1: "},
		{"entry received after the root ended", s.entry(t, orderTopic, "2024-order-17", "2025-06-01T00:00:01Z", order), "bad expired shop line 1: ", ""},
		{"entry under another topic", s.entry(t, "org.example.dev.shop.other", "2024-order-17", "2024-06-01T00:00:01Z", order), "bad wrong_topic - line 1: ", ""},
		{"entry with another id", s.entry(t, orderTopic, "2024-order-18", "2024-06-01T00:00:01Z", order), "bad bad_id - line 1: ", ""},
		{"entry without a time", strings.Replace(s.entry(t, orderTopic, "2024-order-17", "", order), `"received":"",`, "", 1), "bad bad_envelope - line 1: ", "bad expired shop line 1: "},
		{"entry without an envelope", s.entry(t, orderTopic, "2024-order-17", "2024-06-01T00:00:01Z", "null"), "bad bad_envelope - line 1: ", ""},
		{"receipt", s.dsse(t, wire.ReceiptType, receipt), "ok shop receipt of 7 in abcdefghijkl (as claimed at 2024-06-01T00:00:01Z)", "bad expired shop line 1: "},
		{"receipt without a time", s.dsse(t, wire.ReceiptType, `{}`), "bad malformed_signature - line 1: ", ""},
		{"envelope as a receipt", s.dsse(t, wire.EnvelopeType, receipt), "bad bad_topic - line 1: ", ""},
		{"unsigned", order, "bad unsigned - line 1: nobody signed the message on " + orderTopic, ""},
		{"unsigned with members of DSSE", strings.Replace(order, `{"i"`, `{"payload":"","payloadType":"","i"`, 1), "bad unsigned - line 1: ", ""},
		{"a message that hides behind messages", `{"topic":"a.b","raw_messages":[]}`, "bad bad_envelope - line 1: an object is a message", ""},
		{"not JSON", "order", "bad bad_json - line 1: ", ""},
	}
	for _, c := range cases {
		for flag, want := range map[string]string{"--then": c.want, "--now": c.now} {
			got := verified(t, s.trust, c.in+"\n", flag)
			if want != "" && (len(got) != 1 || got[0] != want && (!strings.HasPrefix(want, "bad ") || !strings.HasPrefix(got[0], want))) {
				t.Errorf("%s %s: got %q, want %q", c.name, flag, got, want)
			}
		}
	}
}

// TestVerifyJSON holds the members of the form for programs.
func TestVerifyJSON(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	in := s.dsse(t, wire.EnvelopeType, order) + "\n" + order + "\n" + s.dsse(t, wire.ReceiptType, receipt) + "\n"
	got := verified(t, s.trust, in, "--format", "json")
	want := []string{
		`{"ok":true,"code":"","signer":"shop","reason":"","verdict":"ok","topic":"org.example.dev.shop.order.new","id":"2024-order-17","at":"2024-06-01T00:00:00Z","as_claimed":true,"place":"line 1"}`,
		`{"ok":false,"code":"unsigned","signer":"","reason":"nobody signed the message on org.example.dev.shop.order.new","verdict":"unsigned","topic":"org.example.dev.shop.order.new","id":"2024-order-17","at":"2024-06-01T00:00:00Z","as_claimed":true,"place":"line 2"}`,
		`{"ok":true,"code":"","signer":"shop","reason":"","verdict":"ok","topic":"","id":"","at":"2024-06-01T00:00:01Z","as_claimed":true,"place":"line 3","receipt":{"log":"abcdefghijkl","seq":7,"role":"node"}}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestVerifyAnswersAtOnce gives one line after the other and waits for what is said of each before the next.
func TestVerifyAnswersAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	path := filepath.Join(t.TempDir(), "trust.toml")
	if err := os.WriteFile(path, []byte(s.trust), 0o600); err != nil {
		t.Fatal(err)
	}
	in, feed := io.Pipe()
	said, out := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{name: "fedmsg", args: []string{"verify", "--trust", path}, stdin: in, stdout: out, stderr: io.Discard, environ: os.Environ}
	ended := make(chan int, 1)
	go func() { ended <- p.run(ctx) }()
	lines := bufio.NewScanner(said)
	for range 3 {
		if _, err := io.WriteString(feed, s.dsse(t, wire.EnvelopeType, order)+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ok shop") {
			t.Fatalf("got %q", lines.Text())
		}
	}
	cancel() // while it waits for more
	if status := <-ended; status != fedmsg.CodeInterrupted.ExitStatus() {
		t.Errorf("status %d when it is interrupted", status)
	}
	feed.Close()
}

// TestVerifyBrokenInput says what came before the input broke, and does not call that the end.
func TestVerifyBrokenInput(t *testing.T) {
	t.Parallel()
	in := io.MultiReader(strings.NewReader(order+"\n"), iotest.ErrReader(errors.New("broken disk")))
	lines, diag, status := call(t, in, "verify", "--state", t.TempDir())
	if status != 64 || len(lines) != 1 || !strings.Contains(diag, "cannot read the input: broken disk") {
		t.Errorf("status %d, %q, %q", status, lines, diag)
	}
}

// TestVerifyKeepsOrder verifies more than is handed on at once.
func TestVerifyKeepsOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var in strings.Builder
	count := 3 * batchDocuments
	for i := range count {
		in.WriteString(s.dsse(t, wire.EnvelopeType, strings.Replace(order, "1717200000", fmt.Sprint(1717200000+i), 1)) + "\n")
	}
	got := verified(t, s.trust, in.String())
	if len(got) != count {
		t.Fatalf("%d lines, want %d", len(got), count)
	}
	for i, line := range got {
		if want := "ok shop (as claimed at " + time.Unix(int64(1717200000+i), 0).UTC().Format(time.RFC3339) + ")"; line != want {
			t.Fatalf("line %d: got %q, want %q", i+1, line, want)
		}
	}
}
