package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// tool is a directory with what openssl and gpg make and judge there.
type tool struct {
	t   *testing.T
	dir string
}

func newTool(t *testing.T) *tool {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") // short: the path of gpg's socket is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &tool{t, dir}
}

func (w *tool) path(name string) string { return filepath.Join(w.dir, name) }

func (w *tool) write(name string, data []byte) string {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), data, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name)
}

// run runs a program in the directory. It must succeed.
func (w *tool) run(name string, args ...string) []byte {
	w.t.Helper()
	cmd := exec.Command(fedmsgtest.Tool(w.t, name), args...)
	cmd.Dir = w.dir
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s %q: %s\n%s%s", name, args, err, &out, &diag)
	}
	return out.Bytes()
}

// key has openssl make a private key, its public key, and its certificate by an authority.
func (w *tool) key(name string, args ...string) string {
	w.t.Helper()
	w.run("openssl", append([]string{"genpkey", "-out", name + ".key"}, args...)...)
	if _, err := os.Stat(w.path("ca.crt")); err != nil {
		w.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "30")
	}
	w.run("openssl", "req", "-new", "-key", name+".key", "-out", name+".csr", "-subj", "/CN="+name+".example.org")
	w.run("openssl", "x509", "-req", "-in", name+".csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", name+".crt", "-days", "30")
	w.run("openssl", "pkey", "-in", name+".key", "-pubout", "-out", name+".pem")
	if err := os.Chmod(w.path(name+".key"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name + ".key")
}

// signed runs sign and gives its lines.
func signed(t *testing.T, in string, args ...string) []string {
	t.Helper()
	lines, diag, status := call(t, strings.NewReader(in), append([]string{"sign"}, args...)...)
	if status != 0 || diag != "" {
		t.Fatalf("sign %q: status %d, %s", args, status, diag)
	}
	return lines
}

const unsignedLine = `{"topic":"org.example.dev.shop.order.new","msg":{"order":18,"é":"<&>"},"headers":{"a":"b"}}`

// keyKinds are what openssl makes keys of, and how it verifies with them.
func keyKinds() map[string]struct{ make, verify []string } {
	pss := []string{"-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32"}
	return map[string]struct{ make, verify []string }{
		"ed25519": {[]string{"-algorithm", "ed25519"}, nil},
		"p256":    {[]string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, []string{"-digest", "sha256"}},
		"rsa":     {[]string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}, pss},
	}
}

// TestSignJudgedByOpenSSL has openssl verify what was signed detached with its keys, with and without a certificate, and then
// the own verb.
func TestSignJudgedByOpenSSL(t *testing.T) {
	t.Parallel()
	w := newTool(t)
	for name, kind := range keyKinds() {
		key := w.key(name, kind.make...)
		for _, certificate := range []string{"", w.path(name + ".crt")} {
			lines := signed(t, order+"\n"+unsignedLine+"\n", "--key", key, "--certificate", certificate)
			if len(lines) != 2 {
				t.Fatalf("%s: %d lines", name, len(lines))
			}
			for i, line := range lines {
				w.judge(name, line, kind.verify, certificate != "")
				if payload := payloadOf(t, line); i == 0 && payload != order {
					t.Errorf("%s: the envelope became %s", name, payload)
				}
			}
			trust := fmt.Sprintf("[[trust]]\nname = \"shop\"\nkeys = [%q]\ntopics = [\"org.example.dev.shop.#\"]\n", w.path(name+".pem"))
			want := "ok shop"
			if certificate != "" {
				trust = fmt.Sprintf("[[trust]]\nname = \"ca\"\nca = %q\ntopics = [\"org.example.dev.shop.#\"]\n", w.path("ca.crt"))
				want = "ok ca/" + name + ".example.org"
			}
			if got := verified(t, trust, lines[1]+"\n"); len(got) != 1 || !strings.HasPrefix(got[0], want+" (as claimed at 20") {
				t.Errorf("%s: verify says %q, want %q", name, got, want)
			}
		}
	}
}

func payloadOf(t *testing.T, line string) string {
	t.Helper()
	var d struct{ Payload []byte }
	if err := json.Unmarshal([]byte(line), &d); err != nil {
		t.Fatal(err)
	}
	return string(d.Payload)
}

// judge lets openssl verify a DSSE document by the key of a name.
func (w *tool) judge(name, line string, args []string, certificate bool) {
	w.t.Helper()
	var d struct {
		Payload     []byte
		PayloadType string
		Signatures  []struct {
			KeyID, Sig string
			Cert       []byte
		}
	}
	if err := json.Unmarshal([]byte(line), &d); err != nil || len(d.Signatures) != 1 {
		w.t.Fatalf("%s: %v in %s", name, err, line)
	}
	sig, err := base64.StdEncoding.DecodeString(d.Signatures[0].Sig)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("signed", fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(d.PayloadType), d.PayloadType, len(d.Payload), d.Payload))
	w.write("signature", sig)
	w.run("openssl", append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", name + ".pem", "-rawin", "-in", "signed", "-sigfile", "signature"}, args...)...)
	if d.PayloadType != wire.EnvelopeType || (len(d.Signatures[0].Cert) > 0) != certificate {
		w.t.Errorf("%s: the type is %s, and the certificate has %d bytes", name, d.PayloadType, len(d.Signatures[0].Cert))
	}
	if certificate {
		der := w.run("openssl", "x509", "-in", name+".crt", "-outform", "DER")
		if !bytes.Equal(der, d.Signatures[0].Cert) {
			w.t.Errorf("%s: another certificate goes along", name)
		}
	}
}

// TestSignX509 has openssl verify the old form over what the old system would have signed: all but signature and certificate.
func TestSignX509(t *testing.T) {
	t.Parallel()
	w := newTool(t)
	key := w.key("old", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	lines := signed(t, order+"\n"+unsignedLine, "--key", key, "--certificate", w.path("old.crt"), "--form", "x509")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	var e struct{ Crypto, Signature, Certificate string }
	if err := json.Unmarshal([]byte(lines[0]), &e); err != nil {
		t.Fatal(err)
	}
	w.write("signed", []byte(`{"crypto":"x509",`+order[1:]))
	w.write("signature", unwrapped(t, e.Signature))
	w.run("openssl", "dgst", "-sha1", "-verify", "old.pem", "-signature", "signature", "signed")
	want := w.run("openssl", "x509", "-in", "old.crt")
	if got := unwrapped(t, e.Certificate); !bytes.Equal(got, want) {
		t.Errorf("the certificate is %q, want %q", got, want)
	}
	trust := fmt.Sprintf("[[trust]]\nname = \"ca\"\nca = %q\ntopics = [\"#\"]\n", w.path("ca.crt"))
	if got := verified(t, trust, lines[1]+"\n"); len(got) != 1 || !strings.HasPrefix(got[0], "ok ca/old.example.org (as claimed at 20") {
		t.Errorf("verify says %q", got)
	}
}

// unwrapped decodes base64 with the line breaks of the old form.
func unwrapped(t *testing.T, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text) // passes over line breaks
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSignOpenPGP has gpg verify the old form over the body.
func TestSignOpenPGP(t *testing.T) {
	t.Parallel()
	w := newTool(t)
	g := fedmsgtest.NewGPG(t)
	g.NewKey("", "shop", "ed25519", "sign", "never")
	key := w.write("secret", g.Run("", nil, "--export-secret-keys"))
	w.write("public", g.Run("", nil, "--export"))
	lines := signed(t, order+"\n"+unsignedLine, "--key", key, "--form", "gpg")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, body := range []string{`{"order":17}`, `{"order":18,"\u00e9":"<&>"}`} {
		var e struct{ Crypto, Signature string }
		if err := json.Unmarshal([]byte(lines[i]), &e); err != nil || e.Crypto != "gpg" {
			t.Fatalf("%v in %s", err, lines[i])
		}
		sig, err := base64.StdEncoding.Strict().DecodeString(e.Signature)
		if err != nil || strings.ContainsAny(e.Signature, "\r\n") {
			t.Fatalf("%v in %q", err, e.Signature)
		}
		w.write("signature", sig)
		w.write("body", []byte(body))
		g.Run("", nil, "--verify", w.path("signature"), w.path("body"))
	}
	trust := fmt.Sprintf("[[trust]]\nname = \"peer\"\nkeyring = %q\nlegacy = true\ntopics = [\"#\"]\n", w.path("public"))
	if got := verified(t, trust, lines[1]+"\n"); len(got) != 1 || !strings.HasPrefix(got[0], "ok peer/") || !strings.Contains(got[0], " (topic not covered, as claimed at 20") {
		t.Errorf("verify says %q", got)
	}
}

// TestSignMakesEnvelopes holds what is filled in, and that one bad message does no harm to the next.
func TestSignMakesEnvelopes(t *testing.T) {
	t.Parallel()
	w := newTool(t)
	key := w.key("shop", "-algorithm", "ed25519")
	first := signed(t, order, "--key", key)[0]
	in := unsignedLine + "\nx\n" + first + "\n" + strings.Replace(unsignedLine, `{"topic`, `{"id":"mine","username":"bts","topic`, 1) + "\n" +
		`{"topic":"a b","msg":{}}` + "\n" + strings.Replace(order, `{"i`, `{"crypto":"x509","i`, 1) + "\n"
	lines, diag, status := call(t, strings.NewReader(in), "sign", "--key", key)
	if status != 65 || len(lines) != 2 {
		t.Fatalf("status %d and %q", status, lines)
	}
	var made, given struct {
		ID       string `json:"msg_id"`
		I        int
		Username string
		Headers  map[string]string
	}
	for i, e := range []any{&made, &given} {
		if err := json.Unmarshal([]byte(payloadOf(t, lines[i])), e); err != nil {
			t.Fatal(err)
		}
	}
	if len(made.ID) != 41 || made.I != 1 || made.Username != "tester" || made.Headers["a"] != "b" {
		t.Errorf("made %+v", made)
	}
	if given.ID != "mine" || given.I != 2 || given.Username != "bts" {
		t.Errorf("made %+v of what has an id", given)
	}
	for _, want := range []string{"line 2: bad JSON", "line 3: the message is signed already", "line 5: ", "line 6: the message is signed already"} {
		if !strings.Contains(diag, "fedmsg sign: "+want) {
			t.Errorf("it says %q, want %q in it", diag, want)
		}
	}
}
