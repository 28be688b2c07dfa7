package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

const (
	// pushChunk is how many bytes of lines are gathered before they are written without being asked.
	pushChunk = 64 << 10
	// pushKept is for how many entries the list of a push keeps its memory while nothing is sent.
	pushKept = 1024
	// pushEnd is how long it may take to say to the node that a push ends.
	pushEnd = time.Second
)

// PushOptions says who hears what becomes of what a [Push] sends. Both functions must be set. One goroutine calls them; they must
// not call Close.
type PushOptions struct {
	// Answered is called with entries in the order in which they were sent, and what became of each: a receipt of the node to
	// which they went, or its refusal. The slices are the callee's until it returns.
	Answered func(entries []*fedmsg.Entry, outcomes []fedmsg.Outcome)
	// Ended is called once, when the node can answer nothing more; not because of Close. What was not answered may be stored or not.
	Ended func(err error)
}

// Push passes entries of one log on to another node: envelope, signatures and origin stay as they are, to the byte. It is one
// request that lasts as long as the connection. It sends nothing twice: whoever sees it end decides what goes into the next.
// One goroutine at a time uses it.
type Push struct {
	c    *Client
	o    PushOptions
	conn net.Conn
	late bool            // the node takes what waited, whatever its age
	ctx  context.Context // ends with Close
	end  context.CancelFunc
	gone chan struct{} // closed by the goroutine that reads the answers, at its end

	buf   []byte          // chunkHead and the lines that were not written; nil while there are none
	fresh []*fedmsg.Entry // whose lines these are

	mu       sync.Mutex
	sent     []*fedmsg.Entry // in order; guarded by mu
	answered int             // so many of these, at the beginning, are answered and forgotten; guarded by mu
}

// Push connects and returns when the node takes messages. They are sent as some that waited, whose age is not held against
// them where the node's endpoint allows that.
func (c *Client) Push(ctx context.Context, o PushOptions) (*Push, error) {
	conn, e, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	answer, err := c.beginPush(conn, e)
	if !stop() {
		err = fedmsg.WrapError(fedmsg.CodeUnavailable, ctx.Err(), "the connection to %s was given up", e.uri)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	p := &Push{c: c, o: o, conn: conn, late: answer.Header.Get(replayingHeader) == "yes", gone: make(chan struct{})}
	p.ctx, p.end = context.WithCancel(c.ctx)
	c.wg.Go(func() {
		defer close(p.gone)
		defer context.AfterFunc(c.ctx, func() { conn.Close() })()
		p.receive(answer.Body, e.uri)
	})
	return p, nil
}

// replayingHeader is where a node says whether the age of what waited is held against it: no or yes, and nothing of old nodes.
const replayingHeader = "Fedmsg-Replaying"

// Replaying reports whether the node does not hold their age against the messages of this push. What it refuses as stale all the same
// is older than what its log still knows, and will be refused for ever.
func (p *Push) Replaying() bool { return p.late }

// beginPush sends the head of the request and gives the answer, whose body is still to come.
func (c *Client) beginPush(conn net.Conn, e endpoint) (*http.Response, error) {
	began := time.Now()
	conn.SetDeadline(began.Add(c.o.Timeout))
	fields := "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
	if _, err := conn.Write(c.head(e, "POST", spooledPath, fields)); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to %s broke", e.uri)
	}
	resp, err := readAnswer(bufio.NewReader(conn), "POST", began)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return resp, nil
}

// Send puts an entry, which nobody changes until it is answered, behind those before it. It is written when there is a chunk
// of them, or by Flush. The error says that the push is over.
func (p *Push) Send(ctx context.Context, e *fedmsg.Entry) error {
	if p.buf == nil {
		p.buf = append(p.c.pushBuffers.get(), make([]byte, chunkHead)...)
	}
	p.buf = append(e.AppendJSON(p.buf), '\n')
	p.fresh = append(p.fresh, e)
	if len(p.buf) < pushChunk {
		return nil
	}
	return p.Flush(ctx)
}

// Flush writes what was not written. It returns soon after ctx has ended; the push is over then.
func (p *Push) Flush(ctx context.Context) error {
	if len(p.fresh) == 0 {
		return nil
	}
	p.mu.Lock()
	p.sent = append(p.sent, p.fresh...)
	p.mu.Unlock()
	clear(p.fresh)
	p.fresh = p.fresh[:0]
	chunk := closeChunk(p.buf)
	p.buf = nil
	stop := context.AfterFunc(ctx, func() { p.conn.SetWriteDeadline(time.Unix(1, 0)) })
	_, err := p.conn.Write(chunk)
	stop()
	p.c.pushBuffers.put(chunk)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to the node broke")
	}
	return nil
}

// Close ends the push and waits for its goroutine: behind it neither function of the options is called. Close of the Client ends
// the push too.
func (p *Push) Close() error {
	p.end()
	p.mu.Lock()
	answered := p.answered == len(p.sent)
	p.mu.Unlock()
	if answered { // the node need not take it for a publisher that broke off
		p.conn.SetWriteDeadline(time.Now().Add(pushEnd))
		io.WriteString(p.conn, "0\r\n\r\n")
	}
	p.conn.Close()
	<-p.gone
	return nil
}

// receive reads the answers until there are no more.
func (p *Push) receive(body io.Reader, uri string) {
	err := p.answers(bufio.NewReaderSize(body, 16<<10))
	p.conn.Close() // the writer may be in Write
	if p.ctx.Err() != nil {
		return
	}
	if err == io.EOF {
		err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the node at %s takes no more over this connection: it stops, or heard nothing for too long", uri)
	} else if _, known := errors.AsType[*fedmsg.Error](err); !known {
		err = fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the connection to %s broke", uri)
	}
	p.o.Ended(err)
}

// answers hands on what the node answers. The error is never nil.
func (p *Push) answers(in *bufio.Reader) error {
	var parser replyParser
	var outcomes []fedmsg.Outcome
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		outcomes = outcomes[:0]
		for line != nil {
			r, err := parser.parse(line[:len(line)-1])
			if err != nil {
				return err
			}
			r.receipt.ID = string(r.id)
			outcomes = append(outcomes, fedmsg.Outcome{Receipt: r.receipt, Err: r.err})
			line = wholeLine(in)
		}
		if err := p.settle(outcomes); err != nil {
			return err
		}
	}
}

// settle gives the oldest entries their outcomes, as far as they are in order.
func (p *Push) settle(outcomes []fedmsg.Outcome) error {
	p.mu.Lock()
	front := p.sent[p.answered:]
	p.mu.Unlock()
	n := 0
	for n < len(outcomes) && n < len(front) && (outcomes[n].Err != nil || outcomes[n].Receipt.ID == front[n].ID) {
		n++
	}
	if n > 0 && p.ctx.Err() == nil {
		p.o.Answered(front[:n], outcomes[:n])
	}
	p.forget(n)
	switch {
	case n == len(outcomes):
		return nil
	case n == len(front):
		return fedmsg.Errorf(fedmsg.CodeInternal, "the node answered more than it was asked")
	}
	return fedmsg.Errorf(fedmsg.CodeInternal, "the node answered out of order: for %s where %s was next", outcomes[n].Receipt.ID, front[n].ID)
}

// forget lets go of the n oldest entries, and makes room where many were answered.
func (p *Push) forget(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.sent[p.answered : p.answered+n])
	p.answered += n
	switch {
	case p.answered == len(p.sent) && cap(p.sent) > pushKept:
		p.sent, p.answered = nil, 0
	case p.answered == len(p.sent) || p.answered > len(p.sent)/2:
		left := copy(p.sent, p.sent[p.answered:])
		clear(p.sent[left:])
		p.sent, p.answered = p.sent[:left], 0
	}
}

// pushBuffers lends buffers for the lines of pushes. The zero value is ready.
type pushBuffers struct{ pool sync.Pool } // of *[]byte

func (b *pushBuffers) get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return (*buf)[:0]
	}
	return make([]byte, 0, 4<<10)
}

func (b *pushBuffers) put(buf []byte) {
	if cap(buf) <= 4*pushChunk {
		b.pool.Put(&buf)
	}
}
