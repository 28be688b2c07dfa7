package ops

import (
	"log/slog"
	"sync"
	"time"
)

// Repeats decides which of many events of like kinds get a line in the operator's log: of each kind one in a while, with the number
// of those that got none. One who goes wild must neither fill the log nor hide what others do; kinds that there is no room for share
// the lines of one. Any goroutine may use it; it must not be copied.
type Repeats[K comparable] struct {
	every time.Duration // one line of each kind in this time
	most  int           // kinds that are told apart in that time
	now   func() time.Time

	mu   sync.Mutex
	seen map[K]*repeat // guarded by mu; at most most
	rest repeat        // guarded by mu: all kinds beyond, and what was held back of those that were forgotten
}

// repeat is one kind.
type repeat struct {
	logged time.Time // when the last line was written
	silent int       // events since
}

// NewRepeats makes one that lets a line of each kind through in so much time, and tells at most so many kinds apart. A nil clock
// is time.Now.
func NewRepeats[K comparable](every time.Duration, most int, now func() time.Time) *Repeats[K] {
	if now == nil {
		now = time.Now
	}
	return &Repeats[K]{every: every, most: most, now: now, seen: make(map[K]*repeat)}
}

// Held is what got no line since the last one.
type Held struct {
	Count  int  // events
	Shared bool // of many kinds, for which, and for that of the line, there was no room
}

// Attr is what a line says of it; the empty one, which is left out, where there is nothing to say.
func (h Held) Attr() slog.Attr {
	switch {
	case h.Shared:
		return slog.Int("more_of_others", h.Count)
	case h.Count > 0:
		return slog.Int("more_since_last", h.Count)
	}
	return slog.Attr{}
}

// Turn reports whether a line is due for an event of the kind, and what was held back since the last one of the kind.
func (r *Repeats[K]) Turn(kind K) (held Held, write bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.seen[kind]
	if c == nil && (len(r.seen) < r.most || r.forget(now)) {
		c = &repeat{}
		r.seen[kind] = c
	}
	if c == nil {
		c, held.Shared = &r.rest, true
	}
	if r.resting(c, now) {
		c.silent++
		return Held{}, false
	}
	held.Count = c.silent
	*c = repeat{logged: now}
	return held, true
}

// resting reports whether the last line of a kind was written just now. A clock that was set back does not silence it.
func (r *Repeats[K]) resting(c *repeat, now time.Time) bool {
	d := now.Sub(c.logged)
	return d >= 0 && d < r.every
}

// forget makes room by the kinds of which a line would be due, and reports whether there is some. The caller has mu.
func (r *Repeats[K]) forget(now time.Time) bool {
	for kind, c := range r.seen {
		if !r.resting(c, now) {
			r.rest.silent += c.silent
			delete(r.seen, kind)
		}
	}
	return len(r.seen) < r.most
}
