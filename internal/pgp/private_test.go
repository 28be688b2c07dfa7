package pgp

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// judge lets gpg say whether sig is the key's signature over message.
func (g *gpg) judge(t *testing.T, at string, sig []byte, fingerprint string) {
	t.Helper()
	out, diag, err := g.Try(at, nil, "--status-fd", "1", "--verify", g.file(sig), g.file(message))
	if err != nil || !strings.Contains(string(out), "VALIDSIG") || !strings.Contains(string(out), fingerprint+"\n") {
		t.Errorf("gpg refuses a signature of %s: %v\n%s\n%s", fingerprint, err, out, diag)
	}
}

// TestJudgedByGPG lets gpg verify what is signed here with its keys.
func TestJudgedByGPG(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	now := day(time.February, 1)
	for name, kind := range kinds() {
		key := g.newKey(name, kind[0], kind[1], "2y")
		for form, path := range map[string]string{
			"binary": g.secret(key), "armored": g.file(g.Run("", nil, "--armor", "--export-secret-keys", key)),
		} {
			k, err := ReadPrivate(path)
			if err != nil {
				t.Fatalf("%s, %s: %s", name, form, err)
			}
			sig, err := k.Sign(message, now)
			if err != nil {
				t.Fatalf("%s, %s: %s", name, form, err)
			}
			if k.Fingerprint() != key {
				t.Errorf("%s, %s: the fingerprint is %s, want %s", name, form, k.Fingerprint(), key)
			}
			g.judge(t, signTime, sig, key)
			sig[len(sig)-1] ^= 1
			if _, _, err := g.Try(signTime, nil, "--verify", g.file(sig), g.file(message)); err == nil {
				t.Errorf("%s, %s: gpg takes a broken signature", name, form)
			}
		}
	}
}

// TestSubkeyIsPreferred signs with the newest subkey, also where the primary key is not there.
func TestSubkeyIsPreferred(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "sign,cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "never")
	for _, path := range []string{g.secret(key), g.file(g.Run("", nil, "--export-secret-subkeys", key))} {
		k, err := ReadPrivate(path)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := k.Sign(message, day(time.February, 1))
		if err != nil {
			t.Fatal(err)
		}
		if len(sig) > 200 {
			t.Error("it is signed with the primary key, not the subkey")
		}
		g.judge(t, signTime, sig, key)
	}
	if k, err := ReadPrivate(g.secret(key)); err != nil {
		t.Error(err)
	} else if _, err := k.Sign(message, time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)); fedmsg.CodeOf(err) != fedmsg.CodeExpired {
		t.Errorf("signing before the key was made: %v", err)
	}
}

// TestExpiredSubkeyIsPassedOver signs with the primary key then, unless that is not there.
func TestExpiredSubkeyIsPassedOver(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "sign,cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "20240401T000000")
	k, err := ReadPrivate(g.secret(key))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := k.Sign(message, day(time.May, 1))
	if err != nil {
		t.Fatal(err)
	}
	g.judge(t, "20240502T000000", sig, key)
	if k, err = ReadPrivate(g.file(g.Run("", nil, "--export-secret-subkeys", key))); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign(message, day(time.May, 1)); fedmsg.CodeOf(err) != fedmsg.CodeExpired {
		t.Errorf("without the primary key: %v", err)
	}
	ended := g.newKey("two", "rsa2048", "sign,cert", "20240401T000000")
	g.Run(keyTime, nil, "--quick-add-key", ended, "ed25519", "sign", "never")
	if k, err = ReadPrivate(g.secret(ended)); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Sign(message, day(time.May, 1)); fedmsg.CodeOf(err) != fedmsg.CodeExpired {
		t.Errorf("with a primary key that has ended: %v", err)
	}
}

// TestPrivateRefused holds which files are no keys to sign with, and that no secret is told.
func TestPrivateRefused(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key, other := g.newKey("one", "ed25519", "sign", "never"), g.newKey("two", "rsa2048", "sign", "never")
	both := g.file(g.Run("", nil, "--export-secret-keys", key, other))
	open := g.secret(key)
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"readable by others", open, "chmod 600"},
		{"two keys", both, "exactly one"},
		{"public", g.file(g.Run("", nil, "--export", key)), "--export-secret-keys"},
		{"public, armored", g.file(g.Run("", nil, "--armor", "--export", key)), "PGP PRIVATE KEY BLOCK"},
		{"not a key", g.file([]byte("no key")), "gpg --export"},
		{"empty", g.file(nil), "gpg --export"},
		{"encrypted", g.file(g.encrypted()), "passphrase"},
		{"a directory", g.Home, "not a regular file"},
	} {
		_, err := ReadPrivate(c.path)
		if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
	if _, err := ParseKeyring(g.Run("", nil, "--export-secret-keys", key)); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a secret key as a keyring: %v", err)
	}
}

// encrypted gives a secret key with a passphrase.
func (g *gpg) encrypted() []byte {
	g.t.Helper()
	g.Run(keyTime, nil, "--passphrase", "secret", "--quick-gen-key", "three", "ed25519", "sign", "never")
	return g.Run("", nil, "--passphrase", "secret", "--export-secret-keys", "=three")
}

// TestPrivateIsSilent prints a key in every way that a log may.
func TestPrivateIsSilent(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "ed25519", "sign", "never")
	k, err := ReadPrivate(g.secret(key))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != key {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if got, err := json.Marshal(map[string]any{"key": k}); err != nil || string(got) != `{"key":{}}` {
		t.Errorf("as JSON it is %s, %v", got, err)
	}
}
