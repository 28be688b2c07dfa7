package zmtp

import (
	"context"
	"sync"
)

// inboxBytes bounds what waits in one lane beside the count of messages: a thousand messages of 8 MiB are too many.
const inboxBytes = 16 << 20

// inbox is where what the peers of a socket sent waits until it is taken, the peers in turn. P is what the socket knows a peer
// by.
//
// The goroutine that reads a connection makes itself a lane and calls fill, which waits before each read until the lane has
// room: so the peer is held back by its connection, and only that one. Receiving methods call take, several at once if they
// like. What a peer sent before it went away is still taken. After close, nothing is.
type inbox[P any] struct {
	limit  int           // messages of one lane
	wake   chan struct{} // one token for the takers that wait; who finds more than it takes passes it on
	closed chan struct{}

	mu       sync.Mutex
	current  *lane[P] // whose turn it is, in the circle of lanes that hold something; nil if none does
	waiting  int      // takers that found nothing
	received uint64
	over     bool // closed is closed
}

func newInbox[P any](o Options) *inbox[P] {
	limit := o.ReceiveLimit
	if limit <= 0 {
		limit = 1000
	}
	return &inbox[P]{limit: limit, wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

// pass wakes a taker if one waits. The caller has the lock.
func (b *inbox[P]) pass() {
	if b.waiting > 0 {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// take gives the next message and whose it is.
func (b *inbox[P]) take(ctx context.Context) (Incoming, P, error) {
	var none P
	if err := b.lock(ctx); err != nil {
		return Incoming{}, none, err
	}
	l := b.current
	b.current = l.next
	m := l.pop()
	b.leave()
	return m, l.from, nil
}

// takeMany waits for one message and appends to into what has come, as far as there is room without growing it; at least one.
func (b *inbox[P]) takeMany(ctx context.Context, into []Message) ([]Message, error) {
	if err := b.lock(ctx); err != nil {
		return into, err
	}
	for {
		l := b.current
		b.current = l.next
		for l.head < len(l.queue) {
			into = append(into, l.pop().Message)
			if len(into) >= cap(into) {
				b.leave()
				return into, nil
			}
		}
		if b.current == nil {
			b.leave()
			return into, nil
		}
	}
}

// lock waits until there is something to take, and then has the lock.
func (b *inbox[P]) lock(ctx context.Context) error {
	b.mu.Lock()
	for b.current == nil || b.over {
		if b.over {
			b.mu.Unlock()
			return ErrClosed
		}
		b.waiting++
		b.mu.Unlock()
		var err error
		select {
		case <-b.wake:
		case <-b.closed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		b.mu.Lock()
		b.waiting--
		if err != nil {
			b.mu.Unlock()
			return err
		}
	}
	return nil
}

// leave gives the lock up, and the turn to another taker if there is more.
func (b *inbox[P]) leave() {
	if b.current != nil {
		b.pass()
	}
	b.mu.Unlock()
}

// link puts a lane at the end of the circle.
func (b *inbox[P]) link(l *lane[P]) {
	if b.current == nil {
		l.next, l.prev = l, l
		b.current = l
		return
	}
	l.next, l.prev = b.current, b.current.prev
	l.prev.next, l.next.prev = l, l
}

// unlink takes a lane out of the circle. Only one that is alone in it may have the turn.
func (b *inbox[P]) unlink(l *lane[P]) {
	if l.next == l {
		b.current = nil
	}
	l.prev.next, l.next.prev = l.next, l.prev
	l.next, l.prev = nil, nil
}

// count tells how many messages were put.
func (b *inbox[P]) count() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.received
}

// close ends it: who waits in take or fill gets ErrClosed, and what was not taken is forgotten.
func (b *inbox[P]) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	b.over = true
	b.current = nil
	close(b.closed)
}
