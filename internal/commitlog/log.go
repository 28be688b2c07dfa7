package commitlog

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Log is an open log. All methods may be called by any number of goroutines.
type Log struct {
	dir      string
	o        Options
	lock     io.Closer
	meta     meta // does not change while the log is open
	health   health
	stats    counters
	queue    queue
	keeper   keeper
	erasing  sync.RWMutex  // held while a payload is overwritten
	erasures atomic.Uint64 // payloads that were
	gone     atomic.Int64  // when the newest entry that is gone was received, at the latest; in nanoseconds, 0 while all are there

	mu       sync.Mutex // guards what follows, and the fields of segments that say so; held for moments, never over a read or write
	segments []*segment // oldest first, never empty, the last is written to; the slice is replaced, not changed
	last     uint64     // number of the newest durable entry
	bytes    int64      // of segments and indexes
	closed   bool

	writerDone chan struct{}
	keeperDone chan struct{}
	closeOnce  sync.Once
	closeErr   error
}

// Info describes a log.
type Info struct {
	ID       fedmsg.LogID
	First    uint64    // number of the oldest entry still there; Last+1 when there is none
	Last     uint64    // number of the newest durable entry; 0 before the first
	Bytes    int64     // of segments and indexes
	Oldest   time.Time // when the oldest entry was received; zero when there is none
	Newest   time.Time // when the newest entry was received; zero when there is none
	Segments int
	Lineage  []Ancestor // oldest first
}

// Info describes the log as it is now.
func (l *Log) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := Info{
		ID: l.meta.ID, First: l.segments[0].first, Last: l.last, Bytes: l.bytes, Segments: len(l.segments),
		Lineage: slices.Clone(l.meta.Lineage),
	}
	for _, s := range l.segments {
		if s.oldest != 0 && info.Oldest.IsZero() {
			info.Oldest = nanoTime(s.oldest)
		}
		if s.newest != 0 {
			info.Newest = nanoTime(s.newest)
		}
	}
	return info
}

// nanoTime is the time of what the log stores as nanoseconds.
func nanoTime(n int64) time.Time { return time.Unix(0, n).UTC() }

// snapshot gives the segments as they are now, oldest first. The slice must not be changed. Its last element may become a
// full segment at any time.
func (l *Log) snapshot() []*segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments
}

// Resolve says where a reader that stands at p reads on, and which entries it will not be given, if any. The zero Position
// stands before the oldest entry there is and misses nothing.
func (l *Log) Resolve(p fedmsg.Position) (after uint64, gap *fedmsg.Gap) {
	l.mu.Lock()
	first, last := l.segments[0].first, l.last
	l.mu.Unlock()
	at := func(seq uint64) fedmsg.Position { return fedmsg.Position{Log: l.meta.ID, Seq: seq} }
	limit, ancestor := l.meta.limit(p.Log)
	switch {
	case p.IsZero():
		return first - 1, nil
	case !ancestor && p.Log != l.meta.ID:
		return first - 1, &fedmsg.Gap{From: p, To: at(first - 1), Reason: fedmsg.GapOtherLog}
	case ancestor && p.Seq > limit:
		// What the reader saw beyond the limit was lost, and this log has gone on with other entries from there.
		after = max(limit, first-1)
		return after, &fedmsg.Gap{From: p, To: at(after), Reason: fedmsg.GapAhead}
	case p.Seq > last:
		return last, &fedmsg.Gap{From: p, To: at(last), Reason: fedmsg.GapAhead}
	case p.Seq+1 < first:
		return first - 1, &fedmsg.Gap{From: at(p.Seq + 1), To: at(first - 1), Reason: fedmsg.GapTrimmed}
	}
	return p.Seq, nil
}

// Close writes what is queued, answers it, and closes the log. Readers that are open may be closed before or after; Next
// fails from now on.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		l.queue.close()
		<-l.writerDone
		l.keeper.close()
		<-l.keeperDone
		l.closeErr = l.shut()
	})
	return l.closeErr
}

// shut gives back files and lock when the log's goroutines have ended, or never began.
func (l *Log) shut() error {
	l.mu.Lock()
	l.closed = true
	segments := l.segments
	l.mu.Unlock()
	var err error
	for _, s := range segments {
		if e := s.release(); e != nil {
			err = e
		}
	}
	if e := l.lock.Close(); e != nil {
		err = e
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "closing the log failed; what it acknowledged is durable")
	}
	return nil
}
