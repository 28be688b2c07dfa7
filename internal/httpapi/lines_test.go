package httpapi

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// readLines gives all lines of r; one that was too long is "TOO LONG".
func readLines(t *testing.T, r io.Reader, limit int) []string {
	t.Helper()
	l := newLineReader(r, limit)
	var all []string
	for {
		batch, err := l.next()
		for _, line := range batch {
			if line == nil {
				all = append(all, "TOO LONG")
			} else {
				all = append(all, string(line))
			}
		}
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLineReader compares with the plainest way to cut lines, over random texts, limits and pieces.
func TestLineReader(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	for round := range 300 {
		limit := 1 + rnd.IntN(1<<rnd.IntN(20))
		var text strings.Builder
		for text.Len() < 600<<10 && rnd.IntN(40) > 0 {
			n := rnd.IntN(1 << rnd.IntN(20))
			if rnd.IntN(4) == 0 {
				n = limit + rnd.IntN(3) - 1
			}
			text.WriteString(strings.Repeat(string(rune('a'+rnd.IntN(26))), n))
			text.WriteString([]string{"\n", "\n", "\r\n", "\n\n"}[rnd.IntN(4)])
		}
		if rnd.IntN(2) == 0 {
			text.WriteString("end")
		}
		var want []string
		for line := range strings.SplitSeq(text.String(), "\n") {
			line = strings.TrimSuffix(line, "\r")
			switch {
			case len(line) > limit:
				want = append(want, "TOO LONG")
			case line != "":
				want = append(want, line)
			}
		}
		var r io.Reader = strings.NewReader(text.String())
		switch rnd.IntN(3) {
		case 0:
			r = iotest.DataErrReader(r)
		case 1:
			r = iotest.HalfReader(r)
		}
		got := readLines(t, r, limit)
		if len(got) != len(want) {
			t.Fatalf("seed %d round %d: %d lines, want %d", seed, round, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("seed %d round %d: line %d differs", seed, round, i)
			}
		}
	}
}

// TestLineReaderTinyLines: a buffer full of tiny lines is given piece by piece, so that the slice of lines stays small.
func TestLineReaderTinyLines(t *testing.T) {
	l := newLineReader(strings.NewReader(strings.Repeat("x\n", 1<<20)), 1<<20)
	for n := 0; ; {
		lines, err := l.next()
		n += len(lines)
		if len(lines) > maxBatch || cap(l.lines) > 2*maxBatch {
			t.Fatalf("%d lines at once, in a slice of %d", len(lines), cap(l.lines))
		}
		if err != nil {
			if n != 1<<20 {
				t.Errorf("%d lines", n)
			}
			return
		}
	}
}

// TestLineReaderMemory: the buffer does not grow beyond the longest line and a read, and shrinks again.
func TestLineReaderMemory(t *testing.T) {
	l := newLineReader(io.MultiReader(endlessLine(4<<20), strings.NewReader("\n"), strings.NewReader(strings.Repeat("x\n", 1<<20))), 3<<20)
	for {
		_, err := l.next()
		if c := cap(l.buf); c > 3<<20+readBuffer {
			t.Fatalf("the buffer has %d bytes", c)
		}
		if err != nil {
			break
		}
	}
	if c := cap(l.buf); c > 2*readBuffer {
		t.Errorf("the buffer kept %d bytes", c)
	}
}

func endlessLine(n int) io.Reader { return io.LimitReader(endless{}, int64(n)) }
