package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
)

// startLocked starts the goroutines that the first message needs. box.mu is held.
func (c *Client) startLocked() {
	b := &c.box
	if !b.running {
		b.running = true
		c.wg.Go(c.send)
	}
	if !b.ticking {
		b.ticking = true
		c.wg.Go(c.tick)
	}
}

// send is the sender: it connects when there is something to send, writes it, and connects again when the connection
// breaks. It ends when the client is closed, or when nothing came for Options.Idle.
func (c *Client) send() {
	retry := backoff.Backoff{Policy: backoff.Policy{First: 10 * time.Millisecond, Max: time.Second}}
	for c.ctx.Err() == nil && c.waitForWork() {
		conn, e, err := c.dial(c.ctx)
		c.box.failed(err)
		if err != nil {
			c.unreachable(err)
			if retry.Wait(c.ctx) != nil {
				return
			}
			continue
		}
		answered, err := c.session(conn, e)
		c.box.failed(err)
		if answered {
			retry.Reset()
		}
		if err != nil && c.ctx.Err() == nil {
			c.logger.Warn("lost the connection to the node", "node", e.uri, "error", err)
			if retry.Wait(c.ctx) != nil {
				return
			}
		}
	}
}

// failed notes why a connection failed, for those whose time ends before another one stands.
func (b *outbox) failed(err error) {
	if err == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastErr = err
}

// waitForWork waits until something is to be sent. It reports false, and has ended the sender, when that took too long.
func (c *Client) waitForWork() bool {
	idle := time.NewTimer(c.o.Idle)
	defer idle.Stop()
	b := &c.box
	for {
		if b.rewind(nil) {
			return true
		}
		select {
		case <-b.work:
		case <-c.ctx.Done():
			return false
		case <-idle.C:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.running = len(b.unsent) > 0
			return b.running
		}
	}
}

// unreachable decides what a failed attempt to connect means. Where a node has answered before, it may be starting again:
// messages wait for it until their own deadlines. Otherwise nobody waits.
func (c *Client) unreachable(err error) {
	c.box.mu.Lock()
	reached := c.box.reached
	c.box.mu.Unlock()
	if !reached {
		c.giveUp(err)
	}
}

// session sends over one connection until it breaks, is idle for too long, or the client is closed. answered reports
// whether the node answered for any message; a session that ends in peace gives no error.
func (c *Client) session(conn net.Conn, e endpoint) (answered bool, err error) {
	if !c.box.rewind(conn) {
		conn.Close()
		return false, nil // those who waited for the connection wait no more
	}
	ended := make(chan error, 1)
	c.wg.Go(func() {
		var err error
		answered, err = c.receive(conn)
		conn.Close() // the writer may be in Write
		ended <- err
	})
	stop := context.AfterFunc(c.ctx, func() { conn.Close() })
	defer stop()
	// The first lines go out at once all the same. But a server that refuses a request which expects this says so without
	// waiting for its end, which this one does not have.
	fields := "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
	werr := c.write(conn, c.head(e, "POST", "/v1/messages", fields), ended)
	conn.Close()
	rerr := <-ended
	c.box.mu.Lock()
	c.box.conn = nil
	hung := c.box.hung == conn
	c.box.hung = nil
	c.box.mu.Unlock()
	switch {
	case errors.Is(rerr, errPeace):
		return answered, nil
	case hung:
		return answered, noAnswer(c.o.Timeout, context.DeadlineExceeded)
	}
	return answered, errors.Join(werr, rerr)
}

// errPeace ends a session on which nothing was under way.
var errPeace = errors.New("the connection was closed while idle")

// write writes head and then whatever comes, all that has come since the last write at once. It leaves what it found in
// ended there.
func (c *Client) write(conn net.Conn, head []byte, ended chan error) error {
	idle := time.NewTimer(c.o.Idle)
	defer idle.Stop()
	b := &c.box
	for {
		// Those whom the last answers have woken publish again: together they make one write.
		runtime.Gosched()
		if chunk := b.take(); chunk != nil {
			if head != nil {
				chunk, head = append(head, chunk...), nil
			}
			if _, err := conn.Write(chunk); err != nil {
				return err
			}
			continue
		}
		idle.Reset(c.o.Idle)
		select {
		case <-b.work:
		case err := <-ended:
			ended <- err
			return nil
		case <-idle.C:
			if !b.empty() {
				continue
			}
			_, err := io.WriteString(conn, "0\r\n\r\n")
			return err
		}
	}
}

// empty reports whether nothing is under way.
func (b *outbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.sent)+len(b.unsent) == 0
}

// receive reads the answers of one connection and settles the tickets, all that one read brings at once.
func (c *Client) receive(conn net.Conn) (answered bool, err error) {
	resp, err := readAnswer(newReader(conn), "POST", time.Now())
	if err != nil {
		if resp != nil { // a whole answer with a code: the node will not take anything from this client
			c.refused(err)
		}
		return false, c.peaceful(err)
	}
	c.box.mu.Lock()
	c.box.reached = true
	c.box.mu.Unlock()
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	var parser replyParser
	var replies []reply
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return answered, c.peaceful(err)
		}
		replies = replies[:0]
		for {
			r, err := parser.parse(line[:len(line)-1])
			if err != nil {
				return answered, err
			}
			replies = append(replies, r)
			if line = wholeLine(in); line == nil {
				break
			}
		}
		if err := c.settle(conn, replies); err != nil {
			return answered, err
		}
		answered = true
	}
}

// wholeLine gives the next line if it is in the buffer already. The slices of earlier lines stay valid: nothing is read.
func wholeLine(in *bufio.Reader) []byte {
	if in.Buffered() == 0 {
		return nil
	}
	b, _ := in.Peek(in.Buffered())
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil
	}
	in.Discard(i + 1)
	return b[:i+1]
}

// peaceful is err, or errPeace if nothing was under way when the connection ended.
func (c *Client) peaceful(err error) error {
	if c.box.empty() {
		return errPeace
	}
	return err
}

// settle gives the oldest tickets their answers, and wakes their publishers outside the lock. An answer that the message may
// be taken later is not final where the spool is on.
func (c *Client) settle(conn net.Conn, replies []reply) error {
	b := &c.box
	b.mu.Lock()
	if b.conn != conn {
		b.mu.Unlock()
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the connection was given up")
	}
	b.owesSince, b.lastErr = time.Now(), nil
	var err error
	n, freed := 0, 0
	front := b.sent
	for ; n < len(replies) && err == nil; n++ {
		if n == len(front) {
			err = fedmsg.Errorf(fedmsg.CodeInternal, "the node answered more than it was asked")
			break
		}
		t, r := front[n], &replies[n]
		if r.err == nil && string(r.id) != t.id {
			err = fedmsg.Errorf(fedmsg.CodeInternal, "the node answered out of order")
			break
		}
		if r.err != nil && c.spool != nil && fedmsg.CodeOf(r.err).Retryable() {
			err = c.spoolLater(r.err)
			break
		}
		r.receipt.ID = t.id
		r.wakes = !t.settled
		if r.wakes {
			t.settled, t.line, t.receipt, t.err = true, nil, r.receipt, r.err
		}
		freed += t.size
	}
	b.sent = front[n:]
	b.release(freed)
	b.mu.Unlock()
	for i, t := range front[:n] {
		if replies[i].wakes {
			close(t.done)
		}
		front[i] = nil
	}
	return err
}
