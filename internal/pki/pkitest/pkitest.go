// Package pkitest is the authority of the old bus's production messages, for tests of what verifies them.
//
// It promises that the key is the real one: ProductionAuthority checks that it signed every certificate that it is given.
package pkitest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// modulus is that of the authority's RSA key, whose exponent is 65537. The corpus does not have the authority's certificate,
// but it has five that it signed, and those give the key away: with e = 65537, s the signature as a number and m the padded
// SHA-1 of what is signed (RFC 8017, EMSA-PKCS1-v1_5), n divides s^e - m. So n is the greatest common divisor of these numbers
// for two certificates, without small factors (here 2). They have 67 million bits, for which the standard library takes an
// hour and GMP half a minute; hence the result stands here. That it is right needs no belief: a signature that a wrong
// modulus verifies cannot be found.
const modulus = "b5dd490ed937f37db6a42a4b04b3eec2e7d81a4760eb43d78e50ef271aead284" +
	"dc1283f8435c3e5cd0fa938fbe8337f2f6a3655131183a9d7736c686ca37e4e8" +
	"a2ae4956fed97e3dbe324863f0dd57aed4cdb524618ab9a0ba730e6ed9f74c78" +
	"22fc0004f498350fa185aa0b3b09fa4b829d7dd442d3e52820324a57e240a32d"

// ProductionAuthority gives a certificate of the authority that issued the given ones, in PEM: with its name, its key of 1024
// bits, and validity from 2010 to 2040. Somebody else's key signed it, which does not matter to whom it is configured with.
func ProductionAuthority(t testing.TB, certificatesDER ...[]byte) []byte {
	t.Helper()
	n, _ := new(big.Int).SetString(modulus, 16)
	key := &rsa.PublicKey{N: n, E: 65537}
	var issuer []byte
	for i, data := range certificatesDER {
		cert, err := x509.ParseCertificate(data)
		if err != nil {
			t.Fatalf("certificate %d: %s", i, err)
		}
		digest := sha1.Sum(cert.RawTBSCertificate)
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], cert.Signature); err != nil {
			t.Fatalf("certificate %d of %s was not signed by the production authority: %s", i, cert.Subject, err)
		}
		if issuer != nil && !bytes.Equal(issuer, cert.RawIssuer) {
			t.Fatalf("certificate %d of %s has another issuer", i, cert.Subject)
		}
		issuer = cert.RawIssuer
	}
	if issuer == nil {
		t.Fatal("no certificate was given")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certify(t, issuer, key)})
}

// certify makes an authority's certificate for a public key without having its private half.
func certify(t testing.TB, rawSubject []byte, key crypto.PublicKey) []byte {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte("pkitest authority")), RawSubject: rawSubject,
		NotBefore: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true, IsCA: true,
	}
	parent := *template
	parent.PublicKey = signer.Public() // so that the throw-away key fits
	data, err := x509.CreateCertificate(rand.Reader, template, &parent, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
