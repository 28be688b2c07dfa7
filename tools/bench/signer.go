package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// benchSigner is the trust root of what this program signs.
const benchSigner = "bench"

// benchKey is the publisher's Ed25519 key.
type benchKey struct {
	private *keys.Private
	bare    ed25519.PrivateKey // the same, for the standard library alone
	public  string             // PEM file
}

// theKey makes the publisher's key at first use.
func (b *bench) theKey() (*benchKey, error) {
	if b.key != nil {
		return b.key, nil
	}
	_, bare, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	private, err := keys.NewPrivate(bare)
	if err != nil {
		return nil, err
	}
	k := &benchKey{private: private, bare: bare, public: filepath.Join(b.dir, "publisher.pem")}
	if err := os.WriteFile(k.public, private.Public().PEM(), 0o600); err != nil {
		return nil, err
	}
	b.key = k
	return k, nil
}

// trustRoot opens a store that knows one root, which may speak for everything.
func trustRoot(root trust.Root) (*trust.Store, error) {
	root.Name, root.Topics = benchSigner, []fedmsg.Pattern{fedmsg.MatchAll()}
	return trust.Open(trust.Config{
		File:     trust.File{Trust: []trust.Root{root}},
		Settings: trust.Settings{MaxAge: time.Hour, MaxFuture: time.Minute, OnStaleCRL: "refuse"},
	})
}

// envelope makes one message of messageBytes, as its publisher does.
func envelope(now time.Time, n uint64) []byte {
	return wire.AppendEnvelope(nil, &wire.Draft{
		Topic: benchTopic, ID: wire.NewID(now), Username: "bench", Time: now.Unix(), I: n, Body: []byte(body()),
	})
}

// envelopes makes n messages.
func envelopes(n int) ([][]byte, error) {
	now, all := time.Now(), make([][]byte, n)
	for i := range all {
		all[i] = envelope(now, uint64(i+1))
	}
	return all, nil
}

// signed makes n messages and signs them with the key, as DSSE. All processors take part.
func (k *benchKey) signed(n int) ([][]byte, error) {
	all, _ := envelopes(n)
	errs := make(chan error, runtime.NumCPU())
	var wg sync.WaitGroup
	for cpu := range cap(errs) {
		wg.Go(func() {
			for i := cpu; i < n; i += cap(errs) {
				signatures, err := sign.Detached(all[i], k.private, nil)
				if err != nil {
					errs <- err
					return
				}
				all[i] = wire.AppendDSSE(nil, wire.EnvelopeType, all[i], signatures)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
		return all, nil
	}
}

// authority is a certificate authority and an RSA key that it certified, for the old form.
type authority struct {
	key              *rsa.PrivateKey
	ca, cert, pemKey string // files
}

// newAuthority makes an authority and a certificate for a key of 2048 bits.
func newAuthority(dir string) (*authority, error) {
	var parent *x509.Certificate
	var issuer *rsa.PrivateKey
	a := &authority{ca: filepath.Join(dir, "ca.crt"), cert: filepath.Join(dir, "old.crt"), pemKey: filepath.Join(dir, "old.key")}
	for serial, file := range []string{a.ca, a.cert} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		t := &x509.Certificate{
			SerialNumber: big.NewInt(int64(serial + 1)), Subject: pkix.Name{CommonName: file[len(dir)+1:]},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
		}
		if parent == nil {
			t.IsCA, t.KeyUsage, parent, issuer = true, x509.KeyUsageCertSign, t, key
		}
		der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, issuer)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			return nil, err
		}
		a.key = key
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, err
	}
	return a, os.WriteFile(a.pemKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
