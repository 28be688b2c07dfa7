// Package mutate tests parsers with texts that are nearly right.
//
// It promises that a run can be repeated by its seed, which it prints, and that a test fails whose parser refuses
// everything: such a run would prove nothing. It is for tests only, and knows nothing of what the texts mean.
package mutate

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Run calls check with texts that are made of seeds by a few changes each: 1,000,000 if FEDMSG_TEST_LONG is 1, and 20,000
// otherwise. pieces are what the parser may stumble over. check reports whether the parser took the text, which check may
// keep, and tells t what is wrong; the first such text ends the run. FEDMSG_TEST_SEED repeats one.
func Run(t *testing.T, seeds [][]byte, pieces []string, check func(text []byte) bool) {
	t.Helper()
	count, seed := 20_000, uint64(time.Now().UnixNano())
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		count = 1_000_000
	}
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	m := mutator{Rand: rand.New(rand.NewPCG(seed, 0)), seeds: seeds, pieces: pieces}
	accepted := 0
	for range count {
		text := m.next()
		if check(text) {
			accepted++
		}
		if t.Failed() {
			t.Fatalf("FEDMSG_TEST_SEED=%d: with %q", seed, text)
		}
	}
	if accepted < count/50 {
		t.Errorf("%d of %d texts were accepted", accepted, count)
	}
	t.Logf("%d of %d texts were accepted", accepted, count)
}

// mutator makes nearly right texts of right ones.
type mutator struct {
	*rand.Rand
	seeds  [][]byte
	pieces []string
}

// next gives a new text.
func (m *mutator) next() []byte {
	text := bytes.Clone(m.seeds[m.IntN(len(m.seeds))])
	for range 1 + m.IntN(3) {
		text = m.change(text)
	}
	return text
}

// change makes one change.
func (m *mutator) change(text []byte) []byte {
	piece := m.pieces[m.IntN(len(m.pieces))]
	if len(text) == 0 {
		return []byte(piece)
	}
	from := m.IntN(len(text))
	to := min(len(text), from+1+m.IntN(12))
	switch m.IntN(9) {
	case 0: // another byte
		text[from] = byte(m.IntN(256))
	case 1: // one bit
		text[from] ^= 1 << m.IntN(8)
	case 2: // a part is missing
		text = append(text[:from], text[to:]...)
	case 3: // a part is there twice
		text = bytes.Join([][]byte{text[:to], text[from:]}, nil)
	case 4, 5: // a piece is put in
		text = bytes.Join([][]byte{text[:from], []byte(piece), text[from:]}, nil)
	case 6: // cut off
		text = text[:from]
	case 7: // another text's end
		other := m.seeds[m.IntN(len(m.seeds))]
		text = append(text[:from], other[m.IntN(len(other)):]...)
	case 8: // white space behind a token
		if i := bytes.IndexAny(text[from:], `,:{}[]`); i >= 0 {
			at := from + i + 1
			space := []string{" ", "\n", "\t", "\r", "  "}[m.IntN(5)]
			text = bytes.Join([][]byte{text[:at], []byte(space), text[at:]}, nil)
		}
	}
	return text
}

// Texts are seeds as [Run] takes them.
func Texts(texts ...string) (seeds [][]byte) {
	for _, text := range texts {
		seeds = append(seeds, []byte(text))
	}
	return seeds
}
