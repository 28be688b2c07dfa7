package commitlog

import (
	"fmt"
	"maps"
	"path/filepath"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// What the disk cannot read is not damage, which stays: a cable may have been loose. A reader gets a gap for it, health has
// failed, and the keeper tries again until it can be read. Nothing on the disk is changed on account of it: no index is made
// without these records, and nothing is cut off.

// unreadable notes that the disk cannot read entries of a segment; from is 0 where their numbers are not known.
func (l *Log) unreadable(s *segment, at int64, from, to uint64, why error) {
	name := filepath.Base(s.path)
	entries := fmt.Sprintf("entries %d to %d", from, to)
	if from == 0 {
		entries = "an entry"
	}
	key := fmt.Sprintf("%s %d", name, at)
	h := &l.health
	h.mu.Lock()
	_, known := h.unread[key]
	isNew := !known && len(h.unread) < maxPlaces
	if isNew {
		if h.unread == nil {
			h.unread = make(map[string]place)
		}
		h.unread[key] = place{segment: s, at: at, text: fmt.Sprintf("%s at offset %d: the disk cannot read %s: %v", name, at, entries, why)}
	}
	h.mu.Unlock()
	if isNew {
		l.o.Logger.Error("the disk cannot read the log", "segment", name, "offset", at, "from", from, "to", to, "error", why)
	}
}

// noteSpots notes the places where a scan of s found no records.
func (l *Log) noteSpots(s *segment, found *scanned) {
	found.index.partial = found.bad
	for _, spot := range found.spots {
		from, to := spot.seq, max(spot.seq, spot.next)
		if spot.next > spot.seq {
			to = spot.next - 1
		}
		if spot.bad != nil {
			l.unreadable(s, spot.badAt, from, to, spot.bad)
		} else {
			l.damaged(s, spot.offset, from, to)
		}
	}
}

// probe tries again to read what could not be read.
func (l *Log) probe() {
	l.health.mu.Lock()
	places := maps.Clone(l.health.unread)
	l.health.mu.Unlock()
	b := make([]byte, badPage)
	for key, p := range places {
		if p.segment.acquire() {
			_, err := p.segment.file.ReadAt(b[:badPage-p.at%badPage], p.at)
			if err != nil && durable.Unreadable(err) {
				_ = p.segment.release()
				continue
			}
			complete := l.completeIndex(p.segment)
			_ = p.segment.release()
			if !complete {
				continue
			}
		}
		l.health.mu.Lock()
		delete(l.health.unread, key)
		l.health.mu.Unlock()
		l.o.Logger.Info("the disk reads the log there again, or retention has removed it", "segment", filepath.Base(p.segment.path), "offset", p.at)
	}
}

// completeIndex makes the index of a segment again, which is acquired, where it lacks what could not be read. It reports
// false where that is still to come: the segment that is written to must be full first.
func (l *Log) completeIndex(s *segment) bool {
	l.mu.Lock()
	active := s.active != nil && s.active.partial
	l.mu.Unlock()
	if active {
		l.keeper.rollAsked.Store(true)
		l.queue.wake()
		return false
	}
	x := s.full.Load()
	if x == nil || x.mem == nil || !x.mem.partial {
		return true
	}
	_, err := l.reindex(s)
	if err != nil {
		l.o.Logger.Warn("cannot make the index of a segment", "segment", filepath.Base(s.path), "error", err)
	}
	return err == nil
}
