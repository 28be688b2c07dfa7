package trust_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestReceipt judges receipts that the standard library signed.
func TestReceipt(t *testing.T) {
	t.Parallel()
	const payload = `{"log":"abcdefghijkl","seq":7,"received":"2023-11-14T22:13:20Z","sha256":"00","role":"node"}`
	private := func(seed byte) (ed25519.PrivateKey, keys.Public) {
		seeds := make([]byte, ed25519.SeedSize)
		seeds[0] = seed
		k := ed25519.NewKeyFromSeed(seeds)
		public, err := keys.NewPublic(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		return k, public
	}
	known, public := private(1)
	stranger, strange := private(2)
	ended, past := private(3)
	file := func(k ed25519.PrivateKey) []string {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		return []string{write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	}
	s := open(t, config(
		trust.Root{Name: "bts", Keys: file(known), Topics: patterns(t, "org.example.#")},
		trust.Root{Name: "old", Keys: file(ended), Topics: patterns(t, "org.example.#"), NotAfter: then.Add(-time.Hour)},
	))
	sign := func(k ed25519.PrivateKey, public keys.Public, payloadType, payload string) wire.Signature {
		text := fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
		return wire.Signature{KeyID: public.ID(), Sig: ed25519.Sign(k, []byte(text))}
	}
	good := sign(known, public, wire.ReceiptType, payload)
	unknown := sign(stranger, strange, wire.ReceiptType, payload)
	claims := wire.Signature{KeyID: public.ID(), Sig: unknown.Sig}
	for _, c := range []struct {
		name, payloadType string
		signatures        []wire.Signature
		signer            string
		code              fedmsg.Code
	}{
		{"good", wire.ReceiptType, []wire.Signature{good}, "bts", ""},
		{"beside a stranger's", wire.ReceiptType, []wire.Signature{unknown, good}, "bts", ""},
		{"beside one that has ended", wire.ReceiptType, []wire.Signature{sign(ended, past, wire.ReceiptType, payload), good}, "bts", ""},
		{"of a stranger", wire.ReceiptType, []wire.Signature{unknown}, "", fedmsg.CodeUnknownSigner},
		{"of one that has ended", wire.ReceiptType, []wire.Signature{sign(ended, past, wire.ReceiptType, payload)}, "old", fedmsg.CodeExpired},
		{"of a stranger with another's id", wire.ReceiptType, []wire.Signature{claims}, "bts", fedmsg.CodeBadSignature},
		{"bad beside good", wire.ReceiptType, []wire.Signature{claims, good}, "bts", ""},
		{"signed as an envelope", wire.ReceiptType, []wire.Signature{sign(known, public, wire.EnvelopeType, payload)}, "bts", fedmsg.CodeBadSignature},
		{"an envelope", wire.EnvelopeType, []wire.Signature{sign(known, public, wire.EnvelopeType, payload)}, "", fedmsg.CodeMalformedSignature},
		{"of nobody", wire.ReceiptType, nil, "", fedmsg.CodeUnsigned},
	} {
		d := wire.DSSE{Type: c.payloadType, Payload: []byte(payload), Signatures: wire.AppendSignatures(nil, c.signatures)}
		signer, err := s.Receipt(&d, then)
		if signer != c.signer || fedmsg.CodeOf(err) != c.code {
			t.Errorf("%s: got %q and %v, want %q and code %q", c.name, signer, err, c.signer, c.code)
		}
	}
	d := wire.DSSE{Type: wire.ReceiptType, Payload: []byte(payload), Signatures: []byte("{}")}
	if _, err := s.Receipt(&d, then); fedmsg.CodeOf(err) != fedmsg.CodeMalformedSignature {
		t.Errorf("signatures that are none: %v", err)
	}
}
