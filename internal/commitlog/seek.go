package commitlog

import (
	"errors"
	"io"
	"sort"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// headerChunk is how much is read to get one header, more if it is longer.
const headerChunk = 512

// headerAt reads the header of the record at off. It fails with errBroken where there is none.
func (l *Log) headerAt(s *segment, off int64) (header, error) {
	b := make([]byte, headerChunk)
	n, err := s.file.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return header{}, err
	}
	h, v := decodeHeader(b[:n])
	if v == partial && n == len(b) {
		b = make([]byte, headerFixed+2*maxWord)
		if n, err = s.file.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
			return header{}, err
		}
		h, v = decodeHeader(b[:n])
	}
	if v != whole {
		return header{}, errBroken
	}
	return h, nil
}

// Get reads one entry. It fails with CodeNotFound where the number is not in the log, not yet or no longer, and with
// CodeDamaged where its bytes are.
func (l *Log) Get(seq uint64) (fedmsg.Entry, error) {
	if seq == 0 {
		return fedmsg.Entry{}, fedmsg.Errorf(fedmsg.CodeNotFound, "entry 0 does not exist: the first one of a log has number 1")
	}
	r := l.Reader(seq - 1)
	r.scan.chunk = lookupChunk
	defer r.Close() //nolint:errcheck // nothing was written
	e, err := r.Next()
	if err == nil {
		return *e, nil
	}
	if errors.Is(err, io.EOF) {
		return fedmsg.Entry{}, fedmsg.Errorf(fedmsg.CodeNotFound, "entry %d is not in the log yet: it ends at %d", seq, l.Info().Last)
	}
	var gap *fedmsg.Gap
	if !errors.As(err, &gap) {
		return fedmsg.Entry{}, err
	}
	if gap.Reason == fedmsg.GapTrimmed {
		return fedmsg.Entry{}, fedmsg.Errorf(fedmsg.CodeNotFound, "entry %d is no longer in the log: retention has removed it", seq)
	}
	return fedmsg.Entry{}, fedmsg.Errorf(fedmsg.CodeDamaged, "entry %d cannot be read: its bytes on disk are damaged; see `fedmsg check log`", seq)
}

// SeekTime gives the number behind which a reader finds every entry received at or after t and none received before. It
// reads O(log n) headers.
func (l *Log) SeekTime(t time.Time) (after uint64, err error) {
	nanos := t.UnixNano()
	l.mu.Lock()
	segments, last := l.segments, l.last
	i := sort.Search(len(segments), func(i int) bool { return segments[i].newest != 0 && segments[i].newest >= nanos })
	if i == len(segments) {
		l.mu.Unlock()
		return last, nil
	}
	s := segments[i]
	count, acquired := s.count, s.acquire()
	var offsets []uint32
	if s.active != nil {
		offsets = s.active.offsets
	}
	l.mu.Unlock()
	if !acquired {
		return l.SeekTime(t) // removed this moment
	}
	defer s.release() //nolint:errcheck // nothing was written

	n := sort.Search(int(count), func(i int) bool {
		if err != nil {
			return true
		}
		var received int64
		received, err = l.receivedFrom(s, offsets, uint64(i), count)
		return received >= nanos
	})
	return s.first + uint64(n) - 1, err
}

// receivedFrom gives when the first record that can be read was received, of those with a record number of i or more. Where
// there is none it is the end of time.
func (l *Log) receivedFrom(s *segment, offsets []uint32, i, count uint64) (int64, error) {
	known := uint64(len(offsets)) // records that the index knows of; those behind are missing
	if offsets == nil {
		known = s.full.Load().count()
	}
	for ; i < min(count, known); i++ {
		var off int64
		var ok bool
		if offsets != nil {
			off, ok = int64(offsets[i]), offsets[i] != 0
		} else {
			x := s.full.Load()
			var err error
			off, ok, err = x.offset(i)
			if err != nil {
				if x, err = l.reindex(s); err != nil {
					return 0, fedmsg.WrapError(fedmsg.CodeInternal, err, "looking for a time in the log failed")
				}
				off, ok, _ = x.offset(i)
			}
		}
		if !ok {
			continue
		}
		h, err := l.headerAt(s, off)
		if err == nil && h.seq == s.first+i {
			return h.received, nil
		}
		if err != nil && !errors.Is(err, errBroken) && !durable.Unreadable(err) {
			return 0, fedmsg.WrapError(fedmsg.CodeInternal, err, "looking for a time in the log failed")
		}
	}
	return 1<<63 - 1, nil
}
