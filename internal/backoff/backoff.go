// Package backoff says how long to wait before the next attempt.
//
// It promises growing waits with random spread between two bounds, so that a thousand clients of one restarted node do not
// come back in the same millisecond. It starts no goroutine, does not decide what is worth another attempt, and never gives
// up by itself: the context of the caller does.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy bounds the waits.
type Policy struct {
	First time.Duration // the first wait; zero means 50 ms
	Max   time.Duration // no wait is longer; zero means 5 s
}

// Backoff counts the failed attempts of one undertaking. It is not safe for concurrent use. The zero value has the
// default policy.
type Backoff struct {
	Policy Policy
	next   time.Duration // the upper bound of the next wait; zero before the first
}

// Next gives the wait before the next attempt and doubles the one after it: a random time between half the bound and the
// bound.
func (b *Backoff) Next() time.Duration {
	first, limit := b.Policy.First, b.Policy.Max
	if first <= 0 {
		first = 50 * time.Millisecond
	}
	if limit <= 0 {
		limit = 5 * time.Second
	}
	if b.next == 0 {
		b.next = first
	}
	bound := min(b.next, limit)
	b.next = limit
	if bound <= limit/2 { // else twice as much is beyond the limit, and perhaps beyond what a Duration holds
		b.next = bound * 2
	}
	half := bound / 2
	return half + rand.N(bound-half+1)
}

// Reset begins anew, after a success.
func (b *Backoff) Reset() { b.next = 0 }

// Wait waits for the time that [Backoff.Next] gives, or until ctx ends, whose error it returns then.
func (b *Backoff) Wait(ctx context.Context) error {
	t := time.NewTimer(b.Next())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
