package commitlog

import (
	"errors"
	"io"
	"path/filepath"
	"sort"

	"github.com/federated-messaging/fedmsg"
)

// entryBlock is how many entries a reader allocates at once.
const entryBlock = 32

// Reader walks along the log. It belongs to one goroutine. It costs a few hundred bytes while it stands at the end.
type Reader struct {
	log    *Log
	next   uint64   // number of the entry to give next
	seg    *segment // acquired; nil before the first entry and between segments
	last   uint64   // number of the last entry of seg as far as it was durable at the last look
	full   bool     // seg was full at the last look
	scan   scanner
	block  []fedmsg.Entry // not yet given away
	closed bool

	erasures uint64 // of the log, when what is in memory was read at the latest
}

// Reader gives a reader that stands behind the entry after. It never blocks the writer. It must be closed.
func (l *Log) Reader(after uint64) *Reader {
	return &Reader{log: l, next: after + 1, scan: scanner{chunk: firstChunk, max: maxChunk, keep: true, patience: l.patience()}, erasures: l.erasures.Load()}
}

// Next gives the next entry. At the durable end it gives io.EOF and may be called again later. Where entries are missing it
// gives a *fedmsg.Gap once and goes on behind it. The entry is valid for ever: it aliases memory that nobody changes, of
// up to 256 KiB, so whoever keeps single entries for long copies them.
func (r *Reader) Next() (*fedmsg.Entry, error) {
	if r.closed {
		return nil, fedmsg.Errorf(fedmsg.CodeInternal, "reading the log failed: the reader is closed")
	}
	for {
		if r.seg == nil {
			if err := r.attach(); err != nil {
				return nil, err
			}
		}
		if r.scan.off >= r.scan.end || r.next > r.last {
			if more, err := r.refresh(); err != nil {
				return nil, err
			} else if !more {
				continue
			}
		}
		r.forgetErased()
		off := r.scan.off
		h, b, err := r.scan.next()
		switch {
		case err == nil && h.seq == r.next:
			return r.give(&h, b)
		case err == nil && h.seq < r.next:
			continue // on the way from a place before
		case err == nil:
			r.scan.off = off // it is given behind the gap
			return nil, r.gap(off, min(h.seq, r.last+1), fedmsg.GapDamaged)
		case noRecord(err), errors.Is(err, io.EOF):
			if err := r.skip(off); err != nil {
				return nil, err
			}
		default:
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "reading the log failed at entry %d", r.next)
		}
	}
}

// forgetErased reads again what is in memory, where something was erased since: a reader that rested does not give it any more.
func (r *Reader) forgetErased() {
	if n := r.log.erasures.Load(); n != r.erasures {
		r.erasures, r.scan.buf = n, nil
	}
}

// give makes the entry of a whole record.
func (r *Reader) give(h *header, b []byte) (*fedmsg.Entry, error) {
	if len(r.block) == 0 {
		r.block = make([]fedmsg.Entry, entryBlock)
	}
	e := &r.block[0]
	if !fillEntry(e, r.log.meta.ID, h, b) {
		return nil, r.gap(r.scan.off, r.next+1, fedmsg.GapDamaged)
	}
	r.block = r.block[1:]
	r.next++
	return e, nil
}

// gap tells that the entries from r.next to before next are missing, and goes on there.
func (r *Reader) gap(off int64, next uint64, reason fedmsg.GapReason) error {
	l := r.log
	from := r.next
	r.next = next
	switch bad := r.scan.takeBad(); {
	case reason != fedmsg.GapDamaged:
	case bad != nil && r.seg != nil:
		l.unreadable(r.seg, r.scan.badAt, from, next-1, bad)
	default:
		l.damaged(r.seg, off, from, next-1)
	}
	return &fedmsg.Gap{
		From: fedmsg.Position{Log: l.meta.ID, Seq: from}, To: fedmsg.Position{Log: l.meta.ID, Seq: next - 1}, Reason: reason,
	}
}

// skip looks for the next record behind damaged bytes at off and gives the gap before it, or nil if there is none.
func (r *Reader) skip(off int64) error {
	end := r.scan.end
	found, err := r.scan.resync(r.next)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "reading the log failed at entry %d", r.next)
	}
	next := r.last + 1
	if found {
		h, _, err := r.scan.peek()
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeInternal, err, "reading the log failed at entry %d", r.next)
		}
		next = min(next, h.seq)
	} else {
		r.scan.off, r.scan.end = end, end
	}
	if next == r.next {
		r.scan.bad = nil
		return nil // bytes that do not belong there, and no entry is missing
	}
	return r.gap(off, next, fedmsg.GapDamaged)
}

// refresh looks whether there is more to read in the segment. It reports false when the reader has moved to the next one,
// and fails with io.EOF at the durable end.
func (r *Reader) refresh() (more bool, err error) {
	l, s := r.log, r.seg
	l.mu.Lock()
	r.full = s.active == nil
	r.last = s.last()
	size, closed := s.size, l.closed
	l.mu.Unlock()
	switch {
	case closed:
		return false, errReadClosed()
	case r.next > r.last && r.full:
		return false, r.detach()
	case r.next > r.last:
		r.scan.buf, r.block = nil, nil
		r.scan.chunk = firstChunk
		return false, io.EOF
	case r.scan.off < size:
		r.scan.end = size
		return true, nil
	}
	return false, r.gap(size, r.last+1, fedmsg.GapDamaged) // the segment's bytes end before its numbers do
}

func errReadClosed() error {
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "reading the log ended: the node is stopping; read on from the last position when it is back")
}

// attach finds the segment of r.next and the place in it. It fails with io.EOF at the durable end, and with a Gap where
// entries are missing before the segment.
func (r *Reader) attach() error {
	l := r.log
	l.mu.Lock()
	segments, last, closed := l.segments, l.last, l.closed
	i := sort.Search(len(segments), func(i int) bool { return segments[i].first > r.next }) - 1
	switch {
	case closed:
		l.mu.Unlock()
		return errReadClosed()
	case i < 0:
		l.mu.Unlock()
		return r.gap(0, segments[0].first, fedmsg.GapTrimmed)
	case r.next > last:
		l.mu.Unlock()
		return io.EOF
	}
	s := segments[i]
	acquired := s.acquire()
	r.last, r.full = s.last(), s.active == nil
	r.scan.file, r.scan.end, r.scan.buf = s.file, s.size, nil
	var offsets []uint32
	if s.active != nil {
		offsets = s.active.offsets
	}
	l.mu.Unlock()
	if !acquired {
		return r.attach() // removed this moment; the next look finds the next one
	}
	r.seg = s
	r.scan.off = r.find(offsets)
	return nil
}

// find gives the offset of r.next in the segment. Where that record is missing, or the index is damaged, it gives a place
// before it; walking on from there finds what is there and what is not.
func (r *Reader) find(offsets []uint32) int64 {
	l, s := r.log, r.seg
	for i := r.next - s.first; ; i-- {
		off, ok, err := int64(0), false, error(nil)
		if offsets != nil {
			if i < uint64(len(offsets)) {
				off, ok = int64(offsets[i]), offsets[i] != 0
			}
		} else {
			off, ok, err = s.full.Load().offset(i)
		}
		if err != nil {
			x, err := l.reindex(s)
			if err != nil {
				l.o.Logger.Warn("cannot read the index of a segment", "segment", filepath.Base(s.path), "error", err)
				return segmentHead
			}
			off, ok, _ = x.offset(i)
		}
		if ok && off >= segmentHead && off < r.scan.end && l.recordAt(s, off, s.first+i) {
			return off
		}
		if i == 0 || r.next-s.first-i >= maxBack {
			return segmentHead
		}
	}
}

// maxBack bounds how many missing records a reader asks the index for before it walks from the segment's start.
const maxBack = 64

// recordAt checks that a record with this number begins at off, so that a damaged index costs time and nothing else.
func (l *Log) recordAt(s *segment, off int64, seq uint64) bool {
	h, err := l.headerAt(s, off)
	return err == nil && h.seq == seq
}

// detach leaves the segment.
func (r *Reader) detach() error {
	err := r.seg.release()
	r.seg, r.scan.file, r.scan.buf = nil, nil, nil
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "closing a segment of the log failed")
	}
	return nil
}

// Close frees the reader.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed, r.block = true, nil
	if r.seg == nil {
		return nil
	}
	return r.detach()
}

// damaged notes that entries of a segment cannot be read; s is nil where their segment is gone.
func (l *Log) damaged(s *segment, off int64, from, to uint64) {
	name := "between segments"
	if s != nil {
		name = filepath.Base(s.path)
	}
	if text, isNew := l.health.noteDamage(name, off, from, to); isNew {
		l.o.Logger.Error("the log is damaged", "segment", name, "offset", off, "from", from, "to", to, "text", text)
	}
}
