package zmtp

import (
	"sync"
	"sync/atomic"
)

// verdict is what became of a message that an outbox was given.
type verdict int

const (
	taken    verdict = iota // it is queued or written
	full                    // there is no room; the outbox tells when there is
	departed                // the peer is gone
)

// wire is a connection, as an outbox needs it.
type wire interface {
	// Write writes everything, or gives the error that ended the connection.
	Write(encoded []byte) error
	// writeSome writes what the system takes at once. If that is not all, whole is false, and the next Write, which may be of
	// nothing, writes the rest first.
	writeSome(encoded []byte) (whole bool, err error)
}

// outbox is the bounded queue to one peer. Senders encode into it; the goroutine in run writes it, a chunk at a time, so that
// while one is written the next ones fill up, without anybody waiting for more. A message that is put as urgent, when nothing
// else is under way, is written by who puts it.
//
// Who makes it also calls run in a goroutine, and end when the connection is closed.
type outbox struct {
	c        wire
	chunks   *chunks
	messages int            // limit of those that wait; the chunk that is being written does not count
	bytes    int            // limit of theirs
	sent     *atomic.Uint64 // messages that were written are added
	moved    func()         // called without the lock when there is room, or nothing waits, after someone was told otherwise
	wake     chan struct{}  // the token is to write what waits; there is one only while writing is set
	over     chan struct{}  // closed by end

	mu      sync.Mutex
	quiet   sync.Cond // writing became false
	queue   []*chunk
	count   int  // messages in queue
	size    int  // bytes in queue
	part    bool // a part of a message is left in c
	writing bool // someone writes, or has the token to
	asked   bool // moved is to be called
	gone    bool // nothing is taken any more
}

// newOutbox makes an outbox; o has its defaults.
func newOutbox(c wire, o *Options, k *chunks, sent *atomic.Uint64, moved func()) *outbox {
	b := &outbox{
		c: c, chunks: k, sent: sent, moved: moved, messages: o.SendLimit, bytes: o.SendBytes,
		wake: make(chan struct{}, 1), over: make(chan struct{}),
	}
	b.quiet.L = &b.mu
	return b
}

// put queues a message: the frames of head and then those of body, which has one at least. It keeps nothing of them. An urgent one is written by the
// caller, as far as the system takes it at once, if nothing else waits.
func (b *outbox) put(urgent bool, head, body [][]byte) verdict {
	b.mu.Lock()
	switch {
	case b.gone:
		b.mu.Unlock()
		return departed
	case b.noRoom():
		b.asked = true
		b.mu.Unlock()
		return full
	}
	b.encode(head, body)
	if b.writing {
		b.mu.Unlock()
		return taken
	}
	b.writing = true
	if urgent {
		b.writeUrgent()
		return taken
	}
	b.mu.Unlock()
	b.wake <- struct{}{}
	return taken
}

func (b *outbox) noRoom() bool { return b.count >= b.messages || b.size >= b.bytes }

// encode appends a message to the last chunk, or a new one. The caller has the lock.
func (b *outbox) encode(head, body [][]byte) {
	size := encodedSize(head) + encodedSize(body)
	var last *chunk
	if n := len(b.queue); n > 0 {
		last = b.queue[n-1]
	}
	if last == nil || len(last.data)+size > chunkBytes {
		last = b.chunks.get(size)
		b.queue = append(b.queue, last)
	}
	before := len(last.data)
	for _, f := range head {
		last.data = appendFrame(last.data, flagMore, f)
	}
	last.data = AppendMessage(last.data, body...)
	last.messages++
	b.count++
	b.size += len(last.data) - before
}

// adopt queues what was meant for another peer.
func (b *outbox) adopt(k *chunk) verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.gone:
		return departed
	case b.noRoom():
		b.asked = true
		return full
	}
	b.queue = append(b.queue, k)
	b.count += k.messages
	b.size += len(k.data)
	if !b.writing {
		b.writing = true
		b.wake <- struct{}{} // has room: there is no token while nobody writes
	}
	return taken
}

// idle reports whether everything was written, or never will be; if not, moved is called later.
func (b *outbox) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writing && !b.gone {
		b.asked = true
		return false
	}
	return true
}

// end stops the writing, for which the connection must be closed, and gives what was not begun to be written.
func (b *outbox) end() []*chunk {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	select {
	case <-b.wake:
		b.writing = false
	default:
	}
	for b.writing {
		b.quiet.Wait()
	}
	close(b.over)
	left := b.queue
	b.queue, b.count, b.size = nil, 0, 0
	return left
}
