package zmtp

import (
	"context"
	"sync"
)

// Pub sends each message to the subscribers that want it. Messages are encoded once, into memory that all subscribers are
// written from, each as fast as it takes them.
//
// A subscriber that is more than Options.SendLimit messages or SendBytes behind what is sent, to anybody, misses the oldest of
// those it has not got, which is counted, unless Blocking is set. That differs from libzmq, whose limit is for each peer's own
// messages, and whose peers miss the newest: here who was slow goes on with what is recent. A message counts in Stats.Sent and
// Dropped once for each subscriber.
type Pub struct {
	*socket
	ring   *ring
	heeded func(Incoming) // hears of each change of what a peer wants; nil if nobody does

	changed     bell // rings when there are more subscribers
	mu          sync.Mutex
	subscribers int // that want something; guarded by mu
}

// NewPub makes a Pub.
func NewPub(o Options) *Pub { return newPub(PUB, o, func(p *Pub, c *Conn) { p.serve(c, heedOnly) }) }

func newPub(t SocketType, o Options, serve func(*Pub, *Conn)) *Pub {
	p := &Pub{ring: newRing(o)}
	p.socket = newSocket(t, o, func(c *Conn) { serve(p, c) })
	p.drain = p.ring.drained
	return p
}

// Blocking makes Send wait for the slowest subscriber instead of letting it miss messages. One that takes nothing at all is cut
// off after Options.WriteTimeout. It is set before the first Bind or Connect.
func (p *Pub) Blocking(on bool) { p.ring.blocking = on }

// Send hands a message to all subscribers whose prefixes its first frame begins with. It keeps nothing of the frames. It does
// not wait for peers, unless Blocking is set. Any goroutine may call it.
func (p *Pub) Send(ctx context.Context, frames ...[]byte) error { return p.ring.send(ctx, frames) }

// WaitSubscribers returns when at least n peers have each subscribed to something, or with the error of ctx.
func (p *Pub) WaitSubscribers(ctx context.Context, n int) error {
	for {
		heard := p.changed.heard()
		p.mu.Lock()
		enough := p.subscribers >= n
		p.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-heard:
		case <-p.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (p *Pub) Close() error {
	p.ring.close()
	return p.socket.Close()
}

// Stats tells what it has done so far.
func (p *Pub) Stats() Stats {
	s := p.socket.Stats()
	s.Sent, s.Dropped = p.ring.counts()
	return s
}

// serve writes to a peer what it wants while read reads from it, which hands all that comes to keep.
func (p *Pub) serve(c *Conn, read func(c *Conn, keep func([]Incoming) []Incoming)) {
	s := &subscriber{p: p, c: c, cursor: p.ring.join()}
	var walk sync.WaitGroup
	walk.Go(func() { s.cursor.walk(c) })
	read(c, s.heed)
	c.Close()
	s.cursor.leave()
	walk.Wait()
	s.forget()
}

// heedOnly reads from a peer that has nothing to say but what it wants.
func heedOnly(c *Conn, keep func([]Incoming) []Incoming) {
	batch := make([]Incoming, 0, 16)
	for {
		got, err := c.Receive(batch)
		keep(got)
		clear(got)
		if err != nil {
			return
		}
	}
}

// subscriber is one peer of a Pub.
type subscriber struct {
	p      *Pub
	c      *Conn
	cursor *cursor
}

// heed does what the peer asks for, and gives what is something else.
func (s *subscriber) heed(batch []Incoming) []Incoming {
	rest := batch[:0]
	for _, i := range batch {
		if !i.Subscribe && !i.Cancel {
			rest = append(rest, i)
			continue
		}
		if err := s.change(i); err != nil {
			s.c.end(err)
			break
		}
	}
	return rest
}

func (s *subscriber) change(i Incoming) error {
	s.cursor.mu.Lock()
	changed, err := s.cursor.prefixes.Heed(i, s.p.o)
	n := s.cursor.prefixes.Len()
	s.cursor.mu.Unlock()
	if !changed {
		return err
	}
	if i.Cancel {
		s.p.count(-1, n == 0)
	} else {
		s.p.count(1, n == 1)
	}
	if s.p.heeded != nil {
		s.p.heeded(i)
	}
	return nil
}

// forget takes back all that a peer wanted, which is gone.
func (s *subscriber) forget() {
	n := s.cursor.prefixes.Len()
	s.p.count(-n, n > 0)
	if s.p.heeded != nil {
		for prefix := range s.cursor.prefixes.All() {
			s.p.heeded(Incoming{Message: Message{prefix}, Cancel: true})
		}
	}
}

// count counts subscriptions that a peer has more than before. whole says that it had none, or now has none.
func (p *Pub) count(subscriptions int, whole bool) {
	p.subscriptions.Add(int64(subscriptions))
	if !whole {
		return
	}
	p.mu.Lock()
	if subscriptions > 0 {
		p.subscribers++
	} else {
		p.subscribers--
	}
	p.mu.Unlock()
	p.changed.ring()
}
