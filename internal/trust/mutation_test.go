package trust_test

import (
	"bytes"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// pieces is what a judgement may stumble over.
func pieces() []string {
	return []string{
		`"crypto":"x509",`, `"crypto":"gpg",`, `"crypto":null,`, `"crypto":[],`, `"signature":null,`, `"signature":"",`, `"certificate":5,`,
		`"certificate":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="`, `"topic":"a",`, `"keyid":"",`, `"sig":"AA==",`, `"cert":"AA==",`, `{}`, `[]`,
		`null`, `\n`, `\u0000`, `\ud800`, "=", "==", "A", "/", "-----BEGIN CERTIFICATE-----\n", "\n", " ", ",", `"`, "MII", "\x30\x82", "\x00", "\xff",
	}
}

// TestMutatedEnvelopes changes envelopes with embedded signatures: nothing panics, and what is found good says what was signed.
func TestMutatedEnvelopes(t *testing.T) {
	t.Parallel()
	c := config(vectors(t))
	c.File.Trust = append(c.File.Trust, trust.Root{
		Name: "peer", Keyring: vectorPKI(t, "peer-public.asc"), Legacy: true, Topics: patterns(t, "#"),
	})
	s := open(t, c)
	var file struct{ Cases []struct{ Wire string } }
	readJSON(t, &file, "interop", "vectors", "x07_gpg.json")
	seeds := mutate.Texts(file.Cases[0].Wire, file.Cases[1].Wire)
	for _, name := range []string{"v01_empty", "v03_astral_and_lone_surrogates", "v09_string_body", "v12_realistic_1k"} {
		seeds = append(seeds, vector(t, name))
	}
	signed := map[string]bool{}
	for _, seed := range seeds {
		signed[content(t, s, seed)] = true
	}
	if len(signed) != len(seeds) {
		t.Fatal("not all seeds are good")
	}
	mutate.Run(t, seeds, pieces(), func(text []byte) bool {
		d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
		e, err := d.Envelope(text, wire.Old)
		if err != nil {
			return false
		}
		got := content(t, s, e.Bytes)
		if !signed[got] && got != "unsigned" && got[:4] != "bad " {
			t.Error("changed content is found good")
		}
		return true
	})
}

// content gives what a good embedded signature is over, with the verdict on it.
func content(t *testing.T, s *trust.Store, text []byte) string {
	r, e := decode(t, text)
	got := outcome(t, s, r, e, then.AddDate(4, 0, 0)) // when the OpenPGP signatures of the vectors had been made
	if r.Verdict == fedmsg.VerdictTopicNotCovered {
		body, err := wire.AppendBody(nil, e)
		if err != nil {
			t.Error(err)
		}
		return got + string(body)
	}
	if r.Verdict != fedmsg.VerdictOK {
		return got
	}
	all, err := wire.AppendSigned(nil, e.Bytes)
	if err != nil {
		t.Error(err)
	}
	return got + string(all)
}

// TestMutatedDSSE changes DSSE documents: nothing panics, and what is found good has the bytes that were signed.
func TestMutatedDSSE(t *testing.T) {
	t.Parallel()
	k, bare := newCertified(t), newKey(t, "ed25519", 0)
	s := open(t, config(k.root, keyRoot(t, "host", bare)))
	seeds := [][]byte{
		wire.AppendDSSE(nil, wire.EnvelopeType, k.message, k.list),
		wire.AppendDSSE(nil, wire.EnvelopeType, k.message, array(t, bare.detached(t, k.message))),
	}
	good := 0
	mutate.Run(t, seeds, pieces(), func(text []byte) bool {
		doc, err := wire.DecodeDSSE(text, 1<<20)
		if err != nil {
			return false
		}
		d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
		e, err := d.Envelope(doc.Payload, wire.Strict)
		if err != nil {
			return true
		}
		got := verdict(s, &e, doc.Signatures)
		if got == "ok host" || got == goodSite {
			good++
			if !bytes.Equal(e.Bytes, k.message) {
				t.Error("changed bytes are found good")
			}
		} else if got[:3] != "bad" {
			t.Errorf("got %q", got)
		}
		return true
	})
	if good == 0 {
		t.Error("no changed document is good, so that nothing was held")
	}
}

// TestMutatedCertificates changes the certificate inside of signatures: nothing panics, and nobody becomes another.
func TestMutatedCertificates(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	other := c.authority.issue(t, newKey(t, "p256", 0), "other.example.org", nil)
	s := open(t, config(c.root))
	_, e := decode(t, c.message)
	list, err := wire.DecodeSignatures(c.list)
	if err != nil {
		t.Fatal(err)
	}
	mutate.Run(t, [][]byte{c.cert, other, certPEM(c.cert)}, pieces(), func(text []byte) bool {
		if len(text) == 0 {
			return true
		}
		one := list[0]
		one.Certificate = text
		if got := verdict(s, e, wire.AppendSignatures(nil, []wire.Signature{one})); got == goodSite && !bytes.Equal(text, c.cert) {
			t.Error("a changed certificate is taken")
		} else if got != goodSite && got[:3] != "bad" {
			t.Errorf("got %q", got)
		}
		return true
	})
}
