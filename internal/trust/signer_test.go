package trust_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// testKey is a key of which openssl has the private half.
type testKey struct {
	key             crypto.Signer
	private, public string // files
	id              string
}

// newKey makes a key: ed25519, p256, or rsa with so many bits.
func newKey(t testing.TB, kind string, bits int) *testKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	return &testKey{
		key:     key,
		private: write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		public:  write(t, "public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		id:      hex.EncodeToString(sum[:]),
	}
}

// openssl runs openssl over a file with data, and gives what it prints.
func openssl(t testing.TB, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(fedmsgtest.Tool(t, "openssl"), append(args, write(t, "data", data))...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %s\n%s", args, err, &stderr)
	}
	return out
}

// sign lets openssl sign data as keys of this kind do.
func (k *testKey) sign(t testing.TB, data []byte) []byte {
	t.Helper()
	switch k.key.(type) {
	case ed25519.PrivateKey:
		return openssl(t, data, "pkeyutl", "-sign", "-inkey", k.private, "-rawin", "-in")
	case *rsa.PrivateKey:
		return openssl(t, data, "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sign", k.private)
	}
	return openssl(t, data, "dgst", "-sha256", "-sign", k.private)
}

// pae is what a detached signature is made over, as the standard for it says.
func pae(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// signature is one in the array of them.
type signature struct {
	KeyID       string `json:"keyid"`
	Sig         []byte `json:"sig"`
	Certificate []byte `json:"cert,omitempty"`
}

// detached signs an envelope.
func (k *testKey) detached(t testing.TB, envelope []byte) signature {
	t.Helper()
	return signature{KeyID: k.id, Sig: k.sign(t, pae(wire.EnvelopeType, envelope))}
}

func array(t testing.TB, list ...signature) json.RawMessage {
	t.Helper()
	out, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// envelope is an unsigned message on a topic.
func envelope(topic string) []byte {
	return fmt.Appendf(nil, `{"i":1,"msg":{"a":1,"text":"some text of the usual length"},"msg_id":"2026-feed0000-0000-4000-8000-000000000001","timestamp":1700000000,"topic":%q,"username":"u"}`, topic)
}

// authority is one that tests have made.
type authority struct {
	key  *testKey
	cert *x509.Certificate
	file string
}

var (
	validFrom  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	k := newKey(t, "p256", 0)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: validFrom, NotAfter: validUntil,
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.key.Public(), k.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: k, cert: cert, file: write(t, "ca.pem", certPEM(der))}
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// issue gives a certificate, in DER, with whatever change makes of the usual one.
func (a *authority) issue(t testing.TB, k *testKey, name string, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: validFrom, NotAfter: validUntil, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.key.Public(), a.key.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// list gives a revocation list, in PEM, that names the certificates as revoked at a time.
func (a *authority) list(t testing.TB, next time.Time, since time.Time, certificates ...[]byte) []byte {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: validFrom, NextUpdate: next}
	for _, der := range certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: since})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// embed signs an envelope in the old form by a certificate, as PEM. The envelope has plain ASCII text, keys in order, and no
// crypto.
func (k *testKey) embed(t testing.TB, envelope, certificatePEM []byte) []byte {
	t.Helper()
	signed := with(t, envelope, map[string]any{"crypto": "x509"})
	sig := openssl(t, signed, "dgst", "-sha1", "-sign", k.private)
	return with(t, signed, map[string]any{
		"signature":   base64.StdEncoding.EncodeToString(sig),
		"certificate": base64.StdEncoding.EncodeToString(certificatePEM),
	})
}

// replace puts another content in the place of a file, at once as a careful program does.
func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	next := filepath.Join(filepath.Dir(path), ".next")
	if err := os.WriteFile(next, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
