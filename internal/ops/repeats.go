package ops

import (
	"sync"
	"time"
)

// Repeats decides which of many events of like kinds get a line in the operator's log: of each kind one in a while, with the number
// of those that got none. One who goes wild must neither fill the log nor hide what others do. Any goroutine may use it; it must
// not be copied.
type Repeats[K comparable] struct {
	every time.Duration // one line of each kind in this time
	most  int           // kinds that are told apart in that time; what is of a further kind gets no line
	now   func() time.Time

	mu   sync.Mutex
	seen map[K]*repeat // guarded by mu; at most most
	lost int           // guarded by mu: events without a line that are counted with no kind
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

// Turn reports whether a line is due for an event of the kind, and how many events were held back since the last one: of this
// kind, and of those that were not told apart.
func (r *Repeats[K]) Turn(kind K) (silent int, write bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.seen[kind]
	switch {
	case c == nil && len(r.seen) >= r.most && !r.forget(now):
		r.lost++
		return 0, false
	case c == nil:
		c = &repeat{}
		r.seen[kind] = c
	case r.resting(c, now):
		c.silent++
		return 0, false
	}
	silent = c.silent + r.lost
	*c, r.lost = repeat{logged: now}, 0
	return silent, true
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
			r.lost += c.silent
			delete(r.seen, kind)
		}
	}
	return len(r.seen) < r.most
}
