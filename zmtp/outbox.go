package zmtp

import (
	"sync"
	"sync/atomic"
)

// chunkBytes is how much is written to a peer at a time where more waits: enough that the system call is the smaller part, and
// little enough that few messages are in doubt when the connection breaks in the middle of it.
const chunkBytes = 64 << 10

// chunk is whole messages as they are written. One message may be longer than chunkBytes; then it is alone.
type chunk struct {
	data     []byte
	messages int
}

// chunks keeps the memory of chunks for the outboxes of one socket, so that a peer for which nothing waits holds none.
type chunks struct{ pool sync.Pool }

func (c *chunks) get(size int) *chunk {
	if size <= chunkBytes {
		if k, ok := c.pool.Get().(*chunk); ok {
			return k
		}
	}
	return new(chunk)
}

func (c *chunks) put(k *chunk) {
	if cap(k.data) <= 2*chunkBytes {
		k.data, k.messages = k.data[:0], 0
		c.pool.Put(k)
	}
}

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

// run writes until end.
func (b *outbox) run() {
	for {
		select {
		case <-b.wake:
			b.write()
		case <-b.over:
			return
		}
	}
}

// write writes everything that waits.
func (b *outbox) write() {
	b.mu.Lock()
	for !b.gone && (b.part || len(b.queue) > 0) {
		if b.part {
			b.part = false
			b.mu.Unlock()
			err := b.c.Write(nil)
			b.mu.Lock()
			b.wrote(1, err)
			continue
		}
		k := b.take()
		asked := b.asked
		b.asked = false
		b.mu.Unlock()
		if asked {
			b.moved()
		}
		err := b.c.Write(k.data)
		n := k.messages
		b.chunks.put(k)
		b.mu.Lock()
		b.wrote(n, err)
	}
	b.rested()
}

// take takes the first chunk. The caller has the lock, and there is one.
func (b *outbox) take() *chunk {
	k := b.queue[0]
	b.queue[0] = nil
	if len(b.queue) > 1 {
		b.queue = b.queue[1:]
	} else {
		b.queue = b.queue[:0] // its memory is used again
	}
	b.count -= k.messages
	b.size -= len(k.data)
	return k
}

// wrote notes what a write came to. The caller has the lock. After an error the reader of the connection, which is closed, will
// call end.
func (b *outbox) wrote(messages int, err error) {
	if err != nil {
		b.gone = true
		return
	}
	b.sent.Add(uint64(messages))
}

// rested says that nobody writes any more, and gives the lock up.
func (b *outbox) rested() {
	b.writing = false
	asked := b.asked
	b.asked = false
	b.quiet.Broadcast()
	b.mu.Unlock()
	if asked {
		b.moved()
	}
}

// writeUrgent writes the only message that waits without waiting itself, and leaves the rest to the goroutine in run. The caller
// has the lock, which it gives up, and has set writing.
func (b *outbox) writeUrgent() {
	k := b.take()
	b.mu.Unlock()
	whole, err := b.c.writeSome(k.data)
	b.chunks.put(k)
	b.mu.Lock()
	if b.part = !whole && err == nil; !b.part {
		b.wrote(1, err)
	}
	if !b.gone && (b.part || len(b.queue) > 0) {
		b.mu.Unlock()
		b.wake <- struct{}{}
		return
	}
	b.rested()
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

// encodedSize is the most bytes that frames have on the wire.
func encodedSize(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += len(f) + 9
	}
	return n
}
