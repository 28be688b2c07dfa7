package zmtp

import (
	"context"
	"errors"
	"sync/atomic"
)

// errReplied says that a request has its reply.
var errReplied = errors.New("zmtp: the request was replied to already")

// Rep answers. Any REQ peer may ask it, directly or through proxies that put their envelopes in front, and any DEALER that makes
// the envelope itself: an empty frame before the request. What has no envelope is no request, and is passed over.
type Rep struct {
	*socket
	inbox  *inbox[*asker]
	boxes  outboxes
	handle func(*Request) // nil where Receive is called
}

// asker is a peer of a Rep.
type asker struct {
	peer Peer
	box  *outbox
}

// NewRep makes a Rep.
func NewRep(o Options) *Rep {
	r := &Rep{inbox: newInbox[*asker](o)}
	r.socket = newSocket(REP, o, r.serve)
	r.boxes.of(r.socket)
	return r
}

// serve is the life of one peer.
func (r *Rep) serve(c *Conn) {
	a := &asker{peer: c.Peer(), box: r.boxes.box(c, r.boxes.bell.ring)}
	keep := requests
	if r.handle != nil {
		keep = func(batch []Incoming) []Incoming {
			for _, in := range requests(batch) {
				r.received.Add(1)
				r.handle(r.request(in, a))
			}
			return nil
		}
	}
	l := r.inbox.lane(a)
	r.boxes.serveOne(c, a.box, func() { receive(c, l, keep) })
	l.forget() // nobody is there to be answered
}

// Handle has handle called for each request, instead of Receive: those of one peer one after the other, those of several at once.
// That saves a switch of goroutines for each request. But while it runs nothing is read from that peer, heartbeats neither: what
// takes seconds is better received. Close waits for it. It is set before the first Bind or Connect.
func (r *Rep) Handle(handle func(q *Request)) { r.handle = handle }

// requests gives those of a batch that have an envelope and something behind it.
func requests(batch []Incoming) []Incoming {
	n := 0
	for _, in := range batch {
		if e := envelope(in.Message); e > 0 && e < len(in.Message) {
			batch[n] = in
			n++
		}
	}
	return batch[:n]
}

// envelope tells how many frames of a message are its envelope: up to the first empty frame, with it. 0 says that it has none.
func envelope(m Message) int {
	for i, f := range m {
		if len(f) == 0 {
			return i + 1
		}
	}
	return 0
}

// Receive gives the next request, of the peers in turn. Several may be open at a time; each is replied to once, in any order.
// Any goroutine may call it.
func (r *Rep) Receive(ctx context.Context) (*Request, error) {
	in, from, err := r.inbox.take(ctx)
	if err != nil {
		return nil, err
	}
	return r.request(in, from), nil
}

func (r *Rep) request(in Incoming, from *asker) *Request {
	e := envelope(in.Message)
	return &Request{Message: in.Message[e:], From: from.peer, way: in.Message[:e:e], rep: r, box: from.box}
}

// Request is one request that waits for its reply. It may be left without one.
type Request struct {
	Message Message // without the envelope of the way
	From    Peer

	way     Message // the envelope
	rep     *Rep
	box     *outbox
	replied atomic.Bool
}

// Reply answers the request. It waits until the peer has room. ErrNoPeer says that who asked is gone. It keeps nothing of the
// frames. After an error that is the context's it may be called again.
func (q *Request) Reply(ctx context.Context, frames ...[]byte) error {
	if len(frames) == 0 {
		return errNoFrames
	}
	if q.replied.Swap(true) {
		return errReplied
	}
	err := q.rep.boxes.send(ctx, q.box, true, q.way, frames)
	if err != nil {
		q.replied.Store(false)
	}
	return err
}

// Close ends everything, waiting for replies that are queued as long as Options.Linger says, and for the goroutines. Requests
// that are open can no longer be replied to. It may be called several times.
func (r *Rep) Close() error {
	r.boxes.close()
	r.inbox.close()
	return r.socket.Close()
}

// Stats tells what it has done so far.
func (r *Rep) Stats() Stats {
	s := r.socket.Stats()
	s.Received += r.inbox.count()
	return s
}
