package deliver

import (
	"fmt"

	"github.com/federated-messaging/fedmsg"
)

// lossesToSuspect is how many sessions in a row have to be lost with the same oldest entry before the entries go one at a time.
const lossesToSuspect = 3

// suspicion is what is guessed about sessions that were lost without anybody's fault being known.
//
// The oldest entry of such sessions may be at fault, or the destination. So the entries go one at a time; one with which the session
// is lost often enough is given up. That is a guess, and no second one is made before the destination has shown that it takes
// anything at all. Where the next entry fares the same, others further on are tried between its attempts: these alone may
// overtake.
type suspicion struct {
	head    uint64 // the oldest entry of the last lost session
	losses  int    // how many were lost in a row with it
	through uint64 // entries up to this one go one at a time
	guessed bool   // an entry was given up on a guess, and nothing was delivered since
	probe   int    // in the next session so many entries are held back, and the one behind is tried
	reach   int    // the last such number
}

// maxReach bounds how many entries are held back.
const maxReach = 64

// alone reports whether entries go one at a time. The caller holds mu.
func (r *runner) alone() bool { return r.through.Seq < r.blame.through }

// suspect looks for the entry that makes the destination break off. The caller holds mu.
func (r *runner) suspect(s *session) {
	if r.window.open == 0 {
		return
	}
	it := r.window.front()
	head := it.entry.Position.Seq
	b := &r.blame
	switch {
	case r.alone():
		if it.fate == sent { // else it was held back, and another one was tried, which tells nothing
			r.suspectAlone(s, it)
		}
	case head == b.head && !s.progressed:
		if b.losses++; b.losses >= lossesToSuspect {
			b.through = s.last
		}
	default:
		b.head, b.losses = head, 1
	}
}

// suspectAlone goes on from a session that was lost when this entry alone was under way. The caller holds mu.
func (r *runner) suspectAlone(s *session, it *item) {
	b := &r.blame
	n := r.attempt(it)
	if n < r.cfg.Attempts {
		return
	}
	if b.guessed {
		if b.reach *= 2; b.reach == 0 || b.reach > maxReach {
			b.reach = 1
		}
		b.probe = b.reach
		return
	}
	b.guessed, b.reach = true, 0
	r.window.spoil(it, &fedmsg.Error{
		Code:    fedmsg.CodeUnavailable,
		Message: fmt.Sprintf("the other side broke off %d times when this message alone was under way: %s", n, sentence(s.err)),
	})
}

// admitProbe holds entries back, and then takes one. The caller holds mu.
func (r *runner) admitProbe(s *session, e *fedmsg.Entry) verdict {
	switch {
	case r.window.open > 0:
		return full
	case s.probed || e == nil: // it is answered, or there is none so far on
		s.drain(asked, nil)
		return finish
	case r.window.n < s.probe:
		r.take(s, e, kept)
		return again
	}
	s.probed = true
	r.take(s, e, sent)
	return admitted
}
