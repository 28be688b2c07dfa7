package zmtp

import "sync"

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

// encodedSize is the most bytes that frames have on the wire.
func encodedSize(frames [][]byte) int {
	n := 0
	for _, f := range frames {
		n += len(f) + 9
	}
	return n
}
