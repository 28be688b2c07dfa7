package zmtp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// delimiter is the envelope of a request on its first way.
var delimiter = Message{{}}

// errNoReply says that a peer's reply lacks its envelope.
var errNoReply = errors.New("the reply has no envelope")

// Req asks one of its peers at a time.
type Req struct {
	*socket
	turn   chan struct{} // has a token while nobody asks
	closed chan struct{}
	boxes  outboxes
	list   []*asked // connected peers, the one to ask next in front; guarded by boxes.mu
	once   sync.Once
}

// asked is a peer of a Req.
type asked struct {
	c    *Conn
	box  *outbox
	gone chan struct{} // closed when the connection has ended
	// waits says that a request is open: the next message is its reply. Others are passed over.
	waits atomic.Bool
	reply chan Message // has room for one
	cause error        // why the connection ended; set before gone is closed
}

// NewReq makes a Req.
func NewReq(o Options) *Req {
	r := &Req{turn: make(chan struct{}, 1), closed: make(chan struct{})}
	r.turn <- struct{}{}
	r.socket = newSocket(REQ, o, r.serve)
	r.boxes.s = r.socket // nothing is drained: a request without its reply is no use
	return r
}

// Do sends a request to the next peer and waits for the reply. Where nobody is connected it waits for that first. After an error
// the peer's connection is given up and made again, so that a late reply is never taken for that of another request; whether the
// peer has done what it was asked is not known then. It keeps nothing of the frames. Several goroutines take turns.
func (r *Req) Do(ctx context.Context, frames ...[]byte) (Message, error) {
	if len(frames) == 0 {
		return nil, errNoFrames
	}
	select {
	case <-r.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.closed:
		return nil, ErrClosed
	}
	defer func() { r.turn <- struct{}{} }()
	var p *asked
	err := r.boxes.until(ctx, func() (ok bool, err error) {
		p, err = r.next()
		return p != nil, err
	})
	if err != nil {
		return nil, err
	}
	m, err := p.ask(ctx, frames)
	if err != nil {
		r.forget(p)
		p.c.Close()
		return nil, err
	}
	r.received.Add(1)
	return m, nil
}

// next gives the peer whose turn it is; nil if none is connected.
func (r *Req) next() (*asked, error) {
	r.boxes.mu.Lock()
	defer r.boxes.mu.Unlock()
	if r.boxes.closed {
		return nil, ErrClosed
	}
	if len(r.list) == 0 {
		return nil, nil
	}
	p := r.list[0]
	copy(r.list, r.list[1:])
	r.list[len(r.list)-1] = p
	return p, nil
}

// ask makes one request of this peer.
func (p *asked) ask(ctx context.Context, frames [][]byte) (Message, error) {
	p.waits.Store(true)
	// Nothing waits in the outbox, since the last request has its reply; so there is room.
	p.box.put(true, delimiter, frames)
	select {
	case m := <-p.reply:
		return m, nil
	case <-p.gone:
		return nil, fmt.Errorf("zmtp: the reply of %s did not come: %w", p.c.Peer(), p.cause)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve is the life of one peer.
func (r *Req) serve(c *Conn) {
	p := &asked{c: c, box: r.boxes.box(c, r.boxes.bell.ring), gone: make(chan struct{}), reply: make(chan Message, 1)}
	r.boxes.mu.Lock()
	r.list = append(r.list, p)
	r.boxes.mu.Unlock()
	r.boxes.serveOne(c, p.box, func() {
		p.cause = p.read()
		r.forget(p)
		close(p.gone)
	})
}

// read takes replies until the connection ends.
func (p *asked) read() error {
	batch := make([]Incoming, 0, 1)
	for {
		got, err := p.c.Receive(batch)
		for _, in := range got {
			if !p.waits.CompareAndSwap(true, false) {
				continue
			}
			if len(in.Message) < 2 || len(in.Message[0]) > 0 {
				return errNoReply
			}
			p.reply <- in.Message[1:]
		}
		if err != nil {
			return err
		}
		clear(got)
	}
}

// forget has a peer asked no more.
func (r *Req) forget(p *asked) {
	r.boxes.mu.Lock()
	defer r.boxes.mu.Unlock()
	r.list = slices.DeleteFunc(r.list, func(other *asked) bool { return other == p })
}

// Close ends everything, open requests too, and waits for the goroutines. It may be called several times.
func (r *Req) Close() error {
	r.once.Do(func() { close(r.closed) })
	r.boxes.close()
	return r.socket.Close()
}
