package ingest

import (
	"crypto/rand"
	"strings"
)

// counter numbers the envelopes that a door makes.
type counter struct {
	stream string // random per run of the node
	next   uint64 // of the next envelope, from 1; both i and n
}

func newCounter() counter { return counter{stream: strings.ToLower(rand.Text()), next: 1} }
