package zeromq

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How many lines of one sentence a handler lets through in a time: enough to tell a few peers apart.
const (
	calmEvery = 10 * time.Second
	calmLines = 10
)

// calm hands on what is said about peers, of each sentence only so much in a time, and behind that how much was kept back. Any
// stranger can connect as often as he likes, and must neither fill the operator's log nor push out of it what others have to say.
type calm struct {
	slog.Handler
	said *said // shared by all that were derived from it
}

// said counts the lines by their sentences, which are constants, so that there are few.
type said struct {
	mu    sync.Mutex
	since map[string]*sentence // guarded by mu
}

// sentence is what was said in the present time.
type sentence struct {
	began       time.Time
	lines, kept int // handed on, and kept back
}

// newCalm makes a logger of another that is as calm.
func newCalm(l *slog.Logger) *slog.Logger {
	return slog.New(calm{l.Handler(), &said{since: map[string]*sentence{}}})
}

// Handle hands a line on, or counts it.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	kept, ok := c.said.turn(r.Message, r.Time)
	if !ok {
		return nil
	}
	if kept > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("more_since_last", kept))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs keeps calm.
func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler {
	return calm{c.Handler.WithAttrs(attrs), c.said}
}

// WithGroup keeps calm.
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name), c.said} }

// turn reports whether a line may go, and how many did not since the last one.
func (s *said) turn(text string, now time.Time) (kept int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.since[text]
	if t == nil {
		t = &sentence{began: now}
		s.since[text] = t
	}
	if age := now.Sub(t.began); age >= calmEvery || age < 0 {
		kept = t.kept
		*t = sentence{began: now}
	}
	if t.lines >= calmLines {
		t.kept++
		return 0, false
	}
	t.lines++
	return kept, true
}
