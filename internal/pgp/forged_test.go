package pgp

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

// TestForgedKeySignatures breaks the signatures on a key, one kind after the other: they vouch for nothing, and what looks
// like a revocation refuses the ring.
func TestForgedKeySignatures(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "rsa2048", "sign,cert", "never")
	g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "never")
	sub, own := g.sign(message, key), g.sign(message, key+"!")
	at := day(time.March, 1)
	if _, err := ParseKeyring(g.broken(t, key, kindPositiveCert)); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a key that vouches for itself falsely: %v", err)
	}
	ring, err := ParseKeyring(g.broken(t, key, kindSubkeyBinding))
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, "binding", ring, message, sub, at, "", fedmsg.CodeUnknownSigner)
	checkVerdict(t, "beside the broken binding", ring, message, own, at, key, "")

	g.command(t, "20240401T000000", "key 1\nrevkey\ny\n3\n\ny\nsave\n", "--edit-key", key)
	if _, err := ParseKeyring(g.broken(t, key, kindSubkeyRevoked)); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("revocation of a subkey: %v", err)
	}
	g.Run("", g.command(t, "20240401T000000", "y\n1\n\ny\n", "--gen-revoke", key), "--import")
	if _, err := ParseKeyring(g.broken(t, key, kindKeyRevoked)); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("revocation of a key: %v", err)
	}
}

// broken gives a key in which the last byte of each signature of one kind is another. There must be one.
func (g *gpg) broken(t *testing.T, key string, kind byte) []byte {
	t.Helper()
	data := g.Run("", nil, "--export", key)
	packets, err := split(data)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, p := range packets {
		if h, ok := signatureHead(p.body); p.tag == tagSignature && ok && h.kind == kind {
			p.body[len(p.body)-1] ^= 1 // part of data
			count++
		}
	}
	if count == 0 {
		t.Fatalf("%s has no signature of kind %#x", key, kind)
	}
	return data
}

// own gives the parsed secret key, for signatures that gpg does not make.
func (g *gpg) own(t *testing.T, fingerprint string) *key {
	t.Helper()
	packets, err := split(g.Run("", nil, "--export-secret-keys", fingerprint))
	if err != nil {
		t.Fatal(err)
	}
	a := assembler{ring: &Keyring{}, secret: true}
	for _, p := range packets {
		if err := a.add(p); err != nil {
			t.Fatal(err)
		}
	}
	return a.ring.keys[0]
}

// TestCertifyingKeySignsNothing refuses what a key signed that is for certificates alone.
func TestCertifyingKeySignsNothing(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "ed25519", "cert", "never")
	k := g.own(t, key)
	sig, err := (&Private{key: k, parts: []*part{&k.part}}).Sign(message, day(time.February, 1))
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, "cert", g.export(key), message, sig, day(time.March, 1), "", fedmsg.CodeUnknownSigner)
	if _, err := ReadPrivate(g.secret(key)); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "may sign") {
		t.Errorf("a key to sign with: %v", err)
	}
}

// TestDirectSignature takes what a key says of itself without a user id, when the key says it.
func TestDirectSignature(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key := g.newKey("one", "ed25519", "sign", "never")
	sig, public := g.sign(message, key), g.Run("", nil, "--export", key)
	k := g.own(t, key)
	life := uint32(40 * 24 * 3600)
	direct := &packet.Signature{
		Version: 4, SigType: packet.SigTypeDirectSignature, PubKeyAlgo: k.public.PubKeyAlgo, Hash: crypto.SHA256,
		CreationTime: day(time.January, 2), IssuerKeyId: &k.public.KeyId, FlagsValid: true, FlagSign: true, KeyLifetimeSecs: &life,
	}
	for _, c := range []struct {
		name      string
		breakIt   bool
		signature *uint32 // its own lifetime
		code      fedmsg.Code
	}{{"good", false, nil, fedmsg.CodeExpired}, {"broken", true, nil, ""}, {"that ends itself", false, &life, fedmsg.CodeExpired}} {
		if c.signature != nil {
			direct.KeyLifetimeSecs, direct.SigLifetimeSecs = nil, c.signature
		}
		if err := direct.SignDirectKeyBinding(k.public, k.secret, nil); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := direct.Serialize(&out); err != nil {
			t.Fatal(err)
		}
		data := out.Bytes()
		if c.breakIt {
			data[len(data)-1] ^= 1
		}
		ring, err := ParseKeyring(slices.Concat(public, data))
		if err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, c.name, ring, message, sig, day(time.March, 1), key, c.code)
	}
}

// TestKindsOfKeys holds which keys are taken. Those that the library knows and gpg 2.2 does not are not.
func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	now := day(time.January, 1)
	number := func(bits uint) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return n.SetBit(n, 0, 1)
	}
	even := number(2048)
	even.SetBit(even, 0, 0)
	for name, k := range map[string]*rsa.PublicKey{
		"short": {N: number(1023), E: 65537}, "long": {N: number(8193), E: 65537}, "even": {N: even, E: 65537},
		"exponent 1": {N: number(2048), E: 1}, "even exponent": {N: number(2048), E: 4},
	} {
		if p := newPart(packet.NewRSAPublicKey(now, k)); p.fault == "" {
			t.Errorf("RSA key, %s: it is taken", name)
		}
	}
	if p := newPart(packet.NewRSAPublicKey(now, &rsa.PublicKey{N: number(2048), E: 65537})); p.fault != "" {
		t.Errorf("RSA key: %s", p.fault)
	}
	for name, config := range map[string]*packet.Config{
		"version 6":          {V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519},
		"version 6, RSA":     {V6Keys: true, Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048},
		"algorithm 27":       {Algorithm: packet.PubKeyAlgoEd25519},
		"EdDSA over Ed448":   {Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve448},
		"EdDSA over Ed25519": {Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519},
	} {
		e, err := openpgp.NewEntity("one", "", "", config)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := e.Serialize(&out); err != nil {
			t.Fatal(err)
		}
		_, err = ParseKeyring(out.Bytes())
		if want := name != "EdDSA over Ed25519"; want != (fedmsg.CodeOf(err) == fedmsg.CodeConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReasonsAreTold holds the sentences of refusals whose codes others have too.
func TestReasonsAreTold(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	key, dsa := g.newKey("one", "rsa2048", "sign", "never"), g.newKey("two", "dsa2048", "sign", "never")
	ring := g.export(key, dsa)
	for name, c := range map[string]struct {
		sig  []byte
		want string
	}{
		"too long": {slices.Concat(g.sign(message, key), make([]byte, maxSignature)), "too long"},
		"armored":  {g.sign(message, key, "--armor"), "--armor"},
		"DSA":      {g.sign(message, dsa), "neither RSA nor Ed25519"},
	} {
		if _, err := ring.Verify(message, c.sig, day(time.March, 1), true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := ParseKeyring(make([]byte, maxKeyring+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a ring that is too long: %v", err)
	}
}
