package pgp

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

var message = []byte(`{"a":"\u00e9","b":1}`)

// kinds are the keys that gpg makes and that are taken.
func kinds() map[string][2]string {
	return map[string][2]string{
		"rsa": {"rsa2048", "sign"}, "ed25519": {"ed25519", "sign"}, "certify and sign": {"rsa3072", "default"},
	}
}

// TestMadeByGPG verifies what gpg signs with each kind of key, and with a subkey.
func TestMadeByGPG(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	for name, kind := range kinds() {
		key := g.newKey(name, kind[0], kind[1], "2y")
		checkVerdict(t, name, g.export(key), message, g.sign(message, key), day(time.March, 1), key, "")
	}
	key := g.newKey("subkey", "rsa2048", "cert", "never")
	for _, kind := range []string{"ed25519", "rsa2048"} {
		g.Run(keyTime, nil, "--quick-add-key", key, kind, "sign", "never")
		sig := g.sign(message, key) // gpg takes the newest
		checkVerdict(t, "subkey "+kind, g.export(key), message, sig, day(time.March, 1), key, "")
		checkVerdict(t, "subkey "+kind+" whose binding is missing", g.without(t, key, kindSubkeyBinding), message, sig, day(time.March, 1), "", fedmsg.CodeUnknownSigner)
	}
}

func newRing(keys ...*key) *Keyring { return &Keyring{keys: keys} }

// without gives the ring of a key without the signatures of one kind.
func (g *gpg) without(t *testing.T, key string, kind byte) *Keyring {
	t.Helper()
	packets, err := split(g.Run("", nil, "--export", key))
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, p := range packets {
		if h, ok := signatureHead(p.body); p.tag != tagSignature || !ok || h.kind != kind {
			data = append(data, p.whole...)
		}
	}
	ring, err := ParseKeyring(data)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// checkVerdict verifies with and without legacy, which must not differ.
func checkVerdict(t *testing.T, name string, ring *Keyring, message, sig []byte, at time.Time, want string, code fedmsg.Code) {
	t.Helper()
	for _, legacy := range []bool{false, true} {
		checkVerdictOf(t, name, ring, message, sig, at, legacy, want, code)
	}
}

func checkVerdictOf(t *testing.T, name string, ring *Keyring, message, sig []byte, at time.Time, legacy bool, want string, code fedmsg.Code) {
	t.Helper()
	got, err := ring.Verify(message, sig, at, legacy)
	if got != want || fedmsg.CodeOf(err) != code {
		t.Errorf("%s, legacy %t: got %q and %v, want %q and code %q", name, legacy, got, err, want, code)
	}
}

// TestRefusedSignatures is what a signature of a good key may be refused for.
func TestRefusedSignatures(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	at := day(time.March, 1)
	key, other := g.newKey("one", "rsa2048", "sign", "never"), g.newKey("two", "ed25519", "sign", "never")
	ring, good := g.export(key), g.sign(message, key)
	longer := bytes.Clone(good)
	longer[2]++ // its length, in two bytes
	trailing := append(longer, 0)
	cases := []struct {
		name string
		sig  []byte
		want string
		code fedmsg.Code
	}{
		{"of other bytes", g.sign([]byte("other"), key), key, fedmsg.CodeBadSignature},
		{"of a key that is not there", g.sign(message, other), "", fedmsg.CodeUnknownSigner},
		{"twice", slices.Concat(good, good), "", fedmsg.CodeMalformedSignature},
		{"by two keys", g.sign(message, key, "--local-user", other), "", fedmsg.CodeMalformedSignature},
		{"with the key behind it", slices.Concat(good, g.Run("", nil, "--export", key)), "", fedmsg.CodeMalformedSignature},
		{"with a marker behind it", slices.Concat(good, []byte("\xca\x03PGP")), "", fedmsg.CodeMalformedSignature},
		{"with a byte behind it", append(bytes.Clone(good), 0), "", fedmsg.CodeMalformedSignature},
		{"with a byte behind its number", trailing, "", fedmsg.CodeMalformedSignature},
		{"armored", g.sign(message, key, "--armor"), "", fedmsg.CodeMalformedSignature},
		{"over text", g.sign(message, key, "--textmode"), "", fedmsg.CodeMalformedSignature},
		{"with the message", g.Run(signTime, message, "--local-user", key, "--sign"), "", fedmsg.CodeMalformedSignature},
		{"over RIPEMD-160", g.sign(message, key, "--digest-algo", "RIPEMD160"), key, fedmsg.CodeWeakSignature},
		{"cut off", good[:len(good)-1], "", fedmsg.CodeMalformedSignature},
		{"empty", nil, "", fedmsg.CodeMalformedSignature},
		{"too long", make([]byte, maxSignature+1), "", fedmsg.CodeMalformedSignature},
	}
	for _, c := range cases {
		checkVerdict(t, c.name, ring, message, c.sig, at, c.want, c.code)
	}
	checkVerdict(t, "good", ring, message, good, at, key, "")
	checkVerdict(t, "a ring of both", g.export(key, other), message, g.sign(message, other), at, other, "")
	checkVerdict(t, "made a day later", ring, message, good, day(time.January, 31), key, "")
	checkVerdict(t, "made in the future", ring, message, good, day(time.January, 30), key, fedmsg.CodeExpired)
	short := g.sign(message, key, "--default-sig-expire", "10d")
	checkVerdict(t, "before it ends", ring, message, short, day(time.February, 10), key, "")
	checkVerdict(t, "after it ends", ring, message, short, day(time.February, 12), key, fedmsg.CodeExpired)
}

// TestOldStrength holds what only a legacy root takes.
func TestOldStrength(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	at := day(time.March, 1)
	key := g.newKey("one", "rsa2048", "sign", "never")
	sha1 := g.sign(message, key, "--digest-algo", "SHA1")
	checkVerdictOf(t, "SHA-1", g.export(key), message, sha1, at, false, key, fedmsg.CodeWeakSignature)
	checkVerdictOf(t, "SHA-1", g.export(key), message, sha1, at, true, key, "")

	short := g.newKey("short", "rsa1024", "sign", "never")
	sig := g.sign(message, short)
	checkVerdictOf(t, "1024 bits", g.export(short), message, sig, at, false, short, fedmsg.CodeWeakSignature)
	checkVerdictOf(t, "1024 bits", g.export(short), message, sig, at, true, short, "")

	g.Run(keyTime, nil, "--cert-digest-algo", "SHA1", "--quick-gen-key", "old", "rsa2048", "sign", "never")
	old := g.export("=old").Fingerprints()[0]
	sig = g.sign(message, old)
	checkVerdictOf(t, "self-signature over SHA-1", g.export(old), message, sig, at, false, old, fedmsg.CodeWeakSignature)
	checkVerdictOf(t, "self-signature over SHA-1", g.export(old), message, sig, at, true, old, "")

	dsa := g.newKey("other kind", "dsa2048", "sign", "never")
	checkVerdict(t, "DSA", g.export(dsa, key), message, g.sign(message, dsa), at, dsa, fedmsg.CodeWeakSignature)
	curve := g.newKey("other curve", "nistp256", "sign", "never")
	checkVerdict(t, "ECDSA", g.export(curve, key), message, g.sign(message, curve), at, curve, fedmsg.CodeWeakSignature)
	if got := g.export(dsa, curve, key).Fingerprints(); !slices.Equal(got, []string{key}) {
		t.Errorf("the ring says that it has %v, want %v alone", got, key)
	}
}

// TestOldBinding binds a subkey over SHA-1, which gpg itself does not any more.
func TestOldBinding(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "never")
	sig := g.sign(message, key)
	for _, c := range []struct {
		outer, inner crypto.Hash
		code         fedmsg.Code
	}{{crypto.SHA256, crypto.SHA256, ""}, {crypto.SHA1, crypto.SHA256, fedmsg.CodeWeakSignature}, {crypto.SHA256, crypto.SHA1, fedmsg.CodeWeakSignature}} {
		k, err := parsePrivate(g.Run("", nil, "--export-secret-keys", key))
		if err != nil {
			t.Fatal(err)
		}
		sub := k.key.subkeys[0]
		binding := *sub.selfs[0]
		config := &packet.Config{NonDeterministicSignaturesViaNotation: packet.BoolPointer(false)}
		binding.Hash, binding.EmbeddedSignature.Hash = c.outer, c.inner
		if err := binding.EmbeddedSignature.CrossSignKey(sub.public, k.key.public, sub.secret, config); err != nil {
			t.Fatal(err)
		}
		if err := binding.SignKey(sub.public, k.key.secret, config); err != nil {
			t.Fatal(err)
		}
		sub.selfs = []*packet.Signature{&binding}
		if err := k.key.public.VerifyKeySignature(sub.public, &binding); err != nil {
			t.Fatal(err)
		}
		ring := newRing(k.key)
		checkVerdictOf(t, fmt.Sprint(c.outer, " in ", c.inner), ring, message, sig, day(time.March, 1), false, key, c.code)
		checkVerdictOf(t, fmt.Sprint(c.outer, " in ", c.inner), ring, message, sig, day(time.March, 1), true, key, "")
	}
}

// TestAsOfThen judges by what held at the time of judgement.
func TestAsOfThen(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "ed25519", "sign", "20240401T000000")
	sig := g.sign(message, key)
	checkVerdict(t, "valid", g.export(key), message, sig, day(time.March, 31), key, "")
	checkVerdict(t, "expired", g.export(key), message, sig, day(time.April, 2), key, fedmsg.CodeExpired)
	g.Run("20240501T000000", nil, "--quick-set-expire", key, "2y")
	checkVerdict(t, "prolonged", g.export(key), message, sig, day(time.April, 2), key, "")

	early := g.newKey("early", "ed25519", "sign", "never")
	before := g.Run("20231201T000000", message, "--ignore-time-conflict", "--local-user", early, "--detach-sign")
	checkVerdict(t, "before the key", g.export(early), message, before, day(time.March, 1), early, fedmsg.CodeExpired)

	sub := g.newKey("subkey", "rsa2048", "cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", sub, "ed25519", "sign", "20240401T000000")
	sig = g.sign(message, sub)
	checkVerdict(t, "subkey valid", g.export(sub), message, sig, day(time.March, 31), sub, "")
	checkVerdict(t, "subkey expired", g.export(sub), message, sig, day(time.April, 2), sub, fedmsg.CodeExpired)

	whole := g.newKey("whole", "rsa2048", "cert", "20240401T000000")
	g.Run(keyTime, nil, "--quick-add-key", whole, "ed25519", "sign", "never")
	sig = g.sign(message, whole)
	checkVerdict(t, "primary key valid", g.export(whole), message, sig, day(time.March, 31), whole, "")
	checkVerdict(t, "primary key expired", g.export(whole), message, sig, day(time.April, 2), whole, fedmsg.CodeExpired)

	cert := g.newKey("certifies", "ed25519", "cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", cert, "cv25519", "encr", "never")
	checkVerdict(t, "a key with no part that signs", g.export(cert, key), message, sig, day(time.March, 1), "", fedmsg.CodeUnknownSigner)
}

// TestRevoked holds what a revocation does, by its reason: 1 is compromised, 3 is no longer used.
func TestRevoked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason       string
		before, then fedmsg.Code
	}{
		{"0", "", fedmsg.CodeRevoked}, {"1", fedmsg.CodeRevoked, fedmsg.CodeRevoked}, {"3", "", fedmsg.CodeRevoked},
	} {
		t.Run("reason "+c.reason, func(t *testing.T) {
			t.Parallel()
			g := newGPG(t)
			key := g.newKey("one", "rsa2048", "sign", "never")
			sig, clean := g.sign(message, key), g.Run("", nil, "--export", key)
			revocation := g.command(t, "20240401T000000", "y\n"+c.reason+"\n\ny\n", "--gen-revoke", key)
			g.Run("", revocation, "--import")
			ring := g.export(key)
			checkVerdict(t, "before", ring, message, sig, day(time.March, 31), key, c.before)
			checkVerdict(t, "after", ring, message, sig, day(time.April, 2), key, c.then)

			revoked := g.Run("", nil, "--export", key)
			for _, data := range [][]byte{slices.Concat(clean, revoked), slices.Concat(revoked, clean)} {
				twice, err := ParseKeyring(data)
				if err != nil {
					t.Fatal(err)
				}
				checkVerdict(t, "the key stands there twice", twice, message, sig, day(time.April, 2), key, c.then)
			}
			if k, err := ReadPrivate(g.secret(key)); err != nil {
				t.Error(err)
			} else if _, err := k.Sign(message, day(time.April, 2)); fedmsg.CodeOf(err) != fedmsg.CodeRevoked {
				t.Errorf("signing with it: %v", err)
			}
		})
	}
}

// TestRevokedSubkey revokes one subkey; the key itself goes on.
func TestRevokedSubkey(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "sign,cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "never")
	sub, own := g.sign(message, key), g.sign(message, key+"!")
	g.command(t, "20240401T000000", "key 1\nrevkey\ny\n3\n\ny\nsave\n", "--edit-key", key)
	ring := g.export(key)
	checkVerdict(t, "before", ring, message, sub, day(time.March, 31), key, "")
	checkVerdict(t, "after", ring, message, sub, day(time.April, 2), key, fedmsg.CodeRevoked)
	checkVerdict(t, "the primary key", ring, message, own, day(time.April, 2), key, "")
	k, err := ReadPrivate(g.secret(key))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := k.Sign(message, day(time.April, 2))
	if err != nil {
		t.Fatal(err)
	}
	g.judge(t, "20240403T000000", ours, key)
}

// command runs gpg with answers to its questions.
func (g *gpg) command(t *testing.T, at, answers string, args ...string) []byte {
	t.Helper()
	out, diag, err := g.interactive(at, answers, args...)
	if err != nil {
		t.Fatalf("gpg %q: %s\n%s", args, err, diag)
	}
	return out
}

func (g *gpg) interactive(at, answers string, args ...string) ([]byte, string, error) {
	return g.Try(at, []byte(answers), append([]string{"--no-batch", "--command-fd", "0"}, args...)...)
}

// TestUnreadableRevocation refuses a ring in which a key may be revoked.
func TestUnreadableRevocation(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "sign", "never")
	g.Run("", g.command(t, "20240401T000000", "y\n1\n\ny\n", "--gen-revoke", key), "--import")
	data := g.Run("", nil, "--export", key)
	packets, err := split(data)
	if err != nil {
		t.Fatal(err)
	}
	broken := 0
	for _, p := range packets {
		if h, ok := signatureHead(p.body); p.tag == tagSignature && ok && h.kind == kindKeyRevoked {
			p.body[3] ^= 8 ^ hashMD5 // part of data
			broken++
		}
	}
	if _, err := ParseKeyring(data); broken != 1 || fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("%d revocations were broken; got %v", broken, err)
	}
}
