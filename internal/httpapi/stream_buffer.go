package httpapi

import (
	"sync"
	"sync/atomic"
)

const (
	smallBuffer = 8 << 10   // what a live reader writes from
	bigBuffer   = 128 << 10 // what a reader that catches up writes from
	entrySlack  = 2 << 10   // room that a buffer must have left to take another entry without growing, in most cases
)

// bufferPool lends write buffers to streams. There are as many small ones as streams that write at the moment; the number
// of big ones is bounded, because each may be held for as long as its reader does not read. Without a big one a reader
// catches up from a small one.
type bufferPool struct {
	most  int64 // big buffers lent at once
	lent  atomic.Int64
	small sync.Pool // of *buffer
	big   sync.Pool // of *buffer
}

// buffer is a lent buffer.
type buffer struct {
	b   []byte
	big bool
}

// full reports whether another entry of usual size may not fit.
func (x *buffer) full() bool { return cap(x.b)-len(x.b) < entrySlack }

func (p *bufferPool) get() *buffer {
	if x, ok := p.small.Get().(*buffer); ok {
		return x
	}
	return &buffer{b: make([]byte, 0, smallBuffer)}
}

// grow exchanges x for a big buffer with the same contents, or reports that there is none to be had.
func (p *bufferPool) grow(x *buffer) (*buffer, bool) {
	if p.lent.Add(1) > p.most {
		p.lent.Add(-1)
		return x, false
	}
	y, ok := p.big.Get().(*buffer)
	if !ok {
		y = &buffer{b: make([]byte, 0, bigBuffer), big: true}
	}
	y.b = append(y.b[:0], x.b...)
	p.put(x)
	return y, true
}

// put takes a buffer back. One that an unusually large entry has made larger is left to the garbage collector.
func (p *bufferPool) put(x *buffer) {
	x.b = x.b[:0]
	switch {
	case x.big:
		p.lent.Add(-1)
		if cap(x.b) <= 2*bigBuffer {
			p.big.Put(x)
		}
	case cap(x.b) <= 2*smallBuffer:
		p.small.Put(x)
	}
}
