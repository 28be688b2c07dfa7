package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/pgp"
)

// oldKey gives the key and certificate of a host of the vectors.
func oldKey(t testing.TB, host string) (key, cert string) {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki", host+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "key.pem", text), fedmsgtest.Shared(t, "interop/vectors/pki", host+".crt")
}

func embedder(t testing.TB) *Embedder {
	t.Helper()
	e, err := OpenEmbedder(oldKey(t, "shell-vm.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// vector is one of v01 to v12.
type vector struct {
	name     string
	Unsigned struct{ Hex []string } `json:"unsigned_frames"`
	Signed   struct{ Hex []string } `json:"signed_frames"`
	Bytes    string                 `json:"signed_bytes_hex"`
	Receiver string                 `json:"receiver_canonical_bytes_text"`
	Valid    bool                   `json:"receiver_canonical_equals_signed"`
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	names, err := filepath.Glob(fedmsgtest.Shared(t, "interop/vectors") + "/v*.json")
	if err != nil || len(names) != 12 {
		t.Fatalf("%d vectors (%v); 12 are known", len(names), err)
	}
	for _, name := range names {
		v := vector{name: filepath.Base(name)}
		text, err := os.ReadFile(name)
		if err := errors.Join(err, json.Unmarshal(text, &v)); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	out, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// member cuts a string member out of compact JSON that has its key once.
func member(t testing.TB, in []byte, key string) (value string) {
	t.Helper()
	_, rest, _ := bytes.Cut(in, []byte(`"`+key+`":`))
	if err := json.NewDecoder(bytes.NewReader(rest)).Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestEmbedVectors signs the messages of the vectors with the key of the vectors: the frames are those of the old system, byte
// for byte. One of the old frames is invalid everywhere, because its signer sorted integer keys as numbers: here it is valid.
func TestEmbedVectors(t *testing.T) {
	e := embedder(t)
	dir := t.TempDir()
	public := filepath.Join(dir, "public.pem")
	_, cert := oldKey(t, "shell-vm.example.com")
	text, err := exec.Command(fedmsgtest.Tool(t, "openssl"), "x509", "-in", cert, "-pubkey", "-noout").Output()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "public.pem", text)
	for _, v := range vectors(t) {
		got, err := e.Embed(unhex(t, v.Unsigned.Hex[1]))
		if err != nil {
			t.Fatal(err)
		}
		want := unhex(t, v.Signed.Hex[1])
		if bytes.Equal(got, want) != v.Valid {
			t.Errorf("%s: the frame is\n%s\nand the old one\n%s", v.name, got, want)
		}
		if member(t, got, "certificate") != member(t, want, "certificate") || member(t, got, "crypto") != "x509" {
			t.Errorf("%s: another certificate or crypto", v.name)
		}
		signed, wrapped := []byte(v.Receiver), member(t, got, "signature")
		if v.Valid {
			signed = unhex(t, v.Bytes)
		}
		sig, err := base64.StdEncoding.DecodeString(wrapped)
		if err != nil || wrapped != lines(sig) {
			t.Errorf("%s: signature %q (%v)", v.name, wrapped, err)
		}
		if !openssl(t, "dgst", "-sha1", "-verify", public, "-signature", write(t, dir, "sig", sig), write(t, dir, "signed", signed)) {
			t.Errorf("%s: openssl does not verify it", v.name)
		}
	}
}

// TestSignBothForms holds that the old form is made first, and that the new one covers all that is stored.
func TestSignBothForms(t *testing.T) {
	s, _, now := open(t, func(c *Config) {
		c.Forms = []Form{X509, DSSE}
		c.Settings.X509Key, c.Settings.X509Certificate = oldKey(t, "shell-vm.example.com")
	})
	unsigned := []byte(envelope)
	r := fedmsg.Record{Envelope: unsigned}
	if err := s.Sign(&r); err != nil {
		t.Fatal(err)
	}
	want, err := embedder(t).Embed(unsigned)
	if err != nil || !bytes.Equal(r.Envelope, want) || string(unsigned) != envelope {
		t.Errorf("%s (%v)", r.Envelope, err)
	}
	if !judged(t, s.Own()[0], "application/vnd.fedmsg+json", r.Envelope, signaturesOf(t, r.Signatures)[0].Sig) {
		t.Error("openssl does not verify the envelope that is stored")
	}
	now.step(1 << 62)
	if err := s.Err(); fedmsg.CodeOf(err) != fedmsg.CodeExpired || !strings.Contains(err.Error(), "x509_certificate") {
		t.Error(err)
	}
	before := r
	if err := s.Sign(&r); fedmsg.CodeOf(err) != fedmsg.CodeMalformedSignature || !bytes.Equal(r.Envelope, before.Envelope) || !bytes.Equal(r.Signatures, before.Signatures) {
		t.Errorf("signed twice: %v", err)
	}

	alone, _, _ := open(t, func(c *Config) {
		c.Forms = []Form{X509}
		c.Settings.X509Key, c.Settings.X509Certificate = oldKey(t, "shell-vm.example.com")
	})
	r = fedmsg.Record{Envelope: unsigned}
	if err := alone.Sign(&r); err != nil || r.Signatures != nil || !bytes.Equal(r.Envelope, want) || r.Signer != "node1" {
		t.Errorf("%+v (%v)", r, err)
	}
}

// TestOldKeyBesideOwn holds that the key of the old form signs nothing else, also where it lies among the node's keys.
func TestOldKeyBesideOwn(t *testing.T) {
	s, c, _ := open(t, nil)
	first := s.Own()[0].ID()
	key, cert := oldKey(t, "shell-vm.example.com")
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	c.Forms, c.Settings.X509Key, c.Settings.X509Certificate = []Form{X509, DSSE}, write(t, c.Dir, "x509.key", text), cert
	both, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if own := both.Own(); len(own) != 1 || own[0].ID() != first {
		t.Errorf("own are %v", own)
	}
}

func TestOpenEmbedderRefusals(t *testing.T) {
	rsa, rsaCert := oldKey(t, "shell-vm.example.com")
	ec, ecCert := oldKey(t, "ec-vm.example.com")
	short, shortCert := oldKey(t, "rsa1024-vm.example.com")
	anonymous, anonymousCert := oldKey(t, "nocn")
	for name, test := range map[string]struct{ key, cert, words string }{
		"EC key":                     {ec, ecCert, "not RSA (p256)"},
		"short key":                  {short, shortCert, "1024 bits"},
		"certificate of another key": {rsa, ecCert, "another key"},
		"no name":                    {anonymous, anonymousCert, "0 common names"},
		"no file":                    {rsa, rsaCert + "x", "cannot read the certificate"},
		"key for a certificate":      {rsa, rsa, "no certificate"},
		"certificate for a key":      {rsaCert, rsaCert, ""},
	} {
		if _, err := OpenEmbedder(test.key, test.cert); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := embedder(t)
	for _, in := range []string{``, `[]`, `{`, `{}`, `{"i":1,"signature":null}`, `{"i":1,"i":2}`} {
		if got, err := e.Embed([]byte(in)); err == nil || fedmsg.CodeOf(err) == fedmsg.CodeInternal || got != nil {
			t.Errorf("%s: %s (%v)", in, got, err)
		}
	}
}

// TestEmbedPGP has gpg make a key and judge what is signed with it.
func TestEmbedPGP(t *testing.T) {
	g, dir := fedmsgtest.NewGPG(t), t.TempDir()
	g.NewKey("", "bus@example.com", "ed25519", "sign", "never")
	k, err := pgp.ReadPrivate(write(t, dir, "exported", g.Run("", nil, "--export-secret-keys")))
	if err != nil {
		t.Fatal(err)
	}
	in := strings.Replace(envelope, `{"k":"é"}`, `{"z":1.50, "k":"é"}`, 1)
	got, err := EmbedPGP([]byte(in), k, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(member(t, got, "signature"))
	if err != nil || member(t, got, "crypto") != "gpg" || bytes.Contains(got, []byte("certificate")) {
		t.Errorf("%s (%v)", got, err)
	}
	rest := strings.Replace(strings.Replace(string(got), `"crypto":"gpg",`, "", 1), `"signature":"`+base64.StdEncoding.EncodeToString(sig)+`",`, "", 1)
	if rest != in {
		t.Errorf("the rest became %s", rest)
	}
	g.Run("", nil, "--verify", write(t, dir, "sig", sig), write(t, dir, "body", []byte(`{"k":"\u00e9","z":1.5}`)))
	if _, _, err := g.Try("", nil, "--verify", filepath.Join(dir, "sig"), write(t, dir, "other", []byte(`{}`))); err == nil {
		t.Error("gpg verifies another body: it judges nothing")
	}
	if _, err := EmbedPGP([]byte(`{"topic":"a.b"}`), k, newClock().Now()); fedmsg.CodeOf(err) != fedmsg.CodeBadBody {
		t.Error(err)
	}
}
