package main

import "bytes"

// counter counts how often a pattern stands in a stream that comes in pieces. It belongs to one goroutine.
type counter struct {
	pattern []byte
	carry   []byte // the end of what came, shorter than the pattern
	n       int
}

func newCounter(pattern string) *counter {
	return &counter{pattern: []byte(pattern), carry: make([]byte, 0, 2*len(pattern))}
}

// add counts in the next piece.
func (c *counter) add(piece []byte) {
	keep := len(c.pattern) - 1
	// What begins in the carry and ends in the piece.
	seam := append(c.carry, piece[:min(keep, len(piece))]...)
	c.n += bytes.Count(seam, c.pattern)
	c.n += bytes.Count(piece, c.pattern)
	if len(piece) >= keep {
		c.carry = append(c.carry[:0], piece[len(piece)-keep:]...)
	} else {
		c.carry = append(c.carry[:0], seam[max(0, len(seam)-keep):]...)
	}
}
