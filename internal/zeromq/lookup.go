package zeromq

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	query "github.com/federated-messaging/fedmsg/internal/replay"
	"github.com/federated-messaging/fedmsg/internal/seqid"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// The bounds of one answer, beside zeromq.replay_messages. What is beyond them is left out from the end, so that whoever asks
// for what is behind what it got gets the rest.
const (
	maxAnswer = 16 << 20  // bytes of the envelopes, unless one alone has more
	maxLooked = 1_000_000 // entries that are looked at
)

// Messages are asked for by the time that their publisher gave them, and the log is in order of the time at which they were
// received. They come at most so much before and behind that time, which are the bounds for the clocks of publishers where
// nothing else is configured. What came later, from a spool or an archive, is found by its number or id only.
const (
	clockAhead  = time.Minute
	clockBehind = time.Hour
)

// lookup finds what one request asks for. Entries outside the scope do not exist for it.
type lookup struct {
	ctx    context.Context // ends it early, which is an error
	deps   *Deps
	format format             // of the answers
	scope  [][]fedmsg.Pattern // of each one pattern must match
	most   int                // messages

	found  map[uint64][]byte // the answers by their entries' numbers in the log; copies, as one may hold much of a log file
	looked int               // entries that were looked at
}

// all gives the envelopes, in the log's order.
func (l *lookup) all(q *query.Query) (all [][]byte, err error) {
	if err = l.byID(q.IDs); err == nil {
		err = l.byNumber(q)
	}
	if err == nil && !q.Time.Empty() {
		err = l.byTime(q.Time)
	}
	if err == nil && q.All {
		err = l.everything()
	}
	if err != nil {
		return nil, err
	}
	for size, seqs := 0, slices.Sorted(maps.Keys(l.found)); len(seqs) > 0 && len(all) < l.most; seqs = seqs[1:] {
		e := l.found[seqs[0]]
		if size += len(e); size > maxAnswer && len(all) > 0 {
			break
		}
		all = append(all, e)
	}
	switch {
	case len(all) > 0:
		return all, nil
	case l.looked >= maxLooked:
		return nil, query.ErrTooLarge
	}
	return nil, query.ErrNoMatch
}

// add takes an entry that is asked for, if it may be seen.
func (l *lookup) add(e *fedmsg.Entry) bool {
	if e.Redacted {
		return false
	}
	for _, patterns := range l.scope {
		if !covers(patterns, e.Topic) {
			return false
		}
	}
	l.found[e.Position.Seq] = l.format.answer(e)
	return true
}

func (l *lookup) byID(ids []string) error {
	for _, id := range ids {
		e, ok, err := l.deps.Log.Find(id)
		if err != nil {
			return err
		}
		if ok {
			l.add(&e)
		}
	}
	return l.ctx.Err()
}

// apart is up to how far apart two numbers are that are not looked for one by one.
const apart = 256

// byNumber finds the entries with the numbers of seq_id, seq_ids and seq_id_range.
func (l *lookup) byNumber(q *query.Query) error {
	if l.deps.Numbers == nil {
		return nil
	}
	next, more := nextNumber(q, 1)
	for budget := l.budget(); more; {
		at, there, err := l.deps.Numbers.Find(next)
		if err != nil || !there {
			return err
		}
		err = l.walk(at-1, func(e *fedmsg.Entry) bool {
			n := seqid.Of(e)
			if n == 0 {
				return true
			}
			if next, more = nextNumber(q, n); more && next == n {
				budget.take(l, e)
				next, more = nextNumber(q, n+1)
			}
			return more && !budget.spent() && next-n <= apart
		})
		if err != nil || budget.spent() || l.looked >= maxLooked {
			return err
		}
	}
	return nil
}

// nextNumber gives the smallest number from n on that is asked for.
func nextNumber(q *query.Query, n uint64) (next uint64, more bool) {
	if i, _ := slices.BinarySearch(q.Seqs, n); i < len(q.Seqs) {
		next, more = q.Seqs[i], true
	}
	if !q.Range.Empty() && n <= q.Range.To {
		if first := max(n, q.Range.From); !more || first < next {
			next, more = first, true
		}
	}
	return next, more
}

// byTime finds messages that say that they are of a time.
func (l *lookup) byTime(span query.Span) error {
	after, err := l.deps.Log.SeekTime(span.From.Add(-clockAhead))
	if err != nil {
		return err
	}
	budget := l.budget()
	return l.walk(after, func(e *fedmsg.Entry) bool {
		if e.Received.After(span.To.Add(clockBehind)) {
			return false
		}
		if at, known := wire.TimeOf(e.Envelope); known && span.Holds(at) {
			budget.take(l, e)
		}
		return !budget.spent()
	})
}

// everything finds all there is, the oldest first.
func (l *lookup) everything() error {
	budget := l.budget()
	return l.walk(0, func(e *fedmsg.Entry) bool {
		budget.take(l, e)
		return !budget.spent()
	})
}

// budget is what one part of a request may still find. Each part has its own: of two that overlap the first must not cost the
// second.
type budget struct{ messages, bytes int }

func (l *lookup) budget() *budget { return &budget{l.most, maxAnswer} }

func (b *budget) take(l *lookup, e *fedmsg.Entry) {
	if l.add(e) {
		b.messages--
		b.bytes -= len(e.Envelope)
	}
}

func (b *budget) spent() bool { return b.messages <= 0 || b.bytes < 0 }

// walk calls each for the entries behind one, until it returns false, the log ends, or too much was looked at.
func (l *lookup) walk(after uint64, each func(*fedmsg.Entry) bool) error {
	c := l.deps.Feed.Cursor(after)
	defer c.Close()
	for ; l.looked < maxLooked; l.looked++ {
		it, err := next(c)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case l.ctx.Err() != nil:
			return l.ctx.Err()
		case !each(it.Entry):
			return nil
		}
	}
	return nil
}

// next gives the next entry that there is.
func next(c *feed.Cursor) (feed.Item, error) {
	for {
		it, err := c.Next()
		if _, gap := errors.AsType[*fedmsg.Gap](err); !gap {
			return it, err
		}
	}
}
