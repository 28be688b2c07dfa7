package nats

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg/internal/receive"
)

// The bytes of messages that were taken and are not on disk yet; beside its data each counts for the overhead.
const (
	maxUnsettled    = 32 << 20
	messageOverhead = 1 << 10
)

// budget bounds bytes. One goroutine takes, any give back.
type budget struct {
	freed chan struct{} // has an element when something was given back

	mu   sync.Mutex
	used int // guarded by mu
}

func newBudget() *budget { return &budget{freed: make(chan struct{}, 1)} }

// try takes so many bytes if there are as many. What is larger than all is taken where nothing else is.
func (b *budget) try(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used > 0 && b.used+n > maxUnsettled {
		return false
	}
	b.used += n
	return true
}

func (b *budget) give(n int) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

// hand submits items in order, as many at once as there are bytes for.
func (b *budget) hand(ctx context.Context, in *receive.Intake, items []receive.Item) error {
	for len(items) > 0 {
		n := 0
		for n < len(items) && b.claim(&items[n]) {
			n++
		}
		if n > 0 {
			if err := in.Submit(ctx, items[:n]...); err != nil {
				return err
			}
			items = items[n:]
			continue
		}
		select {
		case <-b.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// claim takes the bytes of an item, which gives them back when it is settled.
func (b *budget) claim(item *receive.Item) bool {
	size := item.Message.Size() + messageOverhead
	if !b.try(size) {
		return false
	}
	settled := item.Settled
	item.Settled = func() {
		if settled != nil {
			settled()
		}
		b.give(size)
	}
	return true
}
