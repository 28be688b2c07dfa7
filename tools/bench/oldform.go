package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// What the old Python system reached on two shared cores with RSA-2048 and messages of the same size, as medians of five
// series: section 18 of the description of the old bus (SPEC.md) beside which this project is written.
const (
	pythonVerifies = 543.0 // a second
	pythonSigns    = 17.0
	pythonEndToEnd = 19.5
)

// verifyOld verifies messages in the old X.509 form that are decoded already, as the old system was measured. The certificate
// was seen before.
func verifyOld(ctx context.Context, b *bench) (sample, error) {
	return b.withAuthority(func(a *authority) (sample, error) {
		store, err := trustRoot(trust.Root{CA: a.ca})
		if err != nil {
			return sample{}, err
		}
		embedder, err := sign.OpenEmbedder(a.pemKey, a.cert)
		if err != nil {
			return sample{}, err
		}
		signed := func(n int) ([][]byte, error) {
			all, err := envelopes(n / 20) // signing them takes twenty times as long as verifying
			for i := 0; i < len(all) && err == nil; i++ {
				all[i], err = embedder.Embed(all[i])
			}
			return all, err
		}
		decoder := wire.Decoder{Limits: fedmsg.DefaultLimits()}
		all, err := signed(acceptBatch)
		if err != nil {
			return sample{}, err
		}
		decoded := make([]wire.Envelope, len(all))
		for i := range all {
			if decoded[i], err = decoder.Envelope(all[i], wire.Strict); err != nil {
				return sample{}, err
			}
		}
		again := func(int) ([][]byte, error) { return all, nil }
		return b.stopwatch(ctx, 1, again, func([][]byte) error {
			for i := range decoded {
				e := &decoded[i]
				r := fedmsg.Record{Topic: e.Topic, ID: e.ID, Envelope: e.Bytes}
				if err := store.Verify(&r, e, time.Now()); err != nil {
					return err
				}
				if r.Verdict != fedmsg.VerdictOK {
					return errors.New("the verdict is " + string(r.Verdict))
				}
			}
			return nil
		})
	})
}

// verifyRSA verifies signatures of the same key with the standard library alone, of digests that were made before.
func verifyRSA(ctx context.Context, b *bench) (sample, error) {
	return b.withAuthority(func(a *authority) (sample, error) {
		digest := sha1.Sum([]byte(body()))
		sig, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA1, digest[:])
		if err != nil {
			return sample{}, err
		}
		return b.stopwatch(ctx, 1, submissions, func(batch [][]byte) error {
			for range batch {
				if err := rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA1, digest[:], sig); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// signOld puts the old X.509 form into envelopes, with a key that was loaded once.
func signOld(ctx context.Context, b *bench) (sample, error) {
	return b.withAuthority(func(a *authority) (sample, error) {
		embedder, err := sign.OpenEmbedder(a.pemKey, a.cert)
		if err != nil {
			return sample{}, err
		}
		return b.stopwatch(ctx, 1, few, func(batch [][]byte) error {
			for _, m := range batch {
				if _, err := embedder.Embed(m); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// signRSA signs digests with the same key and the standard library alone.
func signRSA(ctx context.Context, b *bench) (sample, error) {
	return b.withAuthority(func(a *authority) (sample, error) {
		digest := sha1.Sum([]byte(body()))
		return b.stopwatch(ctx, 1, few, func(batch [][]byte) error {
			for range batch {
				if _, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA1, digest[:]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// few makes a batch for what takes a millisecond each.
func few(n int) ([][]byte, error) { return envelopes(n / 20) }

// withAuthority gives an authority whose files are there as long as do runs.
func (b *bench) withAuthority(do func(*authority) (sample, error)) (sample, error) {
	dir, err := os.MkdirTemp(b.dir, "pki-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	a, err := newAuthority(dir)
	if err != nil {
		return sample{}, err
	}
	return do(a)
}
