package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// hold is the oldest position that retention must respect.
type hold struct {
	name  string // of the reader; empty where nobody holds anything
	after uint64 // entries behind this one stay
}

// holds gives the pin that holds most. Pins of other logs hold nothing: their readers will be told of a gap anyway.
func (l *Log) holds() hold {
	h := hold{after: ^uint64(0)}
	for _, p := range l.o.Pins() {
		if !p.Hold || !p.Position.IsZero() && !l.meta.knows(p.Position.Log) {
			continue
		}
		after := p.Position.Seq
		if limit, ancestor := l.meta.limit(p.Position.Log); ancestor {
			after = min(after, limit) // what it saw beyond is not what this log has there
		}
		if h.name == "" || after < h.after {
			h = hold{name: p.Name, after: after}
		}
	}
	return h
}

// makeRoom removes the oldest segments so that need more bytes stay within MaxBytes. It fails with CodeStorageFull where
// a pin forbids it.
func (l *Log) makeRoom(need int64) error {
	limit := l.o.MaxBytes
	l.mu.Lock()
	over := limit > 0 && l.bytes+need > limit
	l.mu.Unlock()
	if !over {
		return nil
	}
	l.keeper.trimming.Lock()
	defer l.keeper.trimming.Unlock()
	held := l.trim(func(*segment) bool { return l.bytes+need > limit })
	l.mu.Lock()
	over = l.bytes+need > limit
	l.mu.Unlock()
	if !over {
		return nil
	}
	err := fedmsg.Errorf(fedmsg.CodeStorageFull, "nothing is stored: the log has reached its limit of %d bytes", limit)
	if held.name != "" {
		err.Err = fmt.Errorf("%s has read up to %d only and holds what is behind", held.name, held.after)
	}
	l.health.set(&l.health.full, err.Error())
	return err
}

// trimByAge removes segments whose newest entry is older than MaxAge.
func (l *Log) trimByAge() {
	if l.o.MaxAge <= 0 {
		return
	}
	limit := l.keeper.now(l.o.Now()).Add(-l.o.MaxAge).UnixNano()
	l.mu.Lock()
	active := l.segments[len(l.segments)-1]
	due := active.count > 0 && active.newest < limit
	l.mu.Unlock()
	if due { // nothing was stored for long; the writer ends the segment, and then wakes the keeper
		l.keeper.rollAsked.Store(true)
		l.queue.wake()
	}
	l.keeper.trimming.Lock()
	defer l.keeper.trimming.Unlock()
	l.trim(func(s *segment) bool { return s.newest < limit })
}

// trim removes full segments, oldest first, while due says so and no pin holds them; due is called with l.mu held. It gives
// the pin that stopped it, if one did. The caller holds keeper.trimming.
func (l *Log) trim(due func(*segment) bool) hold {
	var held hold
	asked := false
	for {
		l.mu.Lock()
		s := l.segments[0]
		stop := len(l.segments) == 1 || !due(s)
		l.mu.Unlock()
		if stop {
			held = hold{}
			break
		}
		if !asked {
			held, asked = l.holds(), true
		}
		if held.name != "" && held.after < s.last() {
			break
		}
		l.drop(s)
	}
	l.noteHold(held)
	return held
}

// noteHold tells Health what holds retention.
func (l *Log) noteHold(h hold) {
	text := ""
	if h.name != "" {
		text = fmt.Sprintf("%s has read up to %d only and keeps older entries from being removed", h.name, h.after)
	}
	l.health.set(&l.health.retention, text)
}

// drop removes the oldest segment. Readers that are in it read on.
func (l *Log) drop(s *segment) {
	l.mu.Lock()
	l.segments = l.segments[1:]
	l.bytes -= s.size + s.indexBytes()
	s.dropped = true
	l.noteGone(s)
	first := l.segments[0].first
	l.mu.Unlock()
	l.o.Logger.Info("removed an old segment", "segment", filepath.Base(s.path), "first", first, "newest", nanoTime(s.newest).Format(time.RFC3339))
	for _, path := range []string{s.path, indexPath(s.path)} {
		if err := l.o.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.o.Logger.Warn("cannot remove an old segment; the next start tries again", "path", path, "error", err)
		}
	}
	// Each removal on its own: a crash must not bring back an older segment than one that stays removed, which would look
	// like a hole.
	if err := l.o.FS.SyncDir(l.dir); err != nil {
		l.o.Logger.Warn("cannot sync the directory after removing an old segment", "dir", l.dir, "error", err)
	}
	if err := s.release(); err != nil {
		l.o.Logger.Warn("cannot close an old segment", "error", err)
	}
}
