package pgp

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// textOf is a text of several lines as it is signed.
const textOf = "Format: 1.8\r\nSource: x\r\n - dash\r\n"

// armored makes a signature over a text, or over bytes, as gpg puts it into mails.
func (g *gpg) armored(fingerprint string, args ...string) []byte {
	g.t.Helper()
	return g.sign([]byte(textOf), fingerprint, append([]string{"--armor"}, args...)...)
}

// directory gives what gpg exports as a file of keys.
func (g *gpg) directory(keys ...string) *Directory {
	g.t.Helper()
	d, err := ParseDirectory(g.Run("", nil, append([]string{"--export"}, keys...)...))
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// expectText verifies twice: the second time the key was read before.
func expectText(t *testing.T, what string, d *Directory, text string, armored []byte, at time.Time, want string, code fedmsg.Code) {
	t.Helper()
	for range 2 {
		got, err := d.VerifyText([]byte(text), armored, at)
		if got != want || fedmsg.CodeOf(err) != code {
			t.Errorf("%s: got %q and %v, want %q and code %q", what, got, err, want, code)
		}
	}
}

// TestDirectory holds what is found out about signatures of texts: by which key, whether it is known, and what it is worth.
func TestDirectory(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	one, two, short := g.newKey("one", "rsa2048", "sign,cert", "never"), g.newKey("two", "ed25519", "sign", "2024-03-01"),
		g.newKey("short", "rsa1024", "sign", "never")
	g.Run(keyTime, nil, "--quick-add-key", one, "ed25519", "sign", "never")
	strange := g.newKey("strange", "ed25519", "sign", "never")
	d := g.directory(one, two, short)
	march := day(time.March, 1)
	for what, sig := range map[string][]byte{
		"over bytes": g.armored(one), "over a text": g.armored(one, "--textmode"), "by the primary key": g.armored(one + "!"),
	} {
		expectText(t, what, d, textOf, sig, march, one, "")
		expectText(t, what+", of a changed text", d, textOf+"x", sig, march, one, fedmsg.CodeBadSignature)
	}
	expectText(t, "valid", d, textOf, g.armored(two), day(time.February, 20), two, "")
	expectText(t, "expired", d, textOf, g.armored(two), day(time.March, 3), two, fedmsg.CodeExpired)
	expectText(t, "short", d, textOf, g.armored(short), march, short, fedmsg.CodeWeakSignature)
	expectText(t, "SHA-1", d, textOf, g.armored(one+"!", "--digest-algo", "SHA1"), march, one, fedmsg.CodeWeakSignature)
	expectText(t, "unknown", d, textOf, g.armored(strange), march, strange, fedmsg.CodeUnknownSigner)
	if name, err := Claimed(g.armored(strange)); err != nil || name != strange {
		t.Errorf("it claims to be by %q: %v", name, err)
	}
}

// TestDirectoryRevoked holds that a revoked key is told, also when the file has it twice, and that a key whose revocation cannot be
// checked is no key, while the others of the file are.
func TestDirectoryRevoked(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key, other := g.newKey("one", "rsa2048", "sign", "never"), g.newKey("other", "ed25519", "sign", "never")
	sig, clean := g.armored(key), g.Run("", nil, "--export", key)
	g.Run("", g.command(t, "20240401T000000", "y\n1\n\ny\n", "--gen-revoke", key), "--import")
	revoked := g.Run("", nil, "--export", key)
	others := g.Run("", nil, "--export", other)
	april := day(time.April, 2)
	for what, data := range map[string][]byte{
		"once": revoked, "twice": slices.Concat(clean, others, revoked), "the other way": slices.Concat(revoked, others, clean),
	} {
		d, err := ParseDirectory(data)
		if err != nil {
			t.Fatal(err)
		}
		expectText(t, what, d, textOf, sig, april, key, fedmsg.CodeRevoked)
	}
	packets, err := split(bytes.Clone(revoked))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if h, ok := signatureHead(p.body); p.tag == tagSignature && ok && h.kind == kindKeyRevoked {
			p.body[len(p.body)-1] ^= 1
		}
	}
	var broken []byte
	for _, p := range packets {
		broken = append(broken, p.whole...)
	}
	d, err := ParseDirectory(slices.Concat(broken, others))
	if err != nil {
		t.Fatal(err)
	}
	expectText(t, "a revocation that cannot be checked", d, textOf, sig, april, key, fedmsg.CodeUnknownSigner)
	expectText(t, "the other key", d, textOf, g.armored(other), april, other, "")
}

// TestDirectoryRefused holds what is no file of keys, and no signature.
func TestDirectoryRefused(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "ed25519", "sign", "never")
	padding := append([]byte{0xc0 | tagPadding, 255, maxDirectory >> 24, 0, 0, 0}, make([]byte, maxDirectory)...)
	for what, data := range map[string][]byte{
		"nothing": nil, "a text": []byte("hello"), "a signature": g.sign(message, key), "a page": []byte("\x99\xff\xff"), "too much": append(padding, g.Run("", nil, "--export", key)...),
	} {
		if _, err := ParseDirectory(data); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%s: %v", what, err)
		}
	}
	d, err := ParseDirectory(g.Run("", nil, "--armor", "--export", key))
	if err != nil {
		t.Fatal(err)
	}
	sig := g.armored(key)
	expectText(t, "armored keys", d, textOf, sig, day(time.March, 1), key, "")
	for what, bad := range map[string][]byte{
		"nothing": nil, "binary": g.sign([]byte(textOf), key), "two": slices.Concat(sig, sig), "a key": g.Run("", nil, "--armor", "--export", key),
		"cut": sig[:len(sig)/2], "long": bytes.Replace(sig, []byte("\n\n"), []byte("\nComment: "+strings.Repeat("x", maxArmored)+"\n\n"), 1),
	} {
		expectText(t, what, d, textOf, bad, day(time.March, 1), "", fedmsg.CodeMalformedSignature)
		if _, err := Claimed(bad); fedmsg.CodeOf(err) != fedmsg.CodeMalformedSignature {
			t.Errorf("%s: %v", what, err)
		}
	}
}
