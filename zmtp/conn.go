package zmtp

import (
	"errors"
	"net"
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
	Key      []byte // public key of a CURVE client, 32 bytes
	UID      int    // user of the process at the other end of a unix socket; -1 where it is not known
}

// Conn is one connection whose handshake is done. One goroutine at a time may be in Receive, one in a Write; Close may be
// called by any.
type Conn struct{ nc net.Conn }

// Incoming is one thing that a peer sent.
type Incoming struct {
	// Message is the frames. Of a subscription it has one, the prefix.
	Message Message
	// Subscribe and Cancel tell that it is a subscription, or the end of one.
	Subscribe, Cancel bool
}

// ErrClosed is what calls give after Close.
var ErrClosed = errors.New("zmtp: closed")

// Peer tells who is at the other end.
func (c *Conn) Peer() Peer { panic("not built") }

// Receive waits for something from the peer and appends to batch what has come, at least one and at most as many as there is
// room for without growing it (one, if there is no room). It answers heartbeats, and asks for them. An error ends the
// connection.
func (c *Conn) Receive(batch []Incoming) ([]Incoming, error) { panic("not built") }

// Write writes messages as [AppendMessage] makes them, with one system call where the connection takes them. It returns when
// the last byte is with the system, or after Options.WriteTimeout without progress, or Close. encoded is not kept or changed.
func (c *Conn) Write(encoded []byte) error { panic("not built") }

// WriteBuffers is Write of several pieces, each whole messages, without putting them together first. The slice is consumed.
func (c *Conn) WriteBuffers(pieces net.Buffers) error { panic("not built") }

// Subscribe tells a PUB or XPUB peer what is wanted, or no longer, in the form that its version asks for.
func (c *Conn) Subscribe(prefix []byte, cancel bool) error { panic("not built") }

// Close ends the connection at once. Calls that wait return.
func (c *Conn) Close() error { return c.nc.Close() }

// AppendMessage appends the frames as one message to dst, as it stands on the wire where nothing is encrypted.
func AppendMessage(dst []byte, frames ...[]byte) []byte { panic("not built") }

// ErrNoPeer says that the one to send to is not connected.
var ErrNoPeer = errors.New("zmtp: no such peer")
