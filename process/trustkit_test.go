package process

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
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
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// trustKit is keys, certificates and keyrings of every kind, and the messages signed with them. Everything is made with the
// standard library and gpg: nothing of the program under test signs here.
type trustKit struct {
	dir   string
	keys  map[string]crypto.Signer // by kind: the bare keys, and those of certificates
	certs map[string][]byte        // by kind: DER
	gpg   map[string]string        // by kind: fingerprint
	body  map[string]string        // by kind: the OpenPGP signature over gpgBody
	// secret is the good OpenPGP key with its secret half, armored.
	secret []byte
}

// The topics of the roots, and one of nobody's.
const (
	bareTopic   = "org.example.dev.bts.bug.open"
	certTopic   = "org.example.dev.pki.host.boot"
	policyTopic = "org.example.dev.pki.policy.change"
	gpgTopic    = "org.example.dev.pgp.package.upload"
	otherTopic  = "org.example.dev.else.thing.make"
	farTopic    = "net.elsewhere.prod.site.thing.make"
)

// gpgBody is the body that the OpenPGP form covers, and nothing else.
const gpgBody = `{"n":1,"text":"it is done"}`

func newTrustKit(t *testing.T) *trustKit {
	t.Helper()
	k := &trustKit{dir: t.TempDir(), keys: map[string]crypto.Signer{}, certs: map[string][]byte{}, gpg: map[string]string{}, body: map[string]string{}}
	k.makeBare(t)
	k.makeCertificates(t)
	k.makeKeyring(t)
	return k
}

func (k *trustKit) path(name string) string { return filepath.Join(k.dir, name) }

func (k *trustKit) write(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(k.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeBare makes keys without certificates: good, p256 and rsa stand in the root bts, expired in one that has ended.
func (k *trustKit) makeBare(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"good", "expired", "unknown", "certified"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k.keys[kind] = key
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k.keys["p256"], k.keys["rsa"] = ec, old
	for kind, key := range k.keys {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		k.write(t, kind+".pem", "PUBLIC KEY", der)
	}
}

// makeCertificates makes an authority with certificates and a revocation list, and another authority that nobody trusts. Those
// of RSA are for the old form, those of Ed25519 for DSSE.
func (k *trustKit) makeCertificates(t *testing.T) {
	t.Helper()
	now := time.Now()
	ca, caKey := k.authority(t, "ca.crt", "The Authority")
	other, otherKey := k.authority(t, "other.crt", "Another Authority")
	kinds := []struct {
		kind   string
		parent *x509.Certificate
		key    crypto.Signer
		until  time.Time
	}{
		{"good", ca, caKey, now.Add(time.Hour)},
		{"revoked", ca, caKey, now.Add(time.Hour)},
		{"expired", ca, caKey, now.Add(-time.Hour)},
		{"unknown", other, otherKey, now.Add(time.Hour)},
	}
	var revoked []x509.RevocationListEntry
	for i, c := range kinds {
		for j, key := range []crypto.Signer{k.keys["rsa"], k.keys["certified"]} {
			serial := big.NewInt(int64(100 + 10*i + j))
			der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
				SerialNumber: serial, Subject: pkix.Name{CommonName: c.kind + ".example.org"},
				NotBefore: now.Add(-48 * time.Hour), NotAfter: c.until, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
			}, c.parent, key.Public(), c.key)
			if err != nil {
				t.Fatal(err)
			}
			k.certs[fmt.Sprintf("%s-%T", c.kind, key)] = der
			if c.kind == "revoked" {
				revoked = append(revoked, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now.Add(-time.Hour)})
			}
		}
	}
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(24 * time.Hour), RevokedCertificateEntries: revoked,
	}, ca, caKey)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, "crl.pem", "X509 CRL", crl)
}

func (k *trustKit) authority(t *testing.T, file, name string) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(72 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, file, "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// makeKeyring has gpg make keys and sign gpgBody with each: one is expired, one revoked, one in no keyring.
func (k *trustKit) makeKeyring(t *testing.T) {
	t.Helper()
	g := fedmsgtest.NewGPG(t)
	for _, kind := range []string{"good", "expired", "revoked", "unknown"} {
		user := kind + "@example.org"
		then, until := "", "never"
		if kind == "expired" {
			then, until = "20200101T000000", "2d"
		}
		k.gpg[kind] = g.NewKey(then, user, "rsa2048", "sign", until)
		k.body[kind] = base64.StdEncoding.EncodeToString(g.Run(then, []byte(gpgBody), "--local-user", user, "--detach-sign"))
	}
	g.Revoke("", k.gpg["revoked"])
	k.secret = g.Run("", nil, "--armor", "--export-secret-keys", k.gpg["good"])
	ring := g.Run("", nil, "--armor", "--export", k.gpg["good"], k.gpg["expired"], k.gpg["revoked"])
	if err := os.WriteFile(k.path("ring.asc"), ring, 0o600); err != nil {
		t.Fatal(err)
	}
}

// config is the roots as a node's configuration has them.
func (k *trustKit) config() string {
	return fmt.Sprintf(`
[[trust]]
name = "bts"
keys = [%q, %q, %q]
topics = ["org.example.dev.bts.#"]
[[trust]]
name = "ended"
keys = [%q]
topics = ["org.example.dev.bts.#"]
not_after = %q
[[trust]]
name = "pki"
ca = %q
crl = %q
topics = ["org.example.dev.pki.#"]
[[trust]]
name = "pgp"
keyring = %q
topics = ["org.example.dev.pgp.#"]
legacy = true
[policy.topics]
%q = ["somebody-else.example.org"]
`, k.path("good.pem"), k.path("p256.pem"), k.path("rsa.pem"), k.path("expired.pem"), time.Now().Add(-24*time.Hour).Format("2006-01-02"),
		k.path("ca.crt"), k.path("crl.pem"), k.path("ring.asc"), policyTopic)
}

// dsse wraps an envelope in DSSE with one signature: made by the key over covered, which for a bad one is not the envelope.
func dsse(t *testing.T, envelope, covered []byte, key crypto.Signer, cert []byte) []byte {
	t.Helper()
	const kind = "application/vnd.fedmsg+json"
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(covered), covered)
	digest := sha256.Sum256(pae)
	var sig []byte
	var err error
	switch key := key.(type) {
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, pae)
	case *ecdsa.PrivateKey:
		sig, err = ecdsa.SignASN1(rand.Reader, key, digest[:])
	case *rsa.PrivateKey:
		sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	default:
		t.Fatalf("no way to sign with a %T", key)
	}
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(spki)
	signature := map[string]any{"keyid": hex.EncodeToString(id[:]), "sig": sig}
	if cert != nil {
		signature["cert"] = cert
	}
	return marshalled(t, map[string]any{"payload": envelope, "payloadType": kind, "signatures": []any{signature}})
}

// embedded puts the old X.509 form into an envelope.
func (k *trustKit) embedded(t *testing.T, members map[string]any, kind string) {
	t.Helper()
	members["crypto"] = "x509"
	digest := sha1.Sum(marshalled(t, members))
	key := k.keys["rsa"].(*rsa.PrivateKey)
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certs[fmt.Sprintf("%s-%T", kind, key)]})
	members["signature"], members["certificate"] = wrapped(sig), wrapped(cert)
}

// wrapped is base64 in lines of 76 characters, as the old system wrote it.
func wrapped(data []byte) string {
	text, out := base64.StdEncoding.EncodeToString(data), ""
	for len(text) > 0 {
		n := min(76, len(text))
		out, text = out+text[:n]+"\n", text[n:]
	}
	return out
}

// marshalled is JSON without spaces and with sorted keys, which for what stands in these messages is the canonical form.
func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
