package keys

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// openssl runs the program, which judges what is signed here, and reports whether it succeeded.
func openssl(t testing.TB, args ...string) bool {
	t.Helper()
	out, err := exec.Command(fedmsgtest.Tool(t, "openssl"), args...).CombinedOutput()
	if err != nil {
		t.Logf("openssl %q: %s\n%s", args, err, out)
	}
	return err == nil
}

// opensslArgs are those that sign or verify a file with a key of the kind.
func opensslArgs(a Algorithm, verify bool, key, sig, message string) []string {
	switch {
	case a == Ed25519 && verify:
		return []string{"pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key, "-sigfile", sig, "-in", message}
	case a == Ed25519:
		return []string{"pkeyutl", "-sign", "-rawin", "-inkey", key, "-out", sig, "-in", message}
	}
	args := []string{"dgst", "-sha256"}
	if a == RSAPSS {
		args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256")
	}
	if verify {
		return append(args, "-verify", key, "-signature", sig, message)
	}
	return append(args, "-sign", key, "-out", sig, message)
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// genpkey are the arguments that make a key of each kind.
func genpkey() map[Algorithm][]string {
	return map[Algorithm][]string{
		Ed25519: {"-algorithm", "ed25519"},
		P256:    {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		RSAPSS:  {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"},
	}
}

// TestAgainstOpenSSL signs on each side and verifies on the other, with keys that each side made.
func TestAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	for algorithm, args := range genpkey() {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			theirs := filepath.Join(dir, "theirs.key")
			if !openssl(t, append(append([]string{"genpkey"}, args...), "-out", theirs)...) {
				t.Fatal("no key")
			}
			ours := filepath.Join(dir, "ours.key")
			k, err := Generate(algorithm)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.WriteFile(ours); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{theirs, ours} {
				k, err := ReadPrivate(path)
				if err != nil {
					t.Fatal(err)
				}
				if k.Public().Algorithm() != algorithm {
					t.Errorf("%s is a key for %s", path, k.Public().Algorithm())
				}
				judge(t, dir, path, k)
			}
		})
	}
}

// judge holds a key of both sides, read from the file, against openssl.
func judge(t *testing.T, dir, path string, k *Private) {
	t.Helper()
	a := k.Public().Algorithm()
	message := []byte("DSSEv1 29 http://example.com/HelloWorld 11 hello world")
	in, changed := write(t, dir, "message", message), write(t, dir, "changed", append(message, '!'))
	public := write(t, dir, "public.pem", k.Public().PEM())

	sig, err := k.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, dir, "ours.sig", sig)
	if !openssl(t, opensslArgs(a, true, public, file, in)...) {
		t.Error("openssl does not verify what was signed here")
	}
	if openssl(t, opensslArgs(a, true, public, file, changed)...) {
		t.Error("openssl verifies another message: it judges nothing")
	}

	theirs := filepath.Join(dir, "theirs.sig")
	if !openssl(t, opensslArgs(a, false, path, theirs, in)...) {
		t.Fatal("openssl does not sign")
	}
	if sig, err = os.ReadFile(theirs); err != nil {
		t.Fatal(err)
	}
	if !k.Public().Verify(message, sig) {
		t.Error("what openssl signed is not verified")
	}
	holdVerify(t, k.Public(), message, sig)

	der := filepath.Join(dir, "public.der")
	if !openssl(t, "pkey", "-in", path, "-pubout", "-outform", "DER", "-out", der) {
		t.Fatal("no public key")
	}
	sum, err := exec.Command("sha256sum", der).Output()
	if err != nil || !bytes.HasPrefix(sum, []byte(k.Public().ID()+" ")) {
		t.Errorf("ID is %s; of the key's DER it is %s (%v)", k.Public().ID(), sum, err)
	}
}

// holdVerify holds that nothing but the signature is verified.
func holdVerify(t *testing.T, p Public, message, sig []byte) {
	t.Helper()
	if p.Verify(append([]byte("x"), message...), sig) || p.Verify(nil, sig) {
		t.Error("verifies another message")
	}
	for _, bad := range [][]byte{nil, {}, sig[:len(sig)-1], append(bytes.Clone(sig), 0), append([]byte{0}, sig...), bytes.Repeat([]byte{0}, len(sig))} {
		if p.Verify(message, bad) {
			t.Errorf("verifies %x in place of %x", bad, sig)
		}
	}
	for i := range sig {
		bad := bytes.Clone(sig)
		bad[i] ^= 1
		if p.Verify(message, bad) {
			t.Errorf("verifies with byte %d changed", i)
		}
	}
}

// TestOtherWaysToSign holds that a key verifies nothing that it signed in another way than its kind's: RSA with other padding,
// hash or salt, ECDSA with another hash.
func TestOtherWaysToSign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	message := []byte("message")
	in := write(t, dir, "message", message)
	path := map[Algorithm]string{}
	for a, args := range genpkey() {
		path[a] = filepath.Join(dir, string(a)+".key")
		if !openssl(t, append(append([]string{"genpkey"}, args...), "-out", path[a])...) {
			t.Fatal("no key")
		}
	}
	pss := func(salt, hash string) []string {
		return []string{"dgst", hash, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:" + salt, "-sign", path[RSAPSS]}
	}
	for name, test := range map[string]struct {
		a    Algorithm
		args []string
		want bool
	}{
		"as it should be":  {RSAPSS, pss("32", "-sha256"), true},
		"salt of 20 bytes": {RSAPSS, pss("20", "-sha256"), false},
		"no salt":          {RSAPSS, pss("0", "-sha256"), false},
		"longest salt":     {RSAPSS, pss("max", "-sha256"), false},
		"SHA-512":          {RSAPSS, pss("32", "-sha512"), false},
		"PKCS 1":           {RSAPSS, []string{"dgst", "-sha256", "-sign", path[RSAPSS]}, false},
		"ECDSA, SHA-256":   {P256, []string{"dgst", "-sha256", "-sign", path[P256]}, true},
		"ECDSA, SHA-1":     {P256, []string{"dgst", "-sha1", "-sign", path[P256]}, false},
	} {
		k, err := ReadPrivate(path[test.a])
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "sig")
		if !openssl(t, append(test.args, "-out", out, in)...) {
			t.Fatal(name)
		}
		sig, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Public().Verify(message, sig); got != test.want {
			t.Errorf("%s: verified %v", name, got)
		}
	}
}

// TestForeignKeys reads what openssl writes of keys in other forms, and of other kinds.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args  []string
		code  fedmsg.Code // empty: read
		words string
	}{
		"old form of RSA":    {[]string{"genrsa", "-traditional", "2048"}, "", ""},
		"old form of EC":     {[]string{"ecparam", "-name", "prime256v1", "-genkey"}, "", ""}, // with EC PARAMETERS before it
		"smallest RSA":       {[]string{"genrsa", "2048"}, "", ""},
		"short RSA":          {[]string{"genrsa", "1024"}, fedmsg.CodeConfig, "1024 bits; at least 2048"},
		"another curve":      {[]string{"ecparam", "-name", "secp384r1", "-genkey"}, fedmsg.CodeConfig, "kind that signs nothing"},
		"X25519":             {[]string{"genpkey", "-algorithm", "x25519"}, fedmsg.CodeConfig, "kind that signs nothing"},
		"Ed448":              {[]string{"genpkey", "-algorithm", "ed448"}, fedmsg.CodeConfig, "cannot be read"},
		"passphrase":         {[]string{"genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:canary"}, fedmsg.CodeConfig, "openssl pkey -in"},
		"passphrase, old":    {[]string{"genrsa", "-traditional", "-aes256", "-passout", "pass:canary", "2048"}, fedmsg.CodeConfig, "openssl pkey -in"},
		"DSA parameters":     {[]string{"dsaparam", "1024"}, fedmsg.CodeConfig, `"DSA PARAMETERS"`},
		"two keys in a file": {nil, fedmsg.CodeConfig, "two private keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key")
			if test.args == nil {
				one, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki/ca.key"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Dir(path), "key", append(one, one...))
			} else if text, err := exec.Command(fedmsgtest.Tool(t, "openssl"), test.args...).Output(); err != nil {
				t.Fatal(err)
			} else {
				write(t, filepath.Dir(path), "key", text)
			}
			k, err := ReadPrivate(path)
			if fedmsg.CodeOf(err) != test.code || err == nil && k.Public().ID() == "" {
				t.Fatalf("%v", err)
			}
			if err != nil && (!bytes.Contains([]byte(err.Error()), []byte(test.words)) || !bytes.Contains([]byte(err.Error()), []byte(path))) {
				t.Errorf("%q names not both %q and %q", err, test.words, path)
			}
		})
	}
}
