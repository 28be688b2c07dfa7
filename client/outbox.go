package client

import (
	"context"
	"encoding/hex"
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
	bytes  int    // of all lines in sent and unsent
	i      uint64 // the counter of the last envelope

	conn      net.Conn      // the current connection, nil when there is none
	lastReply time.Time     // when the current connection last gave an answer, or was made
	lastErr   error         // why the last connection or attempt failed; nil when an answer has come since
	waiting   int           // publishers that wait for room
	room      chan struct{} // closed and made anew when there is room
	work      chan struct{} // tells the sender that unsent is no longer empty
}

func (b *outbox) init() {
	b.room = make(chan struct{})
	b.work = make(chan struct{}, 1)
}

// submit puts one message into the outbox.
func (c *Client) submit(ctx context.Context, d *outgoing, deadline time.Time) (*Ticket, error) {
	c.look.Do(c.lookIntoSpool)
	t := &Ticket{c: c, id: d.ID, deadline: deadline, done: make(chan struct{})}
	b := &c.box
	b.mu.Lock()
	if err := b.waitForRoom(ctx, c.ctx, c.o.InFlightBytes); err != nil {
		b.mu.Unlock()
		return nil, err
	}
	if b.spooling {
		b.mu.Unlock()
		return c.submitToSpool(t, d)
	}
	b.encode(t, d)
	b.unsent = append(b.unsent, t)
	b.bytes += len(t.line)
	first := len(b.unsent) == 1
	c.startLocked()
	b.mu.Unlock()
	if first {
		select {
		case b.work <- struct{}{}:
		default:
		}
	}
	return t, nil
}

// submitToSpool puts one message behind those that wait in the spool, if some still do.
func (c *Client) submitToSpool(t *Ticket, d *outgoing) (*Ticket, error) {
	c.spoolMu.Lock()
	defer c.spoolMu.Unlock()
	b := &c.box
	b.mu.Lock()
	defer b.mu.Unlock()
	b.encode(t, d)
	if b.spooling {
		b.buf = nil // encode has put the line there
		line := t.line
		b.mu.Unlock()
		err := c.spool.Write(line[:len(line)-1])
		b.mu.Lock()
		t.settle(fedmsg.Receipt{ID: t.id}, c.queued(t, err))
		return t, nil
	}
	b.unsent = append(b.unsent, t)
	b.bytes += len(t.line)
	c.startLocked()
	select {
	case b.work <- struct{}{}:
	default:
	}
	return t, nil
}

// encode appends the line of t to the buffer, and counts it.
func (b *outbox) encode(t *Ticket, d *outgoing) {
	if b.buf == nil {
		b.buf = make([]byte, chunkHead, 4<<10)
	}
	start := len(b.buf)
	if d.whole == nil && !d.plain {
		b.i++
	}
	b.buf = d.append(b.buf, b.i)
	b.buf = append(b.buf, '\n')
	t.line = b.buf[start:len(b.buf):len(b.buf)]
}

// waitForRoom waits until fewer than limit bytes are under way. It is called with mu held and returns with it held.
func (b *outbox) waitForRoom(ctx, client context.Context, limit int) error {
	for b.bytes >= limit && !b.closed {
		b.waiting++
		room := b.room
		b.mu.Unlock()
		var err error
		select {
		case <-room:
		case <-client.Done():
		case <-ctx.Done():
			err = fedmsg.WrapError(fedmsg.CodeUnavailable, ctx.Err(), "the message was not sent: %d bytes are under way already", limit)
		}
		b.mu.Lock()
		b.waiting--
		if err != nil {
			return err
		}
	}
	if b.closed {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the message was not sent: the client is closed")
	}
	return nil
}

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

// rewind makes everything that has no outcome unsent, for a new connection.
func (b *outbox) rewind(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn, b.lastReply = conn, time.Now()
	all := append(b.sent, b.unsent...)
	b.sent, b.unsent = nil, nil
	buf := make([]byte, chunkHead, max(4<<10, b.bytes+chunkHead+2))
	freed := 0
	for _, t := range all {
		if t.settled {
			freed += len(t.line)
			continue
		}
		start := len(buf)
		buf = append(buf, t.line...)
		t.line = buf[start:len(buf):len(buf)]
		b.unsent = append(b.unsent, t)
	}
	b.buf = buf
	b.release(freed)
}

// settle fixes the outcome of t, unless it has one. mu is held.
func (t *Ticket) settle(r fedmsg.Receipt, err error) {
	if t.settled {
		return
	}
	t.settled = true
	t.receipt, t.err = r, err
	close(t.done)
}

// close lets nobody in any more.
func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}
