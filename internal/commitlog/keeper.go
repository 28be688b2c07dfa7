package commitlog

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// keeper is the one goroutine that works behind the writer: it writes the index files of full segments, removes old
// segments, and renews the mark of what is durable.
type keeper struct {
	kick chan struct{} // holds one token when there is work
	done chan struct{} // closed to end it

	// rollAsked tells the writer that the segment it writes to is due for removal.
	rollAsked atomic.Bool

	ages   ageClock  // the keeper goroutine's
	looked time.Time // when ages was asked last; the keeper goroutine's

	// trimming is held while segments are removed, which both the keeper and the writer do; it also guards marked.
	trimming sync.Mutex
	marked   uint64 // what end.json says
}

// now gives the time to judge ages by, where the clock says t.
func (k *keeper) now(t time.Time) time.Time {
	passed := t.Sub(k.looked) // by the monotonic clock
	k.looked = t
	return k.ages.next(t, passed)
}

// wake leaves the token that makes the keeper look.
func (k *keeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *keeper) close() { close(k.done) }

// keep runs the keeper until it is closed; then it finishes what is due, so that the next start finds every index.
func (l *Log) keep() {
	defer close(l.keeperDone)
	tick := time.NewTicker(l.o.KeepEvery)
	defer tick.Stop()
	l.renewMark() // what was recovered is durable now
	for {
		select {
		case <-l.keeper.kick:
			l.trimByAge()
			l.writeIndexes()
		case <-tick.C:
			l.trimByAge()
			l.writeIndexes()
			l.renewMark()
			l.probe()
		case <-l.keeper.done:
			l.writeIndexes()
			l.renewMark()
			return
		}
	}
}

// renewMark writes end.json if the log has grown. It marks only what was synced, also in a poisoned log.
func (l *Log) renewMark() {
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	l.keeper.trimming.Lock()
	defer l.keeper.trimming.Unlock()
	if last == l.keeper.marked {
		return
	}
	if err := writeMark(l.o.FS, l.dir, last); err != nil {
		l.o.Logger.Warn("cannot write the mark of what is durable", "dir", l.dir, "error", err)
		return
	}
	l.keeper.marked = last
}

// writeIndexes writes the index file of every full segment that has its index in memory. One that cannot be written stays
// in memory until the next try.
func (l *Log) writeIndexes() {
	segments := l.snapshot()
	for _, s := range segments[:len(segments)-1] {
		x := s.full.Load()
		if x == nil || x.mem == nil || x.mem.partial || !s.acquire() {
			continue
		}
		disk, err := l.writeIndex(s, x.mem)
		if err != nil {
			l.o.Logger.Warn("cannot write the index of a segment, it stays in memory", "segment", filepath.Base(s.path), "error", err)
		} else {
			l.setIndex(s, disk)
		}
		_ = s.release()
	}
}

// setIndex lets s, which is acquired, use an index file. Where the writer has removed s meanwhile, the file goes too.
func (l *Log) setIndex(s *segment, disk *diskIndex) {
	l.mu.Lock()
	before := s.indexBytes()
	s.full.Store(&fullIndex{disk: disk})
	dropped := s.dropped
	if !dropped {
		l.bytes += disk.size - before
	}
	l.mu.Unlock()
	if dropped {
		_ = l.o.FS.Remove(indexPath(s.path)) // best effort: the next start removes it too
	}
}

// writeIndex writes the index file of a full segment and opens it.
func (l *Log) writeIndex(s *segment, mem *memIndex) (*diskIndex, error) {
	l.mu.Lock()
	size, oldest, newest := s.size, s.oldest, s.newest
	l.mu.Unlock()
	path := indexPath(s.path)
	if err := durable.WriteFile(l.o.FS, path, encodeIndex(mem, s.first, size, oldest, newest), 0o600); err != nil {
		return nil, err
	}
	file, err := l.o.FS.Open(path, true)
	if err != nil {
		return nil, err
	}
	return openIndex(file)
}

// reindex makes the index of a full segment in memory, after its file was found damaged, from the segment itself; the
// keeper then writes a new file. s must be acquired.
func (l *Log) reindex(s *segment) (*fullIndex, error) {
	l.o.Logger.Warn("index of a segment is damaged, making it again", "segment", filepath.Base(s.path))
	l.mu.Lock()
	size := s.size
	l.mu.Unlock()
	found, err := scanWith(l.patience(), s.file, s.first, size, nil)
	if err != nil {
		return nil, err
	}
	l.noteSpots(s, found)
	x := &fullIndex{mem: found.index}
	l.mu.Lock()
	before := s.indexBytes()
	if old := s.full.Swap(x); old != nil && old.disk != nil {
		s.retired = append(s.retired, old.disk.file) // somebody may be reading in it
	}
	if !s.dropped {
		l.bytes += s.indexBytes() - before
	}
	l.mu.Unlock()
	l.keeper.wake()
	return x, nil
}
