package zmtp

import "sync"

// The size of a page: as much as is worth one system call, and little enough to be in the processor's cache when the second
// subscriber is written to.
const (
	pageBytes    = 64 << 10
	pageMessages = 1024
)

// page is a piece of a ring: encoded messages, one behind the other. It is guarded by the ring's lock, but what once stands in
// it never moves or changes while somebody has a view of it.
type page struct {
	data   []byte   // never grows beyond what it was made for
	starts []uint32 // where each message begins; nor does this
	first  uint64   // number of its first message
	before uint64   // bytes of all messages before it

	cursors int  // that stand in it
	views   int  // that are being written from it
	out     bool // it is not in the ring any more
}

func (p *page) fits(size int) bool {
	return len(p.data)+size <= cap(p.data) && len(p.starts) < cap(p.starts)
}

// begin is where the message at an index begins, or would begin.
func (p *page) begin(at int) int {
	if at < len(p.starts) {
		return int(p.starts[at])
	}
	return len(p.data)
}

// number is that of the message at an index.
func (p *page) number(at int) uint64 { return p.first + uint64(at) }

// topic is the first frame of the message that begins at an offset.
func topic(data []byte, start uint32) []byte {
	_, head, size := frameHead(data[start:])
	return data[int(start)+head:][:size]
}

// pages keeps the memory of pages that are not used any more.
type pages struct{ pool sync.Pool }

func (s *pages) get(size int, first, before uint64) *page {
	if size > pageBytes {
		return &page{data: make([]byte, 0, size), starts: make([]uint32, 0, 1), first: first, before: before}
	}
	p, ok := s.pool.Get().(*page)
	if !ok {
		p = &page{data: make([]byte, 0, pageBytes), starts: make([]uint32, 0, pageMessages)}
	}
	p.first, p.before = first, before
	return p
}

// put takes a page that is in no ring and that nobody looks at.
func (s *pages) put(p *page) {
	if cap(p.data) == pageBytes {
		*p = page{data: p.data[:0], starts: p.starts[:0]}
		s.pool.Put(p)
	}
}
