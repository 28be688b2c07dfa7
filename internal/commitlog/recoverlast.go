package commitlog

import (
	"cmp"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
)

// recoverLast reads the last segment, cuts off a torn end, and makes durable what is left: a record that the last process
// wrote and did not sync must not be answered as a duplicate before. It gives the largest number that may have been given
// away.
func (l *Log) recoverLast(durableTo uint64) (possible uint64, err error) {
	s := l.segments[len(l.segments)-1]
	found, err := scanSegment(s.file, s.first, s.size, nil)
	if err != nil {
		return 0, err
	}
	if spot, ok := found.torn(durableTo); ok {
		l.o.Logger.Info("cutting off a torn write", "segment", filepath.Base(s.path), "offset", spot.offset, "bytes", s.size-spot.offset)
		if err := s.file.Truncate(spot.offset); err != nil {
			return 0, err
		}
		found.cut(spot)
	}
	l.noteSpots(s, found)
	s.size, s.active = max(found.size, segmentHead), found.index
	s.count, s.oldest, s.newest = found.count(), found.oldest, found.newest
	if s.id == "" && !s.badHead {
		if err := l.mendHead(s); err != nil {
			return 0, err
		}
	}
	l.last = s.last()
	if err := l.rewriteTail(s, found); err != nil {
		return 0, err
	}
	return found.lastPossible(), s.file.Sync()
}

// rewriteTail writes the last write in the last segment again; with the segment's first one goes its head.
func (l *Log) rewriteTail(s *segment, found *scanned) error {
	from := found.tail[0]
	if from == 0 || found.tail[1] == 0 {
		from = segmentHead
		if s.badHead {
			return rewrite(s.file, from, max(from, found.end))
		}
		if _, err := s.file.WriteAt(encodeSegmentHead(s.id, s.first), 0); err != nil {
			return err
		}
	}
	return rewrite(s.file, from, max(from, found.end))
}

// fillTimes gives a segment in which nothing can be read the time of what comes behind it, before which its entries were
// received, or else of what stands before it: retention and SeekTime rely on times that never decrease.
func (l *Log) fillTimes() {
	next := int64(0)
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := l.segments[i]
		if s.newest == 0 {
			s.newest = next
		}
		next = cmp.Or(s.oldest, next)
	}
	before := int64(0)
	for _, s := range l.segments {
		s.newest = cmp.Or(s.newest, before)
		before = s.newest
	}
}

// mendHead writes the head of the last segment anew. It was lost in a crash before the first sync, or damaged.
func (l *Log) mendHead(s *segment) error {
	if s.count > 0 {
		l.o.Logger.Error("head of a segment is damaged, writing it anew", "segment", filepath.Base(s.path))
	}
	s.id = l.meta.ID
	_, err := s.file.WriteAt(encodeSegmentHead(s.id, s.first), 0)
	return err
}

// sealLost begins a new segment where the mark says that more was durable than can be read: numbers that were given away
// are not given again.
func (l *Log) sealLost(durableTo uint64) error {
	if l.last >= durableTo {
		return nil
	}
	s := l.segments[len(l.segments)-1]
	l.damaged(s, s.size, l.last+1, durableTo)
	s.count += durableTo - l.last
	l.last = durableTo
	next, err := createSegment(l.o.FS, l.dir, l.meta, durableTo+1)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot begin a new segment of the log in %s", l.dir)
	}
	s.full.Store(&fullIndex{mem: s.active})
	s.active = nil
	l.segments = append(l.segments, next)
	l.bytes += next.size + s.indexBytes()
	return nil
}
