package amqp

import (
	"encoding/binary"
	"net"
	"sync"
)

// maxAhead bounds the bytes of messages that were read and not handed on; the one that passes it is read to its end.
const maxAhead = 32 << 20

// inlet is a connection from which nothing is read while messages of many bytes wait to be handed on. The server counts what it sends
// ahead in messages (RabbitMQ knows no prefetch in bytes), and the library keeps in memory whatever it reads. A server that is not read
// from for long ends the connection, and sends again what was not acknowledged.
type inlet struct {
	net.Conn
	frames frames // of the goroutine that reads

	mu      sync.Mutex
	changed sync.Cond // with mu
	ahead   int       // guarded by mu: bytes of the bodies that were read to their end and not handed on
	closed  bool      // guarded by mu
}

func newInlet(c net.Conn) *inlet {
	in := &inlet{Conn: c}
	in.changed.L = &in.mu
	return in
}

// Read waits until there is room.
func (in *inlet) Read(b []byte) (int, error) {
	in.mu.Lock()
	for in.ahead >= maxAhead && !in.closed {
		in.changed.Wait()
	}
	in.mu.Unlock()
	n, err := in.Conn.Read(b)
	if whole := in.frames.read(b[:n]); whole > 0 {
		in.mu.Lock()
		in.ahead += whole
		in.mu.Unlock()
	}
	return n, err
}

// handedOn tells that messages with so many bytes in their bodies are in other hands now.
func (in *inlet) handedOn(bytes int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ahead -= bytes
	in.changed.Broadcast()
}

// Close closes the connection and ends a wait of Read.
func (in *inlet) Close() error {
	in.mu.Lock()
	in.closed = true
	in.changed.Broadcast()
	in.mu.Unlock()
	return in.Conn.Close()
}

// Frames of AMQP: a head of kind, channel and size of the payload, the payload, and an end mark. A message is a frame that tells the size
// of its body, behind the number of its class and a weight, and as many frames with the body as it needs.
const (
	kindContent = 2
	kindBody    = 3

	headBytes    = 7
	contentBytes = headBytes + 12 // up to the size of the body
)

// frames finds the ends of messages in what a server sends. The zero value is at the beginning of a frame.
type frames struct {
	head [contentBytes]byte // the beginning of a frame, as far as it has come
	have int                // so much of it
	rest int                // bytes of the frame that come yet
	size int                // of the body that comes
	left int                // of these, bytes that come yet in frames to follow
}

// read gives the bytes of the bodies that are complete with b, which is what comes next.
func (f *frames) read(b []byte) (whole int) {
	for len(b) > 0 {
		if f.rest == 0 {
			b = b[f.begin(b):]
			continue
		}
		n := min(f.rest, len(b))
		b = b[n:]
		if f.rest -= n; f.rest == 0 && f.left == 0 {
			whole += f.size
			f.size = 0
		}
	}
	return whole
}

// begin takes from b what it still needs of the beginning of a frame, and gives how much that is.
func (f *frames) begin(b []byte) int {
	need := headBytes
	if f.have >= headBytes {
		need = contentBytes
	}
	n := copy(f.head[f.have:need], b)
	if f.have += n; f.have < need {
		return n
	}
	size := int(binary.BigEndian.Uint32(f.head[3:]))
	switch kind := f.head[0]; {
	case kind == kindContent && need == headBytes && size >= contentBytes-headBytes:
		return n // the size of the body follows
	case kind == kindContent && need == contentBytes:
		f.size = int(binary.BigEndian.Uint64(f.head[contentBytes-8:]))
		f.left = f.size
		size -= contentBytes - headBytes
	case kind == kindBody:
		f.left -= size
	}
	f.have, f.rest = 0, size+1
	return n
}
