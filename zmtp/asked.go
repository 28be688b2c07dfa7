package zmtp

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// errNoReply says that a peer's reply lacks its envelope.
var errNoReply = errors.New("the reply has no envelope")

// errUnsent says that a request was not sent, since the connection had ended or was no good.
var errUnsent = errors.New("zmtp: the request was not sent")

// lendTime is how long after the last request the peer's goroutine reads again. Until then, or twice that, nobody hears of the
// end of the connection, or of its heartbeats.
const lendTime = 100 * time.Millisecond

// asked is a peer of a Req.
//
// While requests follow each other, who asks reads the reply from the connection: a switch of goroutines would cost a fifth of
// the time. Before the first one, and when no more have come for a while, the goroutine of the peer reads, so that the end of
// the connection is noticed.
type asked struct {
	c     *Conn
	box   *outbox
	gone  chan struct{} // closed when the connection has ended
	cause error         // why it did; set before gone is closed

	lent  chan struct{} // has a token while the connection is there to be read by who asks
	used  atomic.Bool   // it was, since the peer's goroutine looked
	batch []Incoming    // of who reads

	// waits says that a request is open whose reply the peer's goroutine reads. What comes without is passed over.
	waits atomic.Bool
	reply chan Message // has room for one
}

func newAsked(c *Conn, box *outbox) *asked {
	return &asked{
		c: c, box: box, gone: make(chan struct{}), lent: make(chan struct{}, 1), batch: make([]Incoming, 0, 1),
		reply: make(chan Message, 1),
	}
}

// ask makes one request of this peer.
func (p *asked) ask(ctx context.Context, frames [][]byte) (Message, error) {
	select {
	case <-p.lent:
		defer func() { p.lent <- struct{}{} }()
		return p.askAndRead(ctx, frames)
	default:
	}
	p.waits.Store(true)
	// Nothing waits in the outbox, since the last request has its reply; so there is room.
	if p.box.put(true, delimiter, frames) != taken {
		return nil, errUnsent
	}
	select {
	case m := <-p.reply:
		return m, nil
	case <-p.gone:
		return nil, p.noReply(p.cause)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// askAndRead makes a request and reads the reply itself.
func (p *asked) askAndRead(ctx context.Context, frames [][]byte) (Message, error) {
	p.used.Store(true)
	if p.c.passOver() != nil || p.box.put(true, delimiter, frames) != taken {
		return nil, errUnsent
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { p.c.Close() })
		defer stop()
	}
	got, err := p.c.Receive(p.batch)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, p.noReply(err)
	}
	m := got[0].Message
	clear(got)
	if !isReply(m) {
		return nil, p.noReply(errNoReply)
	}
	return m[1:], nil
}

func (p *asked) noReply(cause error) error {
	return fmt.Errorf("zmtp: the reply of %s did not come: %w", p.c.Peer(), cause)
}

// isReply reports whether a message has the envelope that the request had, and something in it.
func isReply(m Message) bool { return len(m) > 1 && len(m[0]) == 0 }

// read takes replies until the connection ends.
func (p *asked) read() error {
	for {
		got, err := p.c.Receive(p.batch)
		if err != nil {
			return err
		}
		m := got[0].Message
		clear(got)
		if !p.waits.CompareAndSwap(true, false) {
			continue
		}
		if !isReply(m) {
			return errNoReply
		}
		p.lent <- struct{}{} // before the reply, so that the next request finds it
		p.reply <- m[1:]
		p.lend()
	}
}

// lend lets who asks read, as long as there are requests.
func (p *asked) lend() {
	look := time.NewTicker(lendTime)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-p.c.ended:
			<-p.lent // who reads hears of it too
			return
		}
		if p.used.Swap(false) {
			continue
		}
		select {
		case <-p.lent:
			return
		default: // it takes long
		}
	}
}
