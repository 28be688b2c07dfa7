package zmtp

import "context"

// balancer hands messages to the peers of a socket in turn, leaving out those that have no room.
//
// What waits for a peer that goes away is given to the others, or kept for the next to come. What was being written to it, at
// most a chunk or one message, is lost with what the connection had taken: nobody knows how much of it arrived.
type balancer struct {
	outboxes
	turn int      // the box to begin with; guarded by mu, as left
	left []*chunk // of peers that went away; nothing else is taken before these have found a place
}

// newBalancer makes the balancer of a socket, before its first Bind or Connect.
func newBalancer(s *socket) *balancer {
	b := &balancer{outboxes: outboxes{s: s}}
	s.drain = func(ctx context.Context) { b.drain(ctx, b.settled) }
	return b
}

// send waits until a peer has room and gives the message to it.
func (b *balancer) send(ctx context.Context, frames [][]byte) error {
	if len(frames) == 0 {
		return errNoFrames
	}
	return b.until(ctx, func() (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case b.closed:
			return false, ErrClosed
		case len(b.left) > 0:
			return false, nil
		}
		return b.next(func(box *outbox) verdict { return box.put(false, nil, frames) }), nil
	})
}

// next offers something to the peers in turn until one takes it. The caller has the lock.
func (b *balancer) next(offer func(*outbox) verdict) bool {
	for range b.list {
		if b.turn >= len(b.list) {
			b.turn = 0
		}
		box := b.list[b.turn]
		b.turn++
		if offer(box) == taken {
			return true
		}
	}
	return false
}

// settle finds places for what peers left behind, and rings.
func (b *balancer) settle() {
	b.mu.Lock()
	for len(b.left) > 0 && b.next(func(box *outbox) verdict { return box.adopt(b.left[0]) }) {
		b.left = b.left[1:]
	}
	b.mu.Unlock()
	b.bell.ring()
}

// serve lets a peer take part until read, which reads from it, returns.
func (b *balancer) serve(c *Conn, read func()) {
	left := b.outboxes.serve(c, b.box(c, b.settle), read)
	b.mu.Lock()
	b.left = append(b.left, left...)
	b.mu.Unlock()
	b.settle()
}

// settled reports whether everything is written; if not, the bell rings when it may be.
func (b *balancer) settled() bool {
	b.mu.Lock()
	left := len(b.left)
	b.mu.Unlock()
	return left == 0 && b.idle()
}
