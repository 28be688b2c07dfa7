package stomp

import (
	"context"
	"sync"
)

// maxUnsettled bounds the bytes of the messages that were taken and are not on disk yet; messageOverhead is what each counts for
// beside its body.
const (
	maxUnsettled    = 32 << 20
	messageOverhead = 1 << 10
)

// budget bounds bytes. One goroutine takes, any give back.
type budget struct {
	limit int
	freed chan struct{} // has one element when something was given back

	mu   sync.Mutex
	used int // guarded by mu
}

func newBudget(limit int) *budget { return &budget{limit: limit, freed: make(chan struct{}, 1)} }

// has reports whether so many bytes can be taken now. What is larger than all can be taken where nothing else is.
func (b *budget) has(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used == 0 || b.used+n <= b.limit
}

// take waits until they can be taken, or ctx ends.
func (b *budget) take(ctx context.Context, n int) error {
	for !b.has(n) {
		select {
		case <-b.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += n
	return nil
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	select {
	case b.freed <- struct{}{}:
	default:
	}
}
