package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// shared keys of each size: making them takes longer than all tests.
var rsaKeys = map[int]func() *rsa.PrivateKey{1024: rsaOnce(1024), 2048: rsaOnce(2048), 3072: rsaOnce(3072)}

func rsaOnce(bits int) func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		return key
	})
}

// ecKey makes a key on a curve.
func ecKey(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issuer makes certificates of every kind, as the standard library does.
type issuer struct {
	t    testing.TB
	key  crypto.Signer
	cert *x509.Certificate
}

var (
	from  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	until = time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)
)

// newIssuer makes an authority; change alters its template before it is signed.
func newIssuer(t testing.TB, name string, key crypto.Signer, change func(*x509.Certificate)) *issuer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		BasicConstraintsValid: true, IsCA: true,
	}
	if change != nil {
		change(template)
	}
	return &issuer{t, key, parse(t, create(t, template, template, key.Public(), key))}
}

func create(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) []byte {
	t.Helper()
	data, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, data []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (i *issuer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

// leaf makes a certificate, in DER; change alters its template before it is signed.
func (i *issuer) leaf(name string, key crypto.PublicKey, change func(*x509.Certificate)) []byte {
	i.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(17), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	return create(i.t, template, i.cert, key, i.key)
}

// authority trusts these issuers.
func authority(t testing.TB, legacy bool, issuers ...*issuer) *Authority {
	t.Helper()
	var text []byte
	for _, i := range issuers {
		text = append(text, i.pem()...)
	}
	a, err := NewAuthority(text, legacy)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// holdError holds that err has this code and says this.
func holdError(t *testing.T, err error, code fedmsg.Code, text string) {
	t.Helper()
	if got := fedmsg.CodeOf(err); got != code || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("got %q (%v), want %q with %q", got, err, code, text)
	}
}

// vector reads a file of the vectors' authority.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(fedmsgtest.Shared(t, "interop", "vectors", "pki", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unpem gives what the first PEM block holds.
func unpem(t testing.TB, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM block")
	}
	return block.Bytes
}
