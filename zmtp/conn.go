package zmtp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Peer is who is at the other end of a connection.
type Peer struct {
	Address  string // HOST:PORT, or empty for a unix socket
	Endpoint string // the URI that this side bound or connected to
	Type     SocketType
	Identity []byte
	Major    int // version of ZMTP that is spoken: 3 or 2
	Minor    int
	User     string // as the authoriser of this side named it
	Key      []byte // long-term public key of a CURVE peer, 32 bytes; nil of others
	UID      int    // user of the process at the other end of a unix socket; -1 where it is not known
}

// String names the peer in errors and logs.
func (p Peer) String() string {
	switch {
	case p.Address == "" && p.UID >= 0: // of a unix socket, where the other end has no address
		if p.User != "" {
			return fmt.Sprintf("%s (uid %d)", p.User, p.UID)
		}
		return fmt.Sprintf("uid %d", p.UID)
	case p.Address == "":
		return p.Endpoint
	case p.User != "":
		return p.User + " at " + p.Address
	}
	return p.Address
}

// Conn is one connection whose handshake is done. One goroutine at a time may be in Receive, one in a Write; Close may be
// called by any. Somebody has to call Receive, also where nothing is awaited: heartbeats are answered there, and the end of the
// connection is noticed.
type Conn struct {
	nc    net.Conn
	peer  Peer
	local SocketType
	link  *link // what made it again and again; nil of others
	// behind is where what it sent waits, beyond its end; nil where that is bounded otherwise. It is of the goroutine that serves.
	behind interface{ drain(over <-chan struct{}) }
	// cipher is nil where frames go as they are.
	cipher cipher

	in  input    // of the goroutine in Receive
	msg assembly // of the goroutine in Receive
	out output
	// beat is of the goroutine in Receive.
	beat   heartbeat
	broken error // of the goroutine in Receive: the fault that it found

	cause atomic.Pointer[error] // why the connection ended
	ended chan struct{}         // closed when it has
}

// newConn makes a connection that has not yet greeted. o has its defaults.
func newConn(nc net.Conn, endpoint string, t SocketType, o *Options) *Conn {
	c := &Conn{nc: nc, local: t, ended: make(chan struct{})}
	c.peer = Peer{Endpoint: endpoint, UID: peerUID(nc)}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.peer.Address = a.String()
	}
	c.in.nc = nc
	c.msg.maxBytes, c.msg.maxFrames = o.MaxMessage, o.MaxFrames
	c.out.timeout = o.WriteTimeout
	c.beat.every, c.beat.timeout = o.Heartbeat, o.HeartbeatTimeout
	return c
}

// handshake makes the connection ready, within the time of HandshakeTimeout.
func (c *Conn) handshake(o *Options) error {
	if err := c.nc.SetDeadline(time.Now().Add(o.HandshakeTimeout)); err != nil {
		return c.failure(err)
	}
	err := c.greet(o)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the handshake was not done in %v: %w", o.HandshakeTimeout, os.ErrDeadlineExceeded)
	}
	if err != nil {
		return c.failure(err)
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return c.failure(err)
	}
	c.beat.start(c)
	return nil
}

// Peer tells who is at the other end.
func (c *Conn) Peer() Peer { return c.peer }

// Close ends the connection at once. Calls that wait return.
func (c *Conn) Close() error {
	c.end(ErrClosed)
	return nil
}

// end ends the connection. The first cause is what calls give from then on.
func (c *Conn) end(cause error) {
	if c.cause.CompareAndSwap(nil, &cause) {
		c.nc.Close()
		close(c.ended)
	}
}

// failure ends the connection and is the error to give: why it ended first, not what followed from that.
func (c *Conn) failure(err error) error {
	c.end(err)
	cause := *c.cause.Load()
	if errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("zmtp: %s: %w", c.peer, networkError(cause))
}
