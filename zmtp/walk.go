package zmtp

import "net"

// walk writes what is wanted until leave or the end of the connection.
func (c *cursor) walk(conn *Conn) {
	for {
		data, starts, ok := c.take()
		if !ok {
			return
		}
		c.pick(data, starts)
		if c.write(conn) != nil {
			// The one that reads from the connection finds it ended too, and calls leave.
			c.abandon()
			return
		}
		c.writing.Store(false)
	}
}

// abandon gives up what could not be written.
func (c *cursor) abandon() {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.picked = 0
	c.release()
}

// pick finds the pieces of the page that are wanted. Messages that follow one another are one piece.
func (c *cursor) pick(data []byte, starts []uint32) {
	c.pieces = c.pieces[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prefixes.Everything() {
		c.pieces = append(c.pieces, data[starts[0]:])
		c.picked = len(starts)
		return
	}
	from := -1
	for i, start := range starts {
		switch wanted := c.prefixes.Match(topic(data, start)); {
		case wanted:
			c.picked++
			if from < 0 {
				from = int(start)
			}
		case from >= 0:
			c.pieces = append(c.pieces, data[from:starts[i]])
			from = -1
		}
	}
	if from >= 0 {
		c.pieces = append(c.pieces, data[from:])
	}
}

// smallPiece is how big the pieces should be on average to be worth being handed to the system one by one.
const smallPiece = 2 << 10

// write writes what was picked with one call.
func (c *cursor) write(conn *Conn) error {
	switch size := total(c.pieces); {
	case len(c.pieces) == 0:
		return nil
	case len(c.pieces) == 1:
		return conn.Write(c.pieces[0])
	case conn.cipher == nil && size >= smallPiece*len(c.pieces):
		pieces := net.Buffers(c.pieces)
		return conn.WriteBuffers(pieces)
	default:
		b := c.spare[:0]
		for _, p := range c.pieces {
			b = append(b, p...)
		}
		c.spare = b
		return conn.Write(b)
	}
}

func total(pieces [][]byte) int {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	return n
}
