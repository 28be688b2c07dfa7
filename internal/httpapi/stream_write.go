package httpapi

// makeRoom exchanges a small buffer for a big one, as the reader seems to have much to catch up with, or writes it. A
// reader that is slow to take what is written has to do with a small one.
func (s *stream) makeRoom(x *buffer) (*buffer, error) {
	if !x.big && !s.slow {
		if y, ok := s.owner.buffers.grow(x); ok {
			return y, nil
		}
	}
	x, err := s.flush(x)
	if x.big && s.slow {
		s.owner.buffers.put(x)
		x = s.newBuffer()
	}
	return x, err
}

// chunkHead is the length of the head of an HTTP chunk as it is written here: eight hexadecimal digits and a line end.
const chunkHead = 10

func (s *stream) newBuffer() *buffer {
	x := s.owner.buffers.get()
	if s.framed {
		x.b = x.b[:chunkHead]
	}
	return x
}

// flush writes what is in x with one call, and gives it back empty.
func (s *stream) flush(x *buffer) (*buffer, error) {
	empty := 0
	if s.framed {
		empty = chunkHead
	}
	if len(x.b) == empty {
		return x, nil
	}
	if s.framed {
		putChunkHead(x.b, len(x.b)-chunkHead)
		x.b = append(x.b, '\r', '\n')
	}
	err := s.write(x.b)
	if s.fresh > 0 && err == nil { // one addition for a whole write
		s.owner.told.messages.Add(uint64(s.fresh))
		s.given.messages.Add(uint64(s.fresh))
	}
	s.fresh = 0
	if err == nil {
		s.progress()
	}
	x.b = x.b[:empty]
	return x, err
}

// putChunkHead writes the length of a chunk over its head.
func putChunkHead(b []byte, n int) {
	const hex = "0123456789abcdef"
	for i := 7; i >= 0; i-- {
		b[i] = hex[n&15]
		n >>= 4
	}
	b[8], b[9] = '\r', '\n'
}

func (s *stream) write(b []byte) error {
	began := s.owner.clock.Load()
	s.writing.Store(began)
	_, err := s.conn.Write(b)
	s.broken = err != nil
	now := s.owner.clock.Load()
	s.slow = now != began
	s.wrote.Store(now)
	s.due.Store(false)
	s.writing.Store(0) // last: check looks at no other until then
	return err
}
