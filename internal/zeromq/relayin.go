package zeromq

import (
	"context"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// relayBatch bounds the messages of one old publisher that are on their way to the disk together.
const relayBatch = 256

// relaySocket is a socket that old publishers connect to, as they did to the relay: the node subscribes to all that they say.
// Each peer has its own goroutine and one batch under way, so that one that is held back holds no other.
type relaySocket struct {
	setup
	listener *zmtp.Listener
	intake   *intake

	open  context.Context    // ends when the edge stops: then nothing is tried again
	cease context.CancelFunc // ends open
	begun atomic.Bool        // run was called
	done  chan struct{}      // closed when run has nothing left to do
}

// openRelayIn opens a socket that old publishers connect to.
func openRelayIn(u setup) (edge, error) {
	ln, err := u.listen(zmtp.SUB)
	if err != nil {
		return nil, err
	}
	door := u.deps.Door(u.verify, false)
	r := &relaySocket{setup: u, listener: ln, done: make(chan struct{}), intake: &intake{live: door, replayed: door, counts: u.counts, logger: u.calm}}
	r.open, r.cease = context.WithCancel(context.Background())
	return r, nil
}

// run takes what peers send until stop.
func (r *relaySocket) run() error {
	r.begun.Store(true)
	defer close(r.done)
	return r.listener.Serve(func(c *zmtp.Conn) {
		r.counts.peers.Inc()
		defer r.counts.peers.Dec()
		if err := r.receive(c); err != nil {
			r.calm.Warn("messages of a publisher are lost", "peer", c.Peer().Address, "error", err)
		}
	})
}

// receive hands on what one peer sends, until it is gone. An error says that messages were lost.
func (r *relaySocket) receive(c *zmtp.Conn) error {
	if c.Subscribe(nil, false) != nil {
		return nil // it is gone already
	}
	from := r.from(c.Peer())
	batch, arrivals := make([]zmtp.Incoming, 0, relayBatch), make([]arrival, 0, relayBatch)
	for {
		var gone error
		batch, gone = c.Receive(batch[:0])
		for i := range batch {
			arrivals = append(arrivals, arrival{from: from, frames: batch[i].Message})
		}
		if len(arrivals) > 0 {
			if err := r.intake.take(r.open, arrivals); err != nil {
				return err
			}
		}
		if gone != nil {
			return nil
		}
		clear(batch) // so that a peer that falls silent keeps nothing of its last messages alive
		clear(arrivals)
		arrivals = arrivals[:0]
	}
}

// from is who a peer is to the door. A name that the operator gave the endpoint says only on which way its messages came.
func (r *relaySocket) from(p zmtp.Peer) fedmsg.Sender {
	switch {
	case r.curve:
		return fedmsg.Sender{Kind: fedmsg.SenderCurve, Name: p.User}
	case r.sender != "":
		return fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: r.sender}
	case r.loopback:
		return fedmsg.Sender{Kind: fedmsg.SenderLoopback}
	}
	return fedmsg.Sender{Kind: fedmsg.SenderZeroMQ} // without a name: only what a signer signed may pass
}

// addr is where it listens.
func (r *relaySocket) addr() string { return r.listener.URI() }

// checks warns while messages wait.
func (r *relaySocket) checks() []ops.Check { return r.intake.checks("zeromq-relay-in", r.address) }

// stop ends the connections and waits until what has come of them is decided.
func (r *relaySocket) stop(ctx context.Context) error {
	r.cease()
	err := r.listener.Close()
	if !r.begun.Load() {
		return err
	}
	select {
	case <-r.done:
		return err
	case <-ctx.Done():
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s does not stop: what came there is not stored yet", r.endpoint)
	}
}
