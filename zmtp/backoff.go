package zmtp

import (
	"math/rand/v2"
	"time"
)

// backoff is the wait before each further attempt.
type backoff struct {
	least, most time.Duration
	next        time.Duration // the longest the next wait may be; 0 for the first
}

// wait gives the next one: half of it is left to chance, so that a thousand peers of one that was restarted do not come back
// together.
func (b *backoff) wait() time.Duration {
	if b.next == 0 {
		b.next = 2 * b.least
	}
	b.next = min(b.next, b.most)
	low := max(b.least, b.next/2)
	d := low + rand.N(b.next-low+1)
	b.next *= 2
	return d
}

// reset begins anew.
func (b *backoff) reset() { b.next = 0 }
