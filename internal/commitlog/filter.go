package commitlog

import (
	"encoding/binary"
	"math/bits"
)

// A bloom filter that touches one cache line for each question: a hash chooses a block of 512 bits, and filterProbes bits
// within. With 16 bits an id it lets through one unknown id in about 700. It is all that a full segment keeps in memory
// of its ids: two bytes each.
const (
	filterBitsPerID = 16
	filterBlock     = 64 // bytes
	filterProbes    = 7
)

// bloom is one filter: whole blocks, 8 words each.
type bloom []uint64

// newBloom makes a filter for n ids.
func newBloom(n int) bloom { return make(bloom, bloomWords(n)) }

// bloomWords is the length of a filter for n ids.
func bloomWords(n int) int {
	blocks := max(1, (n*filterBitsPerID+8*filterBlock-1)/(8*filterBlock))
	return blocks * filterBlock / 8
}

// block gives the words of the block that h chooses, and the bits within as 9 bits each.
func (f bloom) block(h uint64) (words []uint64, probes uint64) {
	i, _ := bits.Mul64(h, uint64(len(f)/8))
	// The high bits chose the block; the low ones, mixed, choose the bits.
	return f[i*8 : i*8+8 : i*8+8], h * 0x9e3779b97f4a7c15
}

func (f bloom) add(h uint64) {
	words, p := f.block(h)
	for range filterProbes {
		words[p>>6&7] |= 1 << (p & 63)
		p >>= 9
	}
}

// has reports false only for a hash that was never added.
func (f bloom) has(h uint64) bool {
	if len(f) == 0 {
		return false
	}
	words, p := f.block(h)
	for range filterProbes {
		if words[p>>6&7]&(1<<(p&63)) == 0 {
			return false
		}
		p >>= 9
	}
	return true
}

func (f bloom) appendTo(b []byte) []byte {
	for _, w := range f {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// readBloom reads what appendTo wrote; b has whole blocks.
func readBloom(b []byte) bloom {
	f := make(bloom, len(b)/8)
	for i := range f {
		f[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return f
}
