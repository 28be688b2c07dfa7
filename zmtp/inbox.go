package zmtp

import (
	"context"
	"slices"
	"sync"
)

// inboxBytes bounds what waits in one lane beside the count of messages: a thousand messages of 8 MiB are too many.
const inboxBytes = 16 << 20

// readAhead is the most messages that are taken from a connection at a time.
const readAhead = 256

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

// lane is what one peer sent. All but from and in is guarded by in.mu.
type lane[P any] struct {
	in   *inbox[P]
	from P
	free chan struct{} // has a token when the reader that waits may go on

	queue      []Incoming // queue[head:] waits; what was taken before it is zero
	head       int
	bytes      int
	held       bool // the reader waits for free
	next, prev *lane[P]
}

func (b *inbox[P]) lane(from P) *lane[P] {
	return &lane[P]{in: b, from: from, free: make(chan struct{}, 1)}
}

// receiver is a connection, as fill needs it.
type receiver interface {
	Receive(batch []Incoming) ([]Incoming, error)
}

// fill puts what comes from c into the lane, until c ends (its error is returned), done is closed or the inbox is: ErrClosed.
// keep, unless it is nil, gives what of a batch is to be put, and may use its memory.
func (l *lane[P]) fill(c receiver, done <-chan struct{}, keep func([]Incoming) []Incoming) error {
	// Most peers send little, and there may be thousands of them.
	batch := make([]Incoming, 0, 4)
	for {
		room := l.room(done)
		if room == 0 {
			return ErrClosed
		}
		if len(batch) == cap(batch) && cap(batch) < readAhead {
			batch = make([]Incoming, 0, 2*cap(batch))
		}
		clear(batch)
		got, err := c.Receive(batch[:0:min(room, cap(batch))])
		batch = batch[:min(len(got), cap(batch))]
		if keep != nil {
			got = keep(got)
		}
		l.put(got)
		if err != nil {
			return err
		}
	}
}

// room waits until the lane may have more and tells how much; 0 after the end of done or of the inbox.
func (l *lane[P]) room(done <-chan struct{}) int {
	for {
		l.in.mu.Lock()
		room := l.in.limit - (len(l.queue) - l.head)
		if l.bytes >= inboxBytes {
			room = 0
		}
		l.held = room <= 0
		over := l.in.over
		l.in.mu.Unlock()
		if over {
			return 0
		}
		if room > 0 {
			return room
		}
		select {
		case <-l.free:
		case <-done:
			return 0
		case <-l.in.closed:
			return 0
		}
	}
}

// put adds to the lane, which has room, and wakes a taker. The slice is the caller's again.
func (l *lane[P]) put(batch []Incoming) {
	if len(batch) == 0 {
		return
	}
	b := l.in
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	if l.head == len(l.queue) {
		b.link(l)
	}
	// Moved only when half is free, so that it costs no more than appending.
	if len(l.queue)+len(batch) > cap(l.queue) && 2*l.head >= len(l.queue) {
		l.queue, l.head = slices.Delete(l.queue, 0, l.head), 0
	}
	l.queue = append(l.queue, batch...)
	for i := range batch {
		l.bytes += batch[i].size()
	}
	b.received += uint64(len(batch))
	b.pass()
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

// pop takes the first of a lane, which has one.
func (l *lane[P]) pop() Incoming {
	m := l.queue[l.head]
	l.queue[l.head] = Incoming{}
	l.head++
	l.bytes -= m.size()
	if l.head == len(l.queue) {
		l.in.unlink(l)
		l.queue, l.head = l.queue[:0], 0
	}
	// Half of it free is worth waking the reader for; one place is not.
	if l.held && 2*(len(l.queue)-l.head) <= l.in.limit && 2*l.bytes <= inboxBytes {
		l.held = false
		select {
		case l.free <- struct{}{}:
		default:
		}
	}
	return m
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

// unlink takes a lane out of the circle. Only the last of it may have the turn.
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

// size is the bytes of the frames.
func (i *Incoming) size() int {
	n := 0
	for _, f := range i.Message {
		n += len(f)
	}
	return n
}
