package mesh

import (
	"time"

	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/replay"
)

// purpose is what a question is for.
type purpose uint8

const (
	askSince purpose = iota // what came since the subscription began, before anything was heard
	askFill                 // what is missing between what was given and what waits
	askNews                 // whether there is more than what was heard
	askDoubt                // whether the publisher counts anew
)

// question is one request to a replay server.
type question struct {
	purpose  purpose
	query    replay.Query
	from, to uint64 // the numbers that it is about
}

// times says how long things may take.
type times struct {
	patience time.Duration // how long nobody may answer before a gap is told
	reorder  time.Duration // how long what is missing may still be on its way, where there is nobody to ask
	again    time.Duration // before a number that is not there is asked for again; it doubles
	settle   time.Duration // after a connection was made, until the subscriptions stand for sure
	quiet    time.Duration // after what silence it is asked whether there is more
}

// usual are the times where nothing else is said.
func usual() times {
	return times{patience: 30 * time.Second, reorder: 200 * time.Millisecond, again: 100 * time.Millisecond, settle: time.Second, quiet: 10 * time.Second}
}

const (
	// pageSize is how many numbers are asked for at once.
	pageSize = 1000
	// tries is how often a number is asked for that an answer did not have: it may have been given out and not stored yet.
	tries = 3
	// farthest is the highest number that is looked for where nobody knows of any.
	farthest = 1 << 53
	// emptyPages is after how many questions in a row to which there was nothing the middle of a hole is given up.
	emptyPages = 64
	// growth is by how much a question gets wider after one to which there was nothing.
	growth = 8
)

// catchup decides what to ask the replay server of one service, and what the answers come to. It is a state machine without
// clock and network: the time comes in with each call. It belongs to the goroutine of the service.
type catchup struct {
	times
	t     *tracker
	alone bool // there is nobody to ask
	since time.Time
	start bool // what came since is to be asked for, while nothing is known

	wait      backoff.Backoff
	at        time.Time // nothing is asked before
	width     uint64    // how many numbers are asked for at once
	narrow    bool      // width was too much once
	listed    bool      // the server understands no ranges
	cursor    uint64    // from where the oldest is looked for, where no number is known
	misses    int       // how often the next number was not there
	emptied   bool      // and what is behind it may be passed over without asking again
	empties   int       // answers in a row without anything, of a server that understands no ranges
	lacksLast bool      // the server does not have what came last
	failing   time.Time // since when nobody answers; zero: the last one answered
	dead      bool      // and patience was over; until one answers there is none

	news     time.Time // when to ask for news; zero: not
	settling bool      // a connection was made, and news are asked for twice
	gapAt    time.Time // since when something is missing and there is nobody to ask
}

// connected tells that a connection to the publisher was made.
func (c *catchup) connected(now time.Time) {
	c.t.connected()
	if c.alone {
		return
	}
	c.t.held = c.t.stage == fresh && c.start
	c.t.check()
	c.news, c.settling, c.cursor = now, true, 0
}

// heard tells that messages came, so that the subscriptions stand and a gap would show.
func (c *catchup) heard(now time.Time) {
	if !c.news.IsZero() && c.t.stage == following && !c.t.checked {
		c.news, c.settling = now.Add(c.quiet), false
	}
}

// next gives the question to ask now, or the wait until there may be one; 0 is until something happens.
func (c *catchup) next(now time.Time) (q question, ok bool, wait time.Duration) {
	if c.t.anew {
		c.t.anew = false
		c.renew()
	}
	if c.alone {
		return question{}, false, c.without(now)
	}
	if wait = c.at.Sub(now); wait > 0 && c.due(now) {
		return question{}, false, wait
	}
	switch from, to, missing := c.t.missing(); {
	case c.t.held && !c.dueSince(now):
		return question{}, false, c.news.Sub(now)
	case c.t.held:
		span := replay.Span{From: c.since.Truncate(time.Second), To: time.Unix(1<<32, 0)}
		return question{purpose: askSince, query: replay.Query{Time: span}, from: 1, to: farthest}, true, 0
	case len(c.t.doubts) > 0 || c.t.checked:
		n := c.t.last
		if a, ok := c.t.suspect(); ok && c.lacksLast {
			n = a.SeqID
		}
		return question{purpose: askDoubt, query: replay.Query{Seqs: []uint64{n}}, from: n, to: n}, true, 0
	case missing:
		return c.about(askFill, from, min(to, from+c.span()-1)), true, 0
	case c.news.IsZero() || c.t.stage == fresh:
		return question{}, false, 0
	case c.news.After(now):
		return question{}, false, c.news.Sub(now)
	}
	return c.askNews(), true, 0
}

// due tells whether there is anything to ask.
func (c *catchup) due(now time.Time) bool {
	if c.t.held {
		return c.dueSince(now)
	}
	_, _, missing := c.t.missing()
	return missing || len(c.t.doubts) > 0 || c.t.checked || !c.news.IsZero() && !c.news.After(now)
}

// dueSince tells whether to ask what came since the subscription began: when a connection was made, once more when the
// subscription stands for sure, and when something came, before it is given.
func (c *catchup) dueSince(now time.Time) bool { return len(c.t.waiting) > 0 || !c.news.After(now) }

// askNews asks for what is behind the last one.
func (c *catchup) askNews() question {
	from := max(c.t.last+1, c.cursor)
	return c.about(askNews, from, from+c.span()-1)
}

// about makes a question about numbers.
func (c *catchup) about(p purpose, from, to uint64) question {
	q := question{purpose: p, from: from, to: to}
	if !c.listed {
		q.query.Range = replay.Range{From: from, To: to}
		return q
	}
	for n := from; n <= to; n++ {
		q.query.Seqs = append(q.query.Seqs, n)
	}
	return q
}

// span is how many numbers to ask for.
func (c *catchup) span() uint64 {
	if c.width == 0 {
		c.width = pageSize
	}
	if c.listed {
		c.width = min(c.width, pageSize)
	}
	return c.width
}

// renew begins anew with a publisher that does.
func (c *catchup) renew() {
	c.width, c.narrow, c.cursor, c.misses, c.emptied = 0, false, 0, 0, false
}

// without decides where there is nobody to ask.
func (c *catchup) without(now time.Time) (wait time.Duration) {
	if c.t.held {
		c.t.release()
	}
	switch _, suspect := c.t.suspect(); {
	case !suspect:
		c.t.settle(false)
	case c.t.moved:
		c.t.settle(true)
	default:
		c.t.pass()
	}
	_, to, missing := c.t.missing()
	switch {
	case !missing:
		c.gapAt = time.Time{}
		return 0
	case c.gapAt.IsZero():
		c.gapAt = now
	}
	if wait = c.gapAt.Add(c.reorder).Sub(now); wait > 0 {
		return wait
	}
	c.t.skip(to, GapNoReplay)
	c.gapAt = time.Time{}
	return c.without(now)
}
