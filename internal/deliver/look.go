package deliver

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// sight is what look saw.
type sight uint8

const (
	found       sight = iota // a wanted entry
	end                      // none yet
	interrupted              // much that is not wanted, and perhaps more
	failed                   // the log cannot be read
)

// look reads on to the next wanted entry, which it gives again until it is taken by admit.
func (r *runner) look() (*fedmsg.Entry, sight) {
	if e := r.peeked; e != nil {
		if r.wants(e) {
			return e, found
		}
		r.peeked = nil
	}
	if r.logErr != nil && r.now().Before(r.logUntil) {
		return nil, failed
	}
	for range lookMost {
		e, err := r.cursor.Next()
		switch {
		case err == nil:
			r.readable()
			if r.wants(e) {
				r.peeked = e
				return e, found
			}
		case errors.Is(err, io.EOF):
			r.readable()
			return nil, end
		default:
			gap, ok := errors.AsType[*fedmsg.Gap](err)
			if !ok {
				r.unreadable(err)
				return nil, failed
			}
			r.mu.Lock()
			r.read = max(r.read, gap.To.Seq)
			r.mu.Unlock()
			r.gap(gap)
		}
	}
	return nil, interrupted
}

// wants reports whether the entry is to be sent. One that is not wanted, too old, or delivered already is gone by then.
func (r *runner) wants(e *fedmsg.Entry) bool {
	wanted := r.filter.MatchEntry(e)
	erased := wanted && r.isRedacted(e) // there is nothing left to be sent
	stale := wanted && !erased && r.cfg.MaxAge > 0 && r.now().Sub(e.Received) > r.cfg.MaxAge
	if wanted && !stale && !erased && r.placed && r.before == 0 {
		return true
	}
	r.placed = true
	r.mu.Lock()
	defer r.mu.Unlock()
	p := e.Position
	if r.through.Log == "" { // it stood before the oldest entry, of which nobody knew the number
		r.through, r.read = fedmsg.Position{Log: p.Log, Seq: p.Seq - 1}, p.Seq-1
		r.progress = delivered // saved soon, because retention asks for it
		r.noteBegin()
	}
	before := len(r.marks) > 0 && r.marks[p.Seq].settled
	if wanted && !stale && !erased && !before {
		return true
	}
	r.read = p.Seq
	how := passed
	switch {
	case before:
		how = delivered
		r.before--
		delete(r.marks, p.Seq)
		if r.window.n > 0 {
			r.window.push(e, settled)
		}
	case stale:
		r.noteSkip(p.Seq, p.Seq, reasonOld)
	case erased:
		r.unburied = slices.DeleteFunc(r.unburied, func(l deadletter.Letter) bool { return l.Entry.Position.Seq == p.Seq })
		r.noteSkip(p.Seq, p.Seq, reasonRedacted)
	}
	r.advance(how)
	return false
}

// isRedacted reports whether there is nothing left of an entry that anybody may be given, also where it was read before that.
func (r *runner) isRedacted(e *fedmsg.Entry) bool {
	return e.Redacted || r.erased != nil && r.erased(e)
}

// readable notes that the log can be read.
func (r *runner) readable() {
	if r.logErr == nil {
		return
	}
	r.logErr = nil
	r.logRetry.Reset()
	r.goOn()
}

// unreadable notes that it cannot, and when it is tried again. A node that stops says so too; that is no fault of the sink.
func (r *runner) unreadable(err error) {
	r.logErr = err
	r.logUntil = r.now().Add(r.logRetry.Next())
	if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		r.halt(err)
	}
}

// gap tells of what the log could not give.
func (r *runner) gap(g *fedmsg.Gap) {
	from := g.From.Seq
	if g.From.Log != g.To.Log { // it was through with those that this log has of that one
		from = r.logs.before[g.From.Log] + 1
	}
	r.mu.Lock()
	if from <= g.To.Seq {
		r.noteSkip(from, g.To.Seq, reasonGap(g.Reason))
	}
	r.progress = max(r.progress, passed)
	r.advance(passed)
	r.mu.Unlock()
	r.logger.Warn("a sink misses entries", "from", g.From, "to", g.To, "reason", g.Reason)
}

// rest waits between sessions: for the log where nothing is at hand, and for a notification or the time.
func (r *runner) rest(s sight, until time.Time) {
	where := onWake
	if s == end {
		where = onLog
	}
	r.park(where, sooner(until, r.saveAt()))
}
