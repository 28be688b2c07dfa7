//go:build !race

package wire

import "testing"

// The race detector makes the pool forget, so that what is counted here says nothing under it: ./test runs this file apart.

// TestAllocations holds that decoding allocates only what it returns.
func TestAllocations(t *testing.T) {
	d := newDecoder()
	whole, sub := kilobyteEnvelope(), []byte(`{"topic":"a.b","msg":`+string(kilobyteBody())+`}`)
	line, out, draft := kilobyteEntry(), make([]byte, 0, 4096), kilobyteDraft()
	for _, test := range []struct {
		name string
		most float64
		run  func()
	}{
		{"Submitted, whole", 1, func() { _, _ = d.Submitted(whole) }},
		{"Submitted, submission", 1, func() { _, _ = d.Submitted(sub) }},
		{"AppendCanonical", 0, func() { _, _ = AppendCanonical(out, whole) }},
		{"AppendEnvelope", 0, func() { _ = AppendEnvelope(out, draft) }},
		{"DecodeEntry", 0, func() { _, _ = DecodeEntry(line) }},
	} {
		if got := testing.AllocsPerRun(200, test.run); got > test.most {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.most)
		}
	}
}
