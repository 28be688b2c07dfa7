package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

func generate(t testing.TB, a Algorithm) *Private {
	t.Helper()
	k, err := Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewPublicRefusals(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := big.NewInt(1)
	modulus := func(bits uint) *big.Int { return new(big.Int).Add(new(big.Int).Lsh(one, bits-1), one) }
	for name, test := range map[string]struct {
		key  any
		code fedmsg.Code
	}{
		"nil":            {nil, fedmsg.CodeMalformedSignature},
		"text":           {"key", fedmsg.CodeMalformedSignature},
		"short Ed25519":  {ed25519.PublicKey("short"), fedmsg.CodeMalformedSignature},
		"P-384":          {&p384.PublicKey, fedmsg.CodeMalformedSignature},
		"nil EC":         {(*ecdsa.PublicKey)(nil), fedmsg.CodeMalformedSignature},
		"nil RSA":        {(*rsa.PublicKey)(nil), fedmsg.CodeMalformedSignature},
		"RSA, no number": {&rsa.PublicKey{E: 3}, fedmsg.CodeMalformedSignature},
		"short RSA":      {&rsa.PublicKey{N: modulus(2047), E: 65537}, fedmsg.CodeWeakSignature},
		"long RSA":       {&rsa.PublicKey{N: modulus(8193), E: 65537}, fedmsg.CodeMalformedSignature},
		"RSA, E is 1":    {&rsa.PublicKey{N: modulus(2048), E: 1}, fedmsg.CodeMalformedSignature},
		"RSA, E is even": {&rsa.PublicKey{N: modulus(2048), E: 4}, fedmsg.CodeMalformedSignature},
		"RSA, even":      {&rsa.PublicKey{N: new(big.Int).Lsh(one, 2047), E: 3}, fedmsg.CodeMalformedSignature},
	} {
		p, err := NewPublic(test.key)
		if fedmsg.CodeOf(err) != test.code || p != (Public{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var zero Public
	if zero.Verify(nil, nil) || zero.ID() != "" || zero.PEM() != nil || zero.Algorithm() != "" {
		t.Error("the zero key is one")
	}
}

// TestPrivateIsNotShown looks for the key in everything that prints values.
func TestPrivateIsNotShown(t *testing.T) {
	for _, a := range []Algorithm{Ed25519, P256, RSAPSS} {
		k := generate(t, a)
		var secrets [][]byte
		switch key := k.Signer().(type) {
		case ed25519.PrivateKey:
			secrets = [][]byte{key[:32]}
		case *ecdsa.PrivateKey:
			d, err := key.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			secrets = [][]byte{d}
		case *rsa.PrivateKey:
			secrets = [][]byte{key.D.Bytes(), key.Primes[0].Bytes()}
		}
		type inside struct {
			key   *Private
			value Private
			any   any
		}
		var out bytes.Buffer
		for _, v := range []any{k, *k, []*Private{k}, map[string]any{"key": k}, struct{ K Private }{*k}, inside{k, *k, k}, &inside{k, *k, *k}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%s", "%q", "%d"} {
				fmt.Fprintf(&out, verb, v)
			}
			for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				slog.New(h).Info("key", "key", v, slog.Group("g", "key", v))
			}
			text, err := json.Marshal(v)
			if err != nil {
				t.Error(err)
			}
			out.Write(text)
		}
		for _, secret := range secrets {
			part := secret[4:12]
			decimal := strings.Trim(fmt.Sprint(part), "[]")
			number := new(big.Int).SetBytes(secret).String()
			for _, form := range []string{string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), decimal, number, strings.ReplaceAll(decimal, " ", ",")} {
				if strings.Contains(out.String(), form) {
					t.Errorf("%s: the key is shown as %q", a, form)
				}
			}
		}
		want := "private key " + k.Public().ID()
		text, err := json.Marshal(k)
		for _, got := range []string{fmt.Sprint(k), fmt.Sprintf("%x", k), fmt.Sprintf("%#v", *k), k.GoString(), k.LogValue().String(), strings.Trim(string(text), `"`)} {
			if got != want || err != nil {
				t.Errorf("%s: shown as %q (%v), want %q", a, got, err, want)
			}
		}
	}
}

func TestReadPrivateRefusals(t *testing.T) {
	t.Parallel()
	k := generate(t, Ed25519)
	for name, test := range map[string]struct {
		prepare func(path string) error
		words   string
	}{
		"nothing there":     {func(string) error { return nil }, "no such file"},
		"group may read":    {func(path string) error { return errors.Join(k.WriteFile(path), os.Chmod(path, 0o640)) }, "mode 0640); chmod 600"},
		"others may write":  {func(path string) error { return errors.Join(k.WriteFile(path), os.Chmod(path, 0o602)) }, "mode 0602); chmod 600"},
		"a directory":       {func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		"a pipe":            {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		"a device":          {func(path string) error { return os.Symlink("/dev/null", path) }, "not a regular file"},
		"huge":              {func(path string) error { return os.WriteFile(path, make([]byte, maxPrivateFile+1), 0o600) }, "at most"},
		"empty":             {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "no PEM block"},
		"a public key":      {func(path string) error { return os.WriteFile(path, k.Public().PEM(), 0o600) }, `"PUBLIC KEY"`},
		"damaged":           {func(path string) error { return os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\n#\n"), 0o600) }, "damaged or cut off; put a good copy in its place, or move it away and make another by fedmsg keys new"},
		"no DER":            {func(path string) error { return os.WriteFile(path, block("PRIVATE KEY", "x"), 0o600) }, "cannot be read"},
		"another kind":      {func(path string) error { return os.WriteFile(path, block("DSA PRIVATE KEY", "x"), 0o600) }, "DSA"},
		"certificates only": {func(path string) error { return os.WriteFile(path, block("CERTIFICATE", "x"), 0o600) }, "no private key"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := test.prepare(path); err != nil {
			t.Fatal(err)
		}
		_, err := ReadPrivate(path)
		if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), test.words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadPrivateOwner gives a key to another user, who could change it.
func TestReadPrivateOwner(t *testing.T) {
	fedmsgtest.Root(t)
	path := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(generate(t, Ed25519).WriteFile(path), os.Chown(path, 12345, -1)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPrivate(path); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "user 12345") {
		t.Error(err)
	}
}

func block(kind, content string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)})
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.key")
	k := generate(t, Ed25519)
	if err := k.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v (%v)", info.Mode(), err)
	}
	got, err := ReadPrivate(path)
	if err != nil || got.Public().ID() != k.Public().ID() {
		t.Fatalf("%v (%v), want %v", got, err, k)
	}
	err = generate(t, Ed25519).WriteFile(path)
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.HasSuffix(err.Error(), "keys are not overwritten; move it away, or name another") {
		t.Error(err)
	}
	if got, err := ReadPrivate(path); err != nil || got.Public().ID() != k.Public().ID() {
		t.Errorf("the key was overwritten: %v (%v)", got, err)
	}
	if err := k.WriteFile(filepath.Join(dir, "no", "b.key")); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Error(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 || err != nil {
		t.Errorf("there are %v (%v)", names, err)
	}
	if names, err := os.ReadDir(dir); len(names) != 1 || err != nil {
		t.Errorf("there are %v (%v)", names, err)
	}
}

// TestWriteFileTogether has many write one file: one of them does, and the file is its key.
func TestWriteFileTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []string
	for range 8 {
		k := generate(t, Ed25519)
		wg.Go(func() {
			if err := k.WriteFile(path); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, k.Public().ID())
			}
		})
	}
	wg.Wait()
	k, err := ReadPrivate(path)
	if err != nil || len(won) != 1 || k.Public().ID() != won[0] {
		t.Errorf("%v wrote; there is %v (%v)", won, k, err)
	}
}

func TestParsePublic(t *testing.T) {
	a, b := generate(t, Ed25519).Public(), generate(t, P256).Public()
	text := append(append([]byte("# the keys of bts\n"), a.PEM()...), b.PEM()...)
	got, err := ParsePublic(text)
	if err != nil || len(got) != 2 || got[0].ID() != a.ID() || got[1].ID() != b.ID() || !bytes.Equal(got[0].PEM(), a.PEM()) {
		t.Errorf("%v (%v)", got, err)
	}
	private := string(block("PRIVATE KEY", "x"))
	for _, test := range []struct{ in, words string }{
		{"", "no PEM block"},
		{private, "replace that key"},
		{string(text) + private, "replace that key"},
		{string(text) + "-----BEGIN PUBLIC KEY-----\n", "damaged or cut off"},
		{string(block("CERTIFICATE", "x")), "CERTIFICATE"},
		{string(block("PUBLIC KEY", "x")), "public key 1 cannot be read"},
		{strings.Repeat("-----BEGIN ", maxBlocks+1), "more than 1000"},
	} {
		if _, err := ParsePublic([]byte(test.in)); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%.40q: %v, want %q", test.in, err, test.words)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	if _, err := Generate("dsa"); fedmsg.CodeOf(err) != fedmsg.CodeUsage || !strings.Contains(err.Error(), "ed25519, p256 and rsa") {
		t.Error(err)
	}
	for _, key := range []crypto.Signer{nil, (*ecdsa.PrivateKey)(nil), (*rsa.PrivateKey)(nil), ed25519.PrivateKey("short")} {
		if k, err := NewPrivate(key); err == nil {
			t.Errorf("took %v", k)
		}
	}
}

// TestKeyMutations gives the parsers texts that are nearly right: a key or a code, never a panic.
func TestKeyMutations(t *testing.T) {
	t.Parallel()
	var seeds [][]byte
	for _, a := range []Algorithm{Ed25519, P256} {
		k := generate(t, a)
		path := filepath.Join(t.TempDir(), "key")
		if err := k.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, text, k.Public().PEM())
	}
	mutate.Run(t, seeds, []string{"-----BEGIN PUBLIC KEY-----\n", "-----END PUBLIC KEY-----\n", "\n", "A", "=", "EC ", "Proc-Type: 4,ENCRYPTED\n\n"}, func(text []byte) bool {
		public, err := ParsePublic(text)
		if err != nil && fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("public: %v", err)
		}
		private, other := ParsePrivate(text)
		if other != nil && fedmsg.CodeOf(other) != fedmsg.CodeConfig {
			t.Errorf("private: %v", other)
		}
		if private != nil && private.Public().ID() == "" || err == nil && len(public) == 0 {
			t.Error("no key and no error")
		}
		return err == nil || other == nil
	})
}
