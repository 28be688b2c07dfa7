package client

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// chunkHead is the room left at the beginning of a buffer for the size of the HTTP chunk that it becomes.
const chunkHead = len("00000000\r\n")

// outbox holds what was handed over and has no outcome yet, in order: first what was written to the current connection,
// then what was not. The node answers in the same order, so that the front of sent is what the next answer is about.
type outbox struct {
	mu       sync.Mutex
	running  bool // the sender's goroutine lives
	closed   bool
	spooling bool // messages go to the spool until it is empty
	draining bool // the drainer's goroutine lives
	reached  bool // a node has answered before
	ticking  bool // the clock's goroutine lives

	sent   []*Ticket
	unsent []*Ticket
	buf    []byte // chunkHead and the lines of unsent
	bytes  int    // of all lines in sent and unsent, and about as much as those will have that are being signed
	i      uint64 // the counter of the last envelope

	toSpool []*Ticket // while spooling, those that the next writer writes; see Client.writeSpool

	conn      net.Conn      // the current connection, nil when there is none
	owesSince time.Time     // since when the current connection owes an answer; of no account while sent is empty
	hung      net.Conn      // the connection that was closed because its node was silent
	lastErr   error         // why the last connection or attempt failed; nil when an answer has come since
	cause     error         // why messages go to the spool; nil when it is only that others wait there
	waiting   int           // publishers that wait for room
	room      chan struct{} // closed and made anew when there is room
	work      chan struct{} // tells the sender that unsent is no longer empty
}

func (b *outbox) init() {
	b.room = make(chan struct{})
	b.work = make(chan struct{}, 1)
}

// submit puts one message into the outbox. A zero deadline is Options.Timeout after there is room.
func (c *Client) submit(ctx context.Context, d *outgoing, deadline time.Time) (*Ticket, error) {
	c.look.Do(c.lookIntoSpool)
	t := &Ticket{c: c, id: d.ID, done: make(chan struct{})}
	b := &c.box
	b.mu.Lock()
	if err := c.waitForRoomLocked(ctx, deadline); err != nil {
		b.mu.Unlock()
		return nil, err
	}
	if t.deadline = deadline; deadline.IsZero() {
		t.deadline = time.Now().Add(c.o.Timeout)
	}
	sealed, err := c.sealLocked(ctx, d)
	if err != nil {
		b.mu.Unlock()
		return nil, err
	}
	spooling, first := b.spooling, false
	if spooling {
		t.line = b.encode(nil, d)
		b.toSpool = append(b.toSpool, t)
	} else {
		b.open()
		start := len(b.buf)
		b.buf = b.encode(b.buf, d)
		first = b.add(t, start)
		c.startLocked()
	}
	if sealed {
		c.signer.leave()
	}
	b.mu.Unlock()
	if spooling {
		c.writeSpool()
	} else if first {
		b.wake()
	}
	return t, nil
}

// open makes the buffer if there is none.
func (b *outbox) open() {
	if b.buf == nil {
		b.buf = make([]byte, chunkHead, 4<<10)
	}
}

// encode appends a line to buf, and counts it. mu is held.
func (b *outbox) encode(buf []byte, d *outgoing) []byte {
	if d.whole == nil && !d.plain {
		b.i++
	}
	return append(d.append(buf, b.i), '\n')
}

// add puts t, whose line is the end of the buffer from start on, behind all others. It reports whether it is the first that
// the sender does not know of. mu is held.
func (b *outbox) add(t *Ticket, start int) (first bool) {
	t.line = b.buf[start:len(b.buf):len(b.buf)]
	t.size = len(t.line)
	b.unsent = append(b.unsent, t)
	b.bytes += t.size
	return len(b.unsent) == 1
}

// wake tells the sender that unsent is no longer empty.
func (b *outbox) wake() {
	select {
	case b.work <- struct{}{}:
	default:
	}
}

// waitForRoomLocked waits until less than Options.InFlightBytes are under way. When the time is over before and the spool is
// on, all that is under way goes there, and the message may follow. It is called with box.mu held and returns with it held.
func (c *Client) waitForRoomLocked(ctx context.Context, deadline time.Time) error {
	b := &c.box
	var late <-chan time.Time
	for b.bytes >= c.o.InFlightBytes && !b.closed {
		if late == nil && !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			late = timer.C
		}
		b.waiting++
		room := b.room
		b.mu.Unlock()
		var cause error
		select {
		case <-room:
		case <-c.ctx.Done():
		case <-late:
			cause = context.DeadlineExceeded
		case <-ctx.Done():
			cause = ctx.Err()
		}
		if c.spool != nil && errors.Is(cause, context.DeadlineExceeded) {
			b.mu.Lock()
			cause = b.late()
			b.mu.Unlock()
			c.giveUp(cause)
			cause = nil
		}
		b.mu.Lock()
		b.waiting--
		if cause != nil {
			return fedmsg.WrapError(fedmsg.CodeUnavailable, cause, "the message was not sent: %d bytes are under way already", c.o.InFlightBytes)
		}
	}
	if b.closed {
		return errClosed()
	}
	return nil
}

// errClosed says that Close was called before.
func errClosed() error { return fedmsg.Errorf(fedmsg.CodeUnavailable, "the client is closed") }

// release gives back the room of n bytes. mu is held.
func (b *outbox) release(n int) {
	b.bytes -= n
	if b.waiting > 0 {
		close(b.room)
		b.room = make(chan struct{})
	}
}

// take gives what is to be written next as one HTTP chunk, and moves its tickets to sent. It gives nil if there is nothing.
func (b *outbox) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unsent) == 0 {
		return nil
	}
	if len(b.sent) == 0 {
		b.owesSince = time.Now()
	}
	for _, t := range b.unsent {
		t.sent = true
	}
	b.sent = append(b.sent, b.unsent...)
	clear(b.unsent)
	b.unsent = b.unsent[:0]
	chunk := b.buf
	// The next buffer will be about as full as this one was; tickets keep this one, so that it is not used again.
	b.buf = make([]byte, chunkHead, min(len(chunk)+len(chunk)/4+64, 1<<20))
	return closeChunk(chunk)
}

// closeChunk writes the size of an HTTP chunk into the room before its data, and ends it.
func closeChunk(chunk []byte) []byte {
	size := uint32(len(chunk) - chunkHead)
	hex.Encode(chunk, []byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)})
	copy(chunk[chunkHead-2:], "\r\n")
	return append(chunk, '\r', '\n')
}

// rewind makes everything that has no outcome unsent, for the new connection conn or before there is one, and forgets the
// rest. It reports whether there is anything.
func (b *outbox) rewind(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = conn
	if len(b.sent)+len(b.unsent) == 0 {
		return false
	}
	all := append(b.sent, b.unsent...)
	b.sent, b.unsent = nil, nil
	buf := make([]byte, chunkHead, max(4<<10, b.bytes+chunkHead+2))
	freed := 0
	for _, t := range all {
		if t.settled {
			freed += t.size
			continue
		}
		start := len(buf)
		buf = append(buf, t.line...)
		t.line = buf[start:len(buf):len(buf)]
		b.unsent = append(b.unsent, t)
	}
	b.buf = buf
	b.release(freed)
	return len(b.unsent) > 0
}

// settle fixes the outcome of t, unless it has one. mu is held.
func (t *Ticket) settle(r fedmsg.Receipt, err error) {
	if t.settled {
		return
	}
	t.settled, t.line = true, nil
	t.receipt, t.err = r, err
	close(t.done)
}

// close lets nobody in any more.
func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}
