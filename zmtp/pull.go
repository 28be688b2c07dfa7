package zmtp

import "context"

// Pull receives from its peers in turn.
type Pull struct {
	*socket
	inbox *inbox[Peer]
}

// NewPull makes a Pull.
func NewPull(o Options) *Pull {
	p := &Pull{inbox: newInbox[Peer](o)}
	p.socket = newSocket(PULL, o, func(c *Conn) { receive(c, laneOf(c, p.inbox, c.Peer()), nil) })
	return p
}

// Receive gives the next message. Any goroutine may call it.
func (p *Pull) Receive(ctx context.Context) (Message, error) {
	in, _, err := p.inbox.take(ctx)
	return in.Message, err
}

// Close ends everything; what was not received yet is lost. It may be called several times.
func (p *Pull) Close() error {
	p.inbox.close()
	return p.socket.Close()
}

// Stats tells what it has done so far.
func (p *Pull) Stats() Stats {
	s := p.socket.Stats()
	s.Received = p.inbox.count()
	return s
}
