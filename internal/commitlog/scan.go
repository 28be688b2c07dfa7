package commitlog

import (
	"bytes"
	"errors"
	"io"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// errBroken tells that no whole record begins where one should.
var errBroken = errors.New("no whole record here")

// errUnreadable tells that the disk does not give the bytes of a record. Unlike errBroken it may go away.
var errUnreadable = errors.New("the disk cannot read the record")

// badPage is what is passed over where the disk cannot read: what the system reads at least, in one piece.
const badPage = 4096

const (
	firstChunk = 32 << 10  // bytes of a scanner's first read
	maxChunk   = 256 << 10 // bytes of its later reads
)

// scanner walks along the records in a stretch of one file. It reads big chunks, and a record lies in one piece in one of
// them.
type scanner struct {
	file  durable.File
	off   int64 // where the next record begins
	end   int64 // where the stretch ends
	chunk int   // bytes of the next read
	max   int   // bytes of the largest read, but for a record that needs more
	keep  bool  // each read gets fresh memory, so that records stay valid; else they are valid until the next call

	buf   []byte // the bytes of the file from bufAt on
	bufAt int64

	patience patience // asked before a payload that does not hold is called damage; nil is not

	// bad is what the disk said where it could not read, and badAt is where that was. They stay until takeBad.
	bad   error
	badAt int64
}

// newScanner walks from off to end, using its memory again and again.
func newScanner(file durable.File, off, end int64) *scanner {
	return &scanner{file: file, off: off, end: end, chunk: 1 << 20, max: 1 << 20}
}

// rest gives the bytes that are in memory from off on.
func (s *scanner) rest() []byte {
	i := s.off - s.bufAt
	if i < 0 || i >= int64(len(s.buf)) {
		return nil
	}
	return s.buf[i:]
}

// takeBad gives what the disk said where it could not read, and forgets it. It gives nil where all could be read.
func (s *scanner) takeBad() error {
	err := s.bad
	s.bad = nil
	return err
}

// fill reads at least need bytes from off on, or all there are. Where the disk cannot read that many it fails with
// errUnreadable, and gives those before.
func (s *scanner) fill(need int) error {
	n := int(min(int64(max(need, s.chunk)), s.end-s.off))
	s.chunk = min(2*s.chunk, s.max)
	if s.keep || cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	s.buf = s.buf[:n]
	s.bufAt = s.off
	got, err := s.file.ReadAt(s.buf, s.off)
	if err != nil && got < min(need, n) && durable.Unreadable(err) {
		var more int // once more: it may have passed
		more, err = s.file.ReadAt(s.buf[got:], s.off+int64(got))
		got += more
	}
	if err != nil && durable.Unreadable(err) {
		s.buf = s.buf[:got]
		if got >= min(need, n) {
			return nil
		}
		s.bad, s.badAt = err, s.off+int64(got)
		return errUnreadable
	}
	if got < n && errors.Is(err, io.EOF) {
		s.buf, s.end = s.buf[:got], s.off+int64(got) // the file is shorter than was thought
		return nil
	}
	if got < n {
		s.buf = s.buf[:0]
		return err
	}
	return nil
}

// peek gives the record at off and its bytes. It fails with io.EOF at the end, with errBroken where no whole record begins,
// and with errUnreadable where the disk does not tell.
func (s *scanner) peek() (header, []byte, error) {
	for {
		if s.off >= s.end {
			return header{}, nil, io.EOF
		}
		b := s.rest()
		h, v := decodeRecord(b)
		switch {
		case v == whole:
			return h, b[:h.recordLen()], nil
		case v == broken || int64(len(b)) >= s.end-s.off:
			return s.again(b)
		}
		need := headerFixed + 2*maxWord
		if h.size > 0 {
			need = h.recordLen()
		}
		if err := s.fill(need); errors.Is(err, errUnreadable) {
			b := s.rest()
			h, v := decodeRecord(b)
			switch v {
			case whole:
				s.bad = nil // it ends before
				return h, b[:h.recordLen()], nil
			case broken:
				return s.again(b)
			}
			return header{}, nil, err
		} else if err != nil {
			return header{}, nil, err
		}
		if s.off >= s.end {
			return header{}, nil, errBroken
		}
	}
}

// again looks once more at a record whose header holds and whose payload, which is in b, does not: it may be being erased.
func (s *scanner) again(b []byte) (header, []byte, error) {
	h, v := decodeHeader(b)
	if s.patience == nil || v != whole || len(b) < h.recordLen() {
		return header{}, nil, errBroken
	}
	record := bytes.Clone(b[:h.recordLen()])
	if s.patience.settle(&h) {
		copy(record[h.size:], erased(&h))
	} else if n, err := s.file.ReadAt(record, s.off); n < len(record) {
		if err != nil && !isEOF(err) && !durable.Unreadable(err) {
			return header{}, nil, err
		}
		return header{}, nil, errBroken
	}
	if h, v = decodeRecord(record); v != whole {
		return header{}, nil, errBroken
	}
	return h, record, nil
}

// next gives the record at off and moves behind it.
func (s *scanner) next() (header, []byte, error) {
	h, b, err := s.peek()
	if err == nil {
		s.off += int64(len(b))
	}
	return h, b, err
}

// resync moves from a place where no whole record begins to the next one with a number of at least seq. It reports false
// where there is none up to the end, and then stands there.
func (s *scanner) resync(seq uint64) (bool, error) {
	from := s.off
	s.off++
	for s.off < s.end {
		b := s.rest()
		if len(b) < len(recordMagic) && int64(len(b)) < s.end-s.off {
			if err := s.fill(len(recordMagic)); errors.Is(err, errUnreadable) {
				s.off = (s.badAt/badPage + 1) * badPage
			} else if err != nil {
				return false, err
			}
			continue
		}
		i := bytes.Index(b, []byte(recordMagic))
		if i < 0 {
			s.off += int64(max(1, len(b)-len(recordMagic)+1))
			continue
		}
		s.off += int64(i)
		h, _, err := s.peek()
		if err == nil && h.seq >= seq && h.seq-seq <= uint64(s.off-from)/minRecord+1 {
			return true, nil
		}
		if err != nil && !noRecord(err) && !errors.Is(err, io.EOF) {
			return false, err
		}
		s.off++
	}
	s.off = s.end
	return false, nil
}

// noRecord reports whether err says that no record can be had at this place, and not that reading failed for good.
func noRecord(err error) bool { return errors.Is(err, errBroken) || errors.Is(err, errUnreadable) }
