package zmtp

import (
	"context"
	"slices"
	"sync"
)

// ring holds what was sent and not yet written to everybody who may want it. Each message is encoded once and lies there once;
// each reader has a cursor, and a goroutine that walks with it. A page is given up when the last cursor has left it, so what a
// ring holds is what the slowest is behind, which is bounded.
//
// A cursor that is at the end is idle: it stands in no page, and is given a position by the first message that it wants. So
// messages that nobody wants are not even encoded, and who wants little is woken little.
type ring struct {
	messages uint64 // how many of them a cursor may be behind
	bytes    uint64
	blocking bool // a sender waits for the slowest cursor instead of moving it on

	mu     sync.Mutex
	spare  pages
	pages  []*page // the oldest first; messages are added to the last
	next   uint64  // number of the next message
	total  uint64  // bytes of all messages so far
	idle   []*cursor
	busy   []*cursor
	closed bool

	// No busy cursor stands before floor and floorBytes, and not more than atFloor of them at floor.
	floor, floorBytes uint64
	atFloor           int
	// space is closed when those who wait in send should look again; nil if nobody waits.
	space chan struct{}
	// quiet is closed when no cursor is busy; nil if nobody waits.
	quiet chan struct{}

	sent, dropped uint64
}

func newRing(o Options) *ring {
	o = o.filled()
	return &ring{messages: uint64(o.SendLimit), bytes: uint64(o.SendBytes)}
}

// send adds a message for those who want it.
func (r *ring) send(ctx context.Context, frames [][]byte) error {
	if len(frames) == 0 {
		return errNoFrames
	}
	r.mu.Lock()
	for {
		if r.closed {
			r.mu.Unlock()
			return ErrClosed
		}
		if r.room() {
			break
		}
		if err := r.wait(ctx); err != nil {
			r.mu.Unlock()
			return err
		}
	}
	var space [16]*cursor
	wanted := space[:0]
	for _, c := range r.idle {
		if c.wants(frames[0]) {
			wanted = append(wanted, c)
		}
	}
	if len(wanted) > 0 || len(r.busy) > 0 {
		p := r.add(frames)
		for _, c := range wanted {
			c.enter(p, len(p.starts)-1)
		}
	}
	r.mu.Unlock()
	for _, c := range wanted {
		c.rouse()
	}
	return nil
}

// wait gives the lock up until there may be room.
func (r *ring) wait(ctx context.Context) error {
	if r.space == nil {
		r.space = make(chan struct{})
	}
	space := r.space
	r.mu.Unlock()
	defer r.mu.Lock()
	select {
	case <-space:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add encodes a message behind the others.
func (r *ring) add(frames [][]byte) *page {
	size := encodedSize(frames)
	if r.last() == nil || !r.last().fits(size) {
		r.pages = append(r.pages, r.spare.get(size, r.next, r.total))
	}
	p := r.last()
	p.starts = append(p.starts, uint32(len(p.data)))
	p.data = AppendMessage(p.data, frames...)
	r.next++
	r.total = p.before + uint64(len(p.data))
	return p
}

// last is the page that messages are added to, or nil.
func (r *ring) last() *page {
	if len(r.pages) == 0 {
		return nil
	}
	return r.pages[len(r.pages)-1]
}

// trim gives up the pages in front that no cursor is in, as none will come to them, except for so many at the end.
func (r *ring) trim(keep int) {
	n := 0
	for n < len(r.pages)-keep && r.pages[n].cursors == 0 {
		r.pages[n].out = true
		r.reuse(r.pages[n])
		n++
	}
	r.pages = slices.Delete(r.pages, 0, n)
}

// reuse keeps the memory of a page that is out of the ring and of which there is no view.
func (r *ring) reuse(p *page) {
	if p.out && p.views == 0 {
		r.spare.put(p)
	}
}

// close ends sending. What was sent is still written.
func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.release()
}

// drained waits until everything is written to everybody, or the context ends.
func (r *ring) drained(ctx context.Context) {
	r.mu.Lock()
	if len(r.busy) == 0 {
		r.mu.Unlock()
		return
	}
	if r.quiet == nil {
		r.quiet = make(chan struct{})
	}
	quiet := r.quiet
	r.mu.Unlock()
	select {
	case <-quiet:
	case <-ctx.Done():
	}
}

// counts tells how many messages were written, one for each peer, and how many peers did not get.
func (r *ring) counts() (sent, dropped uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent, r.dropped
}
