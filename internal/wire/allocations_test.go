//go:build !race

package wire

import "testing"

// The race detector makes the pool forget, so that what is counted here says nothing under it: ./test runs this file apart.

// TestAllocations holds that decoding allocates only what it returns.
func TestAllocations(t *testing.T) {
	d := newDecoder()
	whole, sub := kilobyteEnvelope(), []byte(`{"topic":"a.b","msg":`+string(kilobyteBody())+`}`)
	line, out, draft := kilobyteEntry(), make([]byte, 0, 4096), kilobyteDraft()
	signatures := AppendSignatures(nil, []Signature{{KeyID: "0123456789abcdef", Sig: make([]byte, 64)}})
	signed := AppendDSSE(nil, EnvelopeType, whole, signatures)
	for _, test := range []struct {
		name string
		most float64
		run  func()
	}{
		{"Submitted, whole", 1, func() { _, _ = d.Submitted(whole) }},
		{"Submitted, submission", 1, func() { _, _ = d.Submitted(sub) }},
		{"Submitted, DSSE", 4, func() { _, _ = d.Submitted(signed) }}, // a whole one has one; the others are payload, signatures and a key
		{"DecodeDSSE", 2, func() { _, _ = DecodeDSSE(signed, d.Limits.Envelope) }},
		{"DecodeSignatures", 3, func() { _, _ = DecodeSignatures(signatures) }},
		{"AppendSigned", 0, func() { _, _ = AppendSigned(out, whole) }},
		{"AppendPAE", 0, func() { _ = AppendPAE(out, EnvelopeType, whole) }},
		{"AppendEmbedded", 0, func() { _, _ = AppendEmbedded(out, whole, "x509", "c2ln", "Q0E=") }},
		{"AppendCanonical", 0, func() { _, _ = AppendCanonical(out, whole) }},
		{"AppendEnvelope", 0, func() { _ = AppendEnvelope(out, draft) }},
		{"DecodeEntry", 0, func() { _, _ = DecodeEntry(line) }},
	} {
		if got := testing.AllocsPerRun(200, test.run); got > test.most {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.most)
		}
	}
}
