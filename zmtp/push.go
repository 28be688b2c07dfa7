package zmtp

import "context"

// Push hands each message to one of its peers, in turn. What waits for a peer that goes away is given to another, or kept for
// the next to come; what was written to its connection and did not arrive is lost.
type Push struct {
	*socket
	peers *balancer
}

// NewPush makes a Push.
func NewPush(o Options) *Push {
	p := new(Push)
	p.socket = newSocket(PUSH, o, func(c *Conn) { p.peers.serve(c, func() { discard(c) }) })
	p.peers = newBalancer(p.socket)
	return p
}

// Send waits until a peer has room. It keeps nothing of the frames. Any goroutine may call it.
func (p *Push) Send(ctx context.Context, frames ...[]byte) error { return p.peers.send(ctx, frames) }

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (p *Push) Close() error {
	p.peers.close()
	return p.socket.Close()
}
