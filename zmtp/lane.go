package zmtp

import "slices"

// readAhead is the most messages that are taken from a connection at a time.
const readAhead = 256

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

// drain waits until all was taken, or until over or the inbox is closed. Nothing is put any more.
func (l *lane[P]) drain(over <-chan struct{}) {
	for {
		l.in.mu.Lock()
		l.held = l.head < len(l.queue)
		waits := l.held && !l.in.over
		l.in.mu.Unlock()
		if !waits {
			return
		}
		select {
		case <-l.free:
		case <-over:
			return
		case <-l.in.closed:
			return
		}
	}
}

// forget drops what waits.
func (l *lane[P]) forget() {
	b := l.in
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || l.head == len(l.queue) {
		return
	}
	if b.current == l {
		b.current = l.next
	}
	b.unlink(l)
	l.queue, l.head, l.bytes = nil, 0, 0
}

// size is the bytes of the frames.
func (i *Incoming) size() int {
	n := 0
	for _, f := range i.Message {
		n += len(f)
	}
	return n
}
