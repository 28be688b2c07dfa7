package main

import (
	"strings"
	"testing"
)

// TestCounterSeams cuts a stream at every place and into pieces of every size.
func TestCounterSeams(t *testing.T) {
	text := strings.Repeat("x\nevent: message\nevent: messag\n", 5)
	want := strings.Count(text, "event: message")
	for size := 1; size <= len(text); size++ {
		c := newCounter("event: message")
		for i := 0; i < len(text); i += size {
			c.add([]byte(text[i:min(len(text), i+size)]))
		}
		if c.n != want {
			t.Errorf("in pieces of %d: counted %d, want %d", size, c.n, want)
		}
	}
}
