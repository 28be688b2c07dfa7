package trust_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// BenchmarkVerifyX509 verifies a message of 1 KB in the old form, with the chain cached, and BenchmarkBareRSA does beside it
// what cannot be left out: one RSA-2048 verify. A profile has 85 % of the first in the second, a third of which prepares the
// modulus anew each time, for the standard library keeps nothing of a public key; 11 % go into the canonical form.
func BenchmarkVerifyX509(b *testing.B) {
	s := open(b, config(vectors(b)))
	benchmark(b, s, vector(b, "v12_realistic_1k"), nil)
}

// BenchmarkVerifyX509Parallel does it on all cores.
func BenchmarkVerifyX509Parallel(b *testing.B) {
	s := open(b, config(vectors(b)))
	benchmarkParallel(b, s, vector(b, "v12_realistic_1k"), nil)
}

func BenchmarkBareRSA(b *testing.B) {
	text := vector(b, "v12_realistic_1k")
	signed, err := wire.AppendSigned(nil, text)
	if err != nil {
		b.Fatal(err)
	}
	var e struct{ Signature, Certificate string }
	if err := json.Unmarshal(text, &e); err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(derOf(b, decoded(b, e.Certificate)))
	if err != nil {
		b.Fatal(err)
	}
	key, sig, digest := cert.PublicKey.(*rsa.PublicKey), decoded(b, e.Signature), sha1.Sum(signed)
	for b.Loop() {
		if rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], sig) != nil {
			b.Fatal("bad")
		}
	}
}

// BenchmarkVerifyDSSE verifies a message of 1 KB with a detached Ed25519 signature, and BenchmarkBareEd25519 the signature
// alone, in which a profile has 98 % of the first.
func BenchmarkVerifyDSSE(b *testing.B) {
	k, text := newKey(b, "ed25519", 0), vector(b, "v12_realistic_1k")
	root := keyRoot(b, "host", k)
	root.Topics = patterns(b, "org.fedoraproject.#")
	benchmark(b, open(b, config(root)), text, array(b, k.detached(b, text)))
}

// BenchmarkVerifyDSSEParallel does it on all cores.
func BenchmarkVerifyDSSEParallel(b *testing.B) {
	k, text := newKey(b, "ed25519", 0), vector(b, "v12_realistic_1k")
	root := keyRoot(b, "host", k)
	root.Topics = patterns(b, "org.fedoraproject.#")
	benchmarkParallel(b, open(b, config(root)), text, array(b, k.detached(b, text)))
}

// BenchmarkVerifyDSSECertificate brings a certificate along.
func BenchmarkVerifyDSSECertificate(b *testing.B) {
	c := newCertified(b)
	benchmark(b, open(b, config(c.root)), c.message, c.list)
}

func BenchmarkBareEd25519(b *testing.B) {
	k, text := newKey(b, "ed25519", 0), vector(b, "v12_realistic_1k")
	signed := pae(wire.EnvelopeType, text)
	sig := k.sign(b, signed)
	key := k.key.Public().(ed25519.PublicKey)
	for b.Loop() {
		if !ed25519.Verify(key, signed, sig) {
			b.Fatal("bad")
		}
	}
}

func benchmark(b *testing.B, s *trust.Store, text []byte, list json.RawMessage) {
	r, e := decode(b, text)
	r.Signatures = list
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Verify(r, e, then); err != nil || r.Verdict != fedmsg.VerdictOK {
			b.Fatal(err)
		}
	}
}

func benchmarkParallel(b *testing.B, s *trust.Store, text []byte, list json.RawMessage) {
	b.RunParallel(func(pb *testing.PB) {
		r, e := decode(b, text)
		r.Signatures = list
		for pb.Next() {
			if err := s.Verify(r, e, then); err != nil {
				b.Error(err)
			}
		}
	})
}
