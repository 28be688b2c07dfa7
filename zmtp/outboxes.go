package zmtp

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// errNoFrames says that a message to send has too few frames: none, or for a Router nothing behind the peer.
var errNoFrames = errors.New("zmtp: a message without frames cannot be sent")

// outboxes are the queues of a socket that sends to single peers.
type outboxes struct {
	s      *socket
	chunks chunks
	// bell rings when a peer came or went, when one that had no room has some, and at close.
	bell bell

	mu     sync.Mutex // taken before the lock of an outbox
	list   []*outbox
	closed bool // nothing is sent any more
}

// of makes these the outboxes of a socket, before its first Bind or Connect. At Close everything that waits is written.
func (s *outboxes) of(sock *socket) {
	s.s = sock
	sock.drain = func(ctx context.Context) { s.drain(ctx, s.idle) }
}

// box makes the queue for a peer. moved, see outbox, rings the bell.
func (s *outboxes) box(c *Conn, moved func()) *outbox {
	return newOutbox(c, &s.s.o, &s.chunks, &s.s.sent, moved)
}

// serve lets a peer take part until read, which reads from it, returns, and gives what was not begun to be written to it.
func (s *outboxes) serve(c *Conn, box *outbox, read func()) []*chunk {
	var writer sync.WaitGroup
	writer.Go(box.run)
	s.mu.Lock()
	s.list = append(s.list, box)
	s.mu.Unlock()
	box.moved()
	read()
	c.Close()
	s.mu.Lock()
	s.list = slices.DeleteFunc(s.list, func(b *outbox) bool { return b == box })
	s.mu.Unlock()
	left := box.end()
	writer.Wait()
	box.moved()
	return left
}

// serveOne is serve where what is left is of no use to anybody else.
func (s *outboxes) serveOne(c *Conn, box *outbox, read func()) {
	for _, k := range s.serve(c, box, read) {
		s.s.dropped.Add(uint64(k.messages))
	}
}

// until calls try again and again, whenever the bell rings, until it says yes or gives an error, or the context ends.
func (s *outboxes) until(ctx context.Context, try func() (bool, error)) error {
	if ok, err := try(); ok || err != nil {
		return err
	}
	for {
		heard := s.bell.heard()
		if ok, err := try(); ok || err != nil {
			return err
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send waits until a peer has room, and gives it the message: the frames of head and those of body. ErrNoPeer says that it is
// gone. See outbox.put for urgent.
func (s *outboxes) send(ctx context.Context, box *outbox, urgent bool, head, body [][]byte) error {
	return s.until(ctx, func() (bool, error) {
		if err := s.open(); err != nil {
			return false, err
		}
		v := box.put(urgent, head, body)
		if v == departed {
			return false, ErrNoPeer
		}
		return v == taken, nil
	})
}

// open gives an error if the socket was closed.
func (s *outboxes) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

// close has nothing sent any more.
func (s *outboxes) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.bell.ring()
}

// drain waits until idle says that everything is written, asking again whenever the bell rings, or ctx ends.
func (s *outboxes) drain(ctx context.Context, idle func() bool) {
	for {
		heard := s.bell.heard()
		if idle() {
			return
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return
		}
	}
}

// idle reports whether everything is written; if not, the bell rings when it may be.
func (s *outboxes) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, box := range s.list {
		if !box.idle() {
			return false
		}
	}
	return true
}
