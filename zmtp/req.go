package zmtp

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// delimiter is the envelope of a request on its first way.
var delimiter = Message{{}}

// Req asks one of its peers at a time.
type Req struct {
	*socket
	turn   chan struct{} // has a token while nobody asks
	closed chan struct{}
	boxes  outboxes
	list   []*asked // connected peers, the one to ask next in front; guarded by boxes.mu
	once   sync.Once
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
	for {
		var p *asked
		err := r.boxes.until(ctx, func() (ok bool, err error) {
			p, err = r.next()
			return p != nil, err
		})
		if err != nil {
			return nil, err
		}
		m, err := p.ask(ctx, frames)
		if err == nil {
			r.received.Add(1)
			return m, nil
		}
		r.forget(p)
		p.c.Close()
		if !errors.Is(err, errUnsent) {
			return nil, err
		}
	}
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

// serve is the life of one peer.
func (r *Req) serve(c *Conn) {
	p := newAsked(c, r.boxes.box(c, r.boxes.bell.ring))
	r.boxes.mu.Lock()
	r.list = append(r.list, p)
	r.boxes.mu.Unlock()
	r.boxes.serveOne(c, p.box, func() {
		p.cause = p.read()
		r.forget(p)
		close(p.gone)
	})
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
