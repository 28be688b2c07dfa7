package zmtp

import (
	"net"
	"time"
)

// The sizes of the chunks that are read into. A connection on which little comes at a time has small ones.
const (
	minChunk = 512
	maxChunk = 64 << 10
	// trustedChunk is what is made room for on a peer's word alone.
	trustedChunk = 16 << 10
)

// input reads a connection in big pieces. What it gives is part of a chunk that is written to only once, so that messages can
// be cut out of it without copying.
type input struct {
	nc    net.Conn
	buf   []byte // the chunk, up to where it has been read into
	r     int    // buf[r:] has not been taken
	size  int    // of the next chunk
	most  int    // the biggest read into this chunk
	heard time.Time
	now   nowReader
}

// need gives at least n bytes, and all that are there; they stay untaken.
func (in *input) need(n int) ([]byte, error) {
	for len(in.buf)-in.r < n {
		if err := in.read(n); err != nil {
			return nil, err
		}
	}
	return in.buf[in.r:], nil
}

// skip takes n bytes.
func (in *input) skip(n int) { in.r += n }

// read reads once. want is how many untaken bytes are needed.
func (in *input) read(want int) error {
	in.makeRoom(want)
	n, err := in.nc.Read(in.buf[len(in.buf):cap(in.buf)])
	if n == 0 {
		return err
	}
	in.took(n)
	return nil
}

// took notes that a read gave n bytes.
func (in *input) took(n int) {
	in.buf = in.buf[:len(in.buf)+n]
	if in.most = max(in.most, n); len(in.buf) == cap(in.buf) {
		in.most = cap(in.buf) // there may be more: a message that does not fit costs a second read and a copy
	}
	in.heard = time.Now()
}

// makeRoom sees that there is enough room behind what is there for a read to be worth while. The room for a big message is
// made as it comes: a peer that claims to send much has to send much.
func (in *input) makeRoom(want int) {
	free, have := cap(in.buf)-len(in.buf), len(in.buf)-in.r
	if free > 0 && free >= min(want-have, trustedChunk) && free >= cap(in.buf)/8 {
		return
	}
	size := max(in.nextSize(), have+have/4)
	if want > size {
		size = min(want, max(2*have, size, trustedChunk))
	}
	next := make([]byte, have, size)
	copy(next, in.buf[in.r:])
	in.buf, in.r, in.most = next, 0, 0
}

// nextSize adapts the size to what has come at a time.
func (in *input) nextSize() int {
	switch {
	case in.size == 0:
		in.size = minChunk
	case in.most >= in.size/2:
		in.size = min(4*in.size, maxChunk)
	case in.most < in.size/16:
		in.size = max(in.size/2, minChunk)
	}
	return in.size
}

// rest gives back the memory while nothing comes.
func (in *input) rest() {
	if len(in.buf) == in.r {
		in.buf, in.r, in.size, in.most = nil, 0, 0, 0
	}
}
