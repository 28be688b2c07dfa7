package commitlog

import "time"

// Trimmed reports whether entries at the log's beginning are gone, and when the last of them was received, at the latest. An
// id that is not found may have been stored by then, and not later. It costs next to nothing.
func (l *Log) Trimmed() (until time.Time, gone bool) {
	nanos := l.gone.Load()
	return nanoTime(nanos), nanos != 0
}

// noteMissing looks at what is gone when the log is opened.
func (l *Log) noteMissing() {
	if l.segments[0].first == 1 {
		return
	}
	for _, s := range l.segments {
		if s.oldest != 0 {
			l.gone.Store(s.oldest)
			return
		}
	}
	l.gone.Store(l.o.Now().UnixNano()) // nothing is left that tells
}

// noteGone takes note of a segment that is removed. The caller holds l.mu.
func (l *Log) noteGone(s *segment) { l.gone.Store(max(l.gone.Load(), s.newest, 1)) }
