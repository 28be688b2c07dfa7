package wire

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestMutations gives every parser a great many texts that are nearly right: 1,000,000 each if FEDMSG_TEST_LONG is 1, and
// 20,000 otherwise. FEDMSG_TEST_SEED repeats a run.
func TestMutations(t *testing.T) {
	count := 20_000
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		count = 1_000_000
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	for _, parser := range []struct {
		name  string
		check func(testing.TB, []byte) bool
	}{
		{"scan", checkScan}, {"envelope", checkEnvelope}, {"submitted", checkSubmitted}, {"canonical", checkCanonical},
		{"entry", checkEntry},
	} {
		t.Run(parser.name, func(t *testing.T) {
			t.Parallel()
			m := mutator{Rand: rand.New(rand.NewPCG(seed, 0)), seeds: seeds()}
			accepted := 0
			for range count {
				in := m.next()
				if parser.check(t, in) {
					accepted++
				}
				if t.Failed() {
					t.Fatalf("FEDMSG_TEST_SEED=%d: with %q", seed, in)
				}
			}
			// Texts that are all refused at once would prove nothing.
			if accepted < count/50 {
				t.Errorf("%d of %d texts were accepted", accepted, count)
			}
			t.Logf("%d of %d texts were accepted", accepted, count)
		})
	}
}

// mutator makes nearly right texts of right ones.
type mutator struct {
	*rand.Rand
	seeds [][]byte
}

// next gives a new text.
func (m *mutator) next() []byte {
	text := bytes.Clone(m.seeds[m.IntN(len(m.seeds))])
	for range 1 + m.IntN(3) {
		text = m.change(text)
	}
	return text
}

// pieces are what parsers stumble over.
var pieces = []string{
	`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, "\n", "\t", "\x00", "\x1f", "\x7f", "\x80", "\xed\xa0\x80", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\xbb\xbf",
	`\u`, `\u00`, `\ud800`, `\udc00`, `\ud83d\ude00`, `\u0000`, `\u0041`, `\/`, `\x`, `NaN`, `Infinity`, `-Infinity`, `-`, `0`, `00`, `1.`, `.5`, `e`, `E+5`,
	`1e999`, `null`, `true`, `{}`, `[]`, `""`, `"topic":`, `"msg":`, `"msg_id":`, `"id":`, `"headers":`, `"signature":"x",`, `"signature":null,`, `"topic":"a.b",`,
	`"a":1,`, `"\u0061":1,`, `,"x":{}`, `"username":5`, `"timestamp":"x",`, `"i":1,`, `"envelope":`, `"signatures":`, `"position":"`, `"seq":01`, `[[[[[[[[`, `{"a":{"a":{"a":`,
}

// change makes one change.
func (m *mutator) change(text []byte) []byte {
	if len(text) == 0 {
		return []byte(pieces[m.IntN(len(pieces))])
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
		piece := pieces[m.IntN(len(pieces))]
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
