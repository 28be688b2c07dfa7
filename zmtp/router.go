package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
)

// Router receives with the name of the peer in front, and sends to the peer of that name.
//
// A peer that gives itself no identity has one made up for it: five bytes, the first of them 0, for as long as it is
// connected. A peer with the identity of one that is connected is turned away. What waits for a peer that goes away is lost.
type Router struct {
	*socket
	inbox *inbox[*routed]
	boxes outboxes
	peers map[string]*routed // by identity; guarded by boxes.mu, as last
	last  uint32             // the identity that was made up last
}

// routed is a peer of a Router.
type routed struct {
	peer     Peer
	identity []byte // as the application sees it
	box      *outbox
}

// NewRouter makes a Router.
func NewRouter(o Options) *Router {
	r := &Router{inbox: newInbox[*routed](o), peers: make(map[string]*routed), last: rand.Uint32()}
	r.socket = newSocket(ROUTER, o, r.serve)
	r.boxes.of(r.socket)
	return r
}

// Receive gives the next message; its first frame is the peer's identity, its own or one that was made up. from is the peer.
// Any goroutine may call it.
func (r *Router) Receive(ctx context.Context) (m Message, from Peer, err error) {
	in, p, err := r.inbox.take(ctx)
	if err != nil {
		return nil, Peer{}, err
	}
	m = make(Message, 0, 1+len(in.Message))
	m = append(m, bytes.Clone(p.identity))
	return append(m, in.Message...), p.peer, nil
}

// Send sends to the peer that the first frame names; it waits until that has room. ErrNoPeer says that there is none. It keeps
// nothing of the frames. Any goroutine may call it.
func (r *Router) Send(ctx context.Context, frames ...[]byte) error {
	if len(frames) < 2 {
		return errNoFrames
	}
	r.boxes.mu.Lock()
	p, closed := r.peers[string(frames[0])], r.boxes.closed
	r.boxes.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case p == nil:
		return ErrNoPeer
	}
	return r.boxes.send(ctx, p.box, false, nil, frames[1:])
}

// serve is the life of one peer.
func (r *Router) serve(c *Conn) {
	p := &routed{peer: c.Peer(), box: r.boxes.box(c, r.boxes.bell.ring)}
	if !r.join(p) {
		c.end(refused("the identity %s is another's", quote(string(p.identity))))
		return
	}
	r.boxes.serveOne(c, p.box, func() { receive(c, lastingLane(c, r.inbox, p), nil) })
	r.boxes.mu.Lock()
	delete(r.peers, string(p.identity))
	r.boxes.mu.Unlock()
}

// join makes a peer known by its identity; false if there is another of that name.
func (r *Router) join(p *routed) bool {
	r.boxes.mu.Lock()
	defer r.boxes.mu.Unlock()
	if p.identity = p.peer.Identity; len(p.identity) == 0 || p.identity[0] == 0 {
		p.identity = r.makeUp()
	}
	if r.peers[string(p.identity)] != nil {
		return false
	}
	r.peers[string(p.identity)] = p
	return true
}

// makeUp makes an identity that no peer has. The caller has the lock.
func (r *Router) makeUp() []byte {
	for {
		r.last++
		id := binary.BigEndian.AppendUint32([]byte{0}, r.last)
		if r.peers[string(id)] == nil {
			return id
		}
	}
}

// Close ends everything, waiting for what is queued to be sent as long as Options.Linger says, and for the goroutines. What was
// not received yet is lost. It may be called several times.
func (r *Router) Close() error {
	r.boxes.close()
	r.inbox.close()
	return r.socket.Close()
}

// Stats tells what it has done so far.
func (r *Router) Stats() Stats {
	s := r.socket.Stats()
	s.Received = r.inbox.count()
	return s
}
