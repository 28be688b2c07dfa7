package pgp

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestVectors verifies what a real peer of the old bus signed. Its clock said 2026.
func TestVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki/peer-public.asc"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := ParseKeyring(data)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/x07_gpg.json")); err != nil {
		t.Fatal(err)
	}
	var file struct {
		Fingerprint string
		Cases       []struct {
			Wire   string
			Signed string `json:"signed_bytes_text"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range file.Cases {
		var e struct{ Signature []byte }
		if err := json.Unmarshal([]byte(c.Wire), &e); err != nil {
			t.Fatal(err)
		}
		checkVerdict(t, c.Signed, ring, []byte(c.Signed), e.Signature, now, file.Fingerprint, "")
		checkVerdict(t, "tampered", ring, []byte(`"tampered"`), e.Signature, now, file.Fingerprint, fedmsg.CodeBadSignature)
	}
	path := fedmsgtest.Shared(t, "interop/vectors/pki/peer-secret.asc")
	if data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	k, err := parsePrivate(data)
	if err != nil {
		t.Fatal(err)
	}
	g := newGPG(t)
	g.Run("", data, "--import")
	sig, err := k.Sign(message, now)
	if err != nil {
		t.Fatal(err)
	}
	g.judge(t, "20261202T000000", sig, file.Fingerprint)
}

// TestSeveralBlocks reads a file to which one armored key after the other was appended, and refuses a damaged one whole.
func TestSeveralBlocks(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	one, two := g.newKey("one", "ed25519", "sign", "never"), g.newKey("two", "rsa2048", "sign", "never")
	first, second := string(g.Run("", nil, "--armor", "--export", one)), string(g.Run("", nil, "--armor", "--export", two))
	ring, err := ParseKeyring([]byte("Keys of ours\n\n" + first + "\nand\n\n" + second))
	if err != nil || !slices.Equal(ring.Fingerprints(), []string{one, two}) {
		t.Errorf("two blocks: %v, %v", ring, err)
	}
	for name, text := range map[string]string{
		"cut off":                 first + second[:len(second)/2],
		"cut off in its headline": first + "-----BEGIN PGP PUBLIC KEY",
		"another kind":            first + string(g.Run("", nil, "--armor", "--export-secret-keys", two)),
		"a signature":             string(g.sign(message, one)),
		"a message":               string(g.Run("", message, "--armor", "--store")),
		"a message, binary":       string(g.Run("", message, "--store")),
		"too large":               string(make([]byte, maxKeyring+1)),
	} {
		if _, err := ParseKeyring([]byte(text)); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestMutatedKeyrings gives ParseKeyring rings that are nearly right, and has what it took verify.
func TestMutatedKeyrings(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	seeds, sigs := g.seeds(t)
	mutate.Run(t, seeds, pieces(), func(data []byte) bool {
		ring, err := ParseKeyring(data)
		if err != nil {
			if code := fedmsg.CodeOf(err); code != fedmsg.CodeConfig {
				t.Errorf("the code is %q", code)
			}
			return false
		}
		for _, sig := range sigs {
			if name, err := ring.Verify([]byte("other"), sig, day(time.March, 1), true); err == nil {
				t.Errorf("%s signed what it did not", name)
			}
		}
		return true
	})
}

// TestMutatedSignatures verifies signatures that are nearly right. None of them may pass but those in which only what is
// not signed was changed: it must be the same signature, made at the same time.
func TestMutatedSignatures(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	seeds, sigs := g.seeds(t)
	ring, err := ParseKeyring(slices.Concat(seeds...))
	if err != nil {
		t.Fatal(err)
	}
	mutate.Run(t, sigs, pieces(), func(sig []byte) bool {
		name, err := ring.Verify(message, sig, day(time.March, 1), true)
		switch code := fedmsg.CodeOf(err); code {
		case "", fedmsg.CodeBadSignature, fedmsg.CodeWeakSignature, fedmsg.CodeExpired:
			if name == "" {
				t.Errorf("no name with code %q", code)
			}
		case fedmsg.CodeMalformedSignature, fedmsg.CodeUnknownSigner:
			if name != "" {
				t.Errorf("%s with code %q", name, code)
			}
		default:
			t.Errorf("the code is %q: %v", code, err)
		}
		if _, e := ring.Verify([]byte("other"), sig, day(time.March, 1), true); e == nil {
			t.Error("it is over anything")
		}
		s, _, e := parseSignature(sig, false)
		return err == nil || e == nil && s != nil
	})
}

// seeds are keys of several kinds with subkeys, and a signature by each.
func (g *gpg) seeds(t *testing.T) (keys, sigs [][]byte) {
	t.Helper()
	for _, kind := range []string{"rsa1024", "ed25519", "dsa1024"} {
		key := g.newKey(kind, kind, "sign,cert", "never")
		g.Run(keyTime, nil, "--quick-add-key", key, "ed25519", "sign", "never")
		sigs = append(sigs, g.sign(message, key), g.sign(message, key+"!"))
		keys = append(keys, g.Run("", nil, "--export", key))
	}
	return keys, sigs
}

// pieces are what a reader of packets may stumble over.
func pieces() []string {
	return []string{
		"\x99\x01\x0d\x04", "\xc6\xff\xff\xff\xff\xff", "\xc2\xe0", "\x88\x00", "\xb4\x00", "\x04\x00\x01\x08", "\x04\x18\x16\x08",
		"\x05\xff\x10", "\x17\x20", "\x00\x00", "\xff\xff", "\x00\x01\x00", "\x06\x00", "\x1b", "\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
		"\x03\x2b\x65\x71", "\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x83\x00", "\xd5\x05\x00", "\xca\x03PGP",
	}
}

// TestMutatedSecrets gives parsePrivate keys that are nearly right, and signs with what it took.
func TestMutatedSecrets(t *testing.T) {
	t.Parallel()
	g := newGPG(t)
	var seeds [][]byte
	for _, kind := range []string{"rsa1024", "ed25519"} {
		seeds = append(seeds, g.Run("", nil, "--export-secret-keys", g.newKey(kind, kind, "sign,cert", "never")))
	}
	mutate.Run(t, seeds, pieces(), func(data []byte) bool {
		if k, err := parsePrivate(data); err == nil {
			_, _ = k.Sign(message, day(time.March, 1)) // it must not panic
		}
		_, err := split(data) // a secret key has a checksum, which hardly a change keeps right
		return err == nil
	})
}
