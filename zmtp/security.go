package zmtp

import "io"

// Security is a mechanism with this side's part in it: [PlainClient], [PlainServer], [CurveClient] or [CurveServer]. The part
// does not depend on who binds. A Security may be shared by sockets.
type Security interface {
	// mechanism is the name in the greeting, at most 20 bytes of upper case, and whether this side is the server.
	mechanism() (name string, server bool)
	// shake makes the handshake of one connection, from behind the greeting up to the last command of it. It is called by
	// several goroutines at once.
	shake(x exchange) (shaken, error)
}

// exchange is what a handshake is made with.
type exchange struct {
	io       commandIO
	metadata []byte // this side's properties, encoded, for READY or INITIATE
	peer     Peer   // what is known so far: the address, the version, the uid
}

// commandIO reads and writes the commands of a handshake. A command of more than maxHandshakeCommand bytes is an error.
type commandIO interface {
	readCommand() (name string, body []byte, err error)
	writeCommand(name string, body []byte) error
}

// shaken is what a handshake came to.
type shaken struct {
	metadata []byte // of the peer, encoded
	user     string // as the authoriser named it; empty for nobody
	key      []byte // the peer's long-term public key; nil where the mechanism has none
	cipher   cipher // nil where frames go as they are
}

// cipher turns frames into what stands on the wire, and back. Sealing and opening may go on at the same time, each in one
// goroutine.
type cipher interface {
	// seal appends the wire form of plain to dst; plain is whole frames, as [AppendMessage] makes them, or commands.
	seal(dst, plain []byte) []byte
	// open gives the flags and the body of the frame that stands in the body of a received one, which it may overwrite.
	open(body []byte) (flags byte, plain []byte, err error)
}

var _ io.Closer = (*Conn)(nil)
