package sign

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// kilobyte is an envelope of 1 KB.
func kilobyte() []byte {
	return []byte(strings.Replace(envelope, "é", strings.Repeat("x", 1024-len(envelope)), 1))
}

func BenchmarkSign(b *testing.B) {
	s, _, _ := open(b, func(c *Config) { c.Now = nil })
	e := kilobyte()
	b.ReportAllocs()
	for b.Loop() {
		r := fedmsg.Record{Envelope: e}
		if err := s.Sign(&r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareSign(b *testing.B) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	e := kilobyte()
	b.ReportAllocs()
	for b.Loop() {
		_ = ed25519.Sign(key, e)
	}
}

func BenchmarkEmbed(b *testing.B) {
	e, in := embedder(b), kilobyte()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Embed(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareRSASign(b *testing.B) {
	e := embedder(b)
	sum := sha1.Sum(kilobyte())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(nil, e.rsa, crypto.SHA1, sum[:]); err != nil {
			b.Fatal(err)
		}
	}
}
