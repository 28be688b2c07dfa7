package zmtp

import "context"

// Dealer sends to its peers in turn and receives from them in turn. What waits for a peer that goes away is given to another, or
// kept for the next to come; what was written to its connection and did not arrive is lost.
type Dealer struct {
	*socket
	peers *balancer
	inbox *inbox[Peer]
}

// NewDealer makes a Dealer.
func NewDealer(o Options) *Dealer {
	d := &Dealer{inbox: newInbox[Peer](o)}
	d.socket = newSocket(DEALER, o, func(c *Conn) { d.peers.serve(c, func() { receive(c, laneOf(c, d.inbox, c.Peer()), nil) }) })
	d.peers = newBalancer(d.socket)
	return d
}

// Send waits until a peer has room. It keeps nothing of the frames. Any goroutine may call it.
func (d *Dealer) Send(ctx context.Context, frames ...[]byte) error { return d.peers.send(ctx, frames) }

// Receive gives the next message. Any goroutine may call it.
func (d *Dealer) Receive(ctx context.Context) (Message, error) {
	in, _, err := d.inbox.take(ctx)
	return in.Message, err
}

// Close ends everything, waiting for what is queued to be sent as long as Options.Linger says, and for the goroutines. What was
// not received yet is lost. It may be called several times.
func (d *Dealer) Close() error {
	d.peers.close()
	d.inbox.close()
	return d.socket.Close()
}

// Stats tells what it has done so far.
func (d *Dealer) Stats() Stats {
	s := d.socket.Stats()
	s.Received = d.inbox.count()
	return s
}
