package mesh

import (
	"errors"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// answered takes what came of a question: messages, or why there are none. An error that is no [replay.Error] says that
// nobody answered.
func (c *catchup) answered(q question, asked []arrival, err error, now time.Time) {
	said, isSaid := errors.AsType[replay.Error](err)
	if err != nil && !isSaid {
		c.unanswered(q, now)
		return
	}
	c.failing, c.dead = time.Time{}, false
	if err == nil || said == replay.ErrNoMatch {
		c.wait.Reset()
		c.at = time.Time{}
		c.took(q, asked, now)
		return
	}
	c.refused(q, said, now)
}

// took takes an answer.
func (c *catchup) took(q question, asked []arrival, now time.Time) {
	switch q.purpose {
	case askSince:
		c.t.fill(q.from, q.to, asked)
		if len(c.t.waiting) > 0 {
			c.started()
			return
		}
		c.later(now)
	case askDoubt:
		c.doubt(q, asked)
	case askFill:
		c.filled(q, asked, now)
	case askNews:
		c.newsCame(q, asked, now)
	}
}

// started ends the beginning: from now on a gap shows.
func (c *catchup) started() {
	c.start = false
	c.t.release()
}

// later asks for news again soon, if a connection was made just now, or after a while.
func (c *catchup) later(now time.Time) {
	c.cursor, c.width, c.narrow = 0, 0, false
	if c.news = now.Add(c.quiet); c.settling {
		c.settling, c.news = false, now.Add(c.settle)
	}
}

// filled takes what was missing.
func (c *catchup) filled(q question, asked []arrival, now time.Time) {
	before := c.t.last
	c.t.fill(q.from, q.to, asked)
	if c.t.last > before { // all up to the first hole
		c.width, c.narrow, c.misses, c.emptied, c.empties = 0, false, 0, false, 0
		return
	}
	if c.t.stage == following && !c.emptied {
		if c.misses++; c.misses < tries {
			c.at = now.Add(c.again << c.misses)
			return
		}
	}
	c.misses = 0
	c.t.skip(q.to, GapNotKept)
	if c.emptied = c.t.last == q.to && len(asked) == 0; !c.emptied {
		c.width, c.narrow = 0, false
		return
	}
	c.grow()
	c.leap()
}

// leap gives up the middle of a hole that is too wide to ask for all of it where the server can be asked for a page at a time only.
// One message with a number out of this world would keep back everything else for ever.
func (c *catchup) leap() {
	if !c.listed {
		return
	}
	const margin = emptyPages * pageSize // in which the server may have something again
	if c.empties++; c.empties < emptyPages {
		return
	}
	if from, to, missing := c.t.missing(); missing && to-from > margin {
		c.t.skip(to-margin, GapNotKept)
	}
}

// newsCame takes what was behind the last one.
func (c *catchup) newsCame(q question, asked []arrival, now time.Time) {
	high := c.t.high
	c.t.fill(q.from, q.to, asked) // what the answer has is known to exist, and what it lacks before that is missing
	switch {
	case c.t.high > high:
		if _, to, missing := c.t.missing(); missing && c.t.stage == oldest && to <= q.to {
			c.t.skip(to, GapNotKept) // it was looked for already
		}
		c.news, c.cursor, c.width, c.narrow = now, 0, 0, false
	case c.t.stage == oldest && q.to < farthest && !c.listed:
		c.cursor = q.to + 1
		c.grow()
	default:
		c.later(now)
	}
}

// grow asks for more from now on, because there was nothing.
func (c *catchup) grow() {
	if !c.narrow {
		c.width = min(c.span()*growth, farthest)
	}
}

// doubt decides whether the publisher counts anew: a store that has what is in doubt and not what came last, or another one in
// its place, is a new one.
func (c *catchup) doubt(q question, asked []arrival) {
	if len(c.t.doubts) == 0 && !c.t.checked {
		return
	}
	found := len(asked) > 0 && asked[0].SeqID == q.from
	suspect, is := c.t.suspect()
	switch {
	case c.lacksLast:
		c.lacksLast = false
		// A store with neither says little; but what is late does not come over a new connection, where nothing else waits.
		c.t.settle(is && (found && asked[0].mark == suspect.mark || !found && c.t.moved && len(c.t.waiting) == 0))
	case found:
		c.t.settle(c.t.another(asked[0]))
	case is:
		c.lacksLast = true
	default: // what it kept of the old numbering is gone; nothing speaks for a new one
		c.t.settle(false)
	}
}

// refused goes on where the server says that it cannot: because of ranges, of the size, or of one message that it cannot give.
func (c *catchup) refused(q question, said replay.Error, now time.Time) {
	c.at = now.Add(c.wait.Next())
	ranges := q.query.Range != replay.Range{}
	switch {
	case ranges && (strings.Contains(string(said), "_range") || strings.HasPrefix(string(said), "Unsupported")):
		c.listed, c.at = true, time.Time{}
	case q.purpose == askSince:
		c.took(q, nil, now)
	case q.purpose == askDoubt:
		c.unanswered(q, now)
	case c.span() == 1:
		c.took(q, nil, now)
	default:
		c.shrink()
		if said == replay.ErrTooLarge || said == replay.ErrTooMany {
			c.at = time.Time{}
		}
	}
}

// shrink asks for less from now on.
func (c *catchup) shrink() { c.width, c.narrow = max(c.span()/2, 1), true }

// unanswered waits before the next attempt, and gives up when that went on for too long.
func (c *catchup) unanswered(q question, now time.Time) {
	c.at = now.Add(c.wait.Next())
	if c.span() > 1 { // perhaps the answer was too large to come
		c.shrink()
	}
	_, suspect := c.t.suspect()
	switch {
	case q.purpose == askSince && len(c.t.waiting) > 0:
		c.started()
		return
	case q.purpose == askNews: // nothing is missing
		c.failing = time.Time{}
		return
	case q.purpose == askDoubt && !suspect: // nothing speaks for a new numbering, and what comes is not to wait
		c.t.settle(false)
		c.failing = time.Time{}
		return
	}
	if c.failing.IsZero() {
		c.failing = now
	}
	if c.dead = c.dead || now.Sub(c.failing) >= c.patience; !c.dead {
		return
	}
	switch q.purpose {
	case askDoubt:
		c.lacksLast = false
		c.t.settle(c.t.moved)
	case askFill:
		_, to, _ := c.t.missing()
		c.t.skip(to, GapUnanswered)
	}
}
