package deliver

import (
	"errors"
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

// accuse counts an attempt of the entry, and gives it up behind the last one. The caller holds mu.
func (r *runner) accuse(it *item, err error) {
	if r.attempt(it) < r.cfg.Attempts {
		r.window.keep(it)
		return
	}
	r.window.spoil(it, err)
	r.notify()
}

func (r *runner) attempt(it *item) int {
	if r.marks == nil {
		r.marks = map[uint64]mark{}
	}
	seq := it.entry.Position.Seq
	m := r.marks[seq]
	m.attempts++
	r.marks[seq] = m
	return m.attempts
}

// judge decides what follows from the end of a session.
func (r *runner) judge(s *session) {
	r.mu.Lock()
	why, err := s.why, s.err
	if s.progressed || r.now().Sub(s.began) >= r.cfg.RetryMax {
		r.retry.Reset()
	}
	if r.window.open > 0 || why == blamed {
		r.tally.retried++
	}
	r.blame.probe = 0
	if why == lost {
		r.suspect(s)
	}
	r.mu.Unlock()
	switch why {
	case blamed, lost, silent:
		r.bury()
		r.wait(err)
	}
}

// suspect looks for the entry that makes the destination break off. The caller holds mu.
func (r *runner) suspect(s *session) {
	if r.window.open == 0 {
		return
	}
	it := r.window.front()
	head := it.entry.Position.Seq
	b := &r.blame
	switch {
	case s.probe > 0: // that tells nothing about the head
	case r.alone():
		if it.fate == sent {
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

// wait says when the next session is opened, behind one that ended or could not be opened.
func (r *runner) wait(err error) {
	now := r.now()
	r.until = now.Add(r.retry.Next())
	r.become(StateWaiting, err)
	if age := now.Sub(r.saidAt); age >= troubleEvery || !r.said && age >= troubleEvery/6 {
		r.said, r.saidAt = true, now
		r.logger.Warn("a sink does not get through; it is tried again", "error", err)
	}
}

// relieve says that a trouble is over.
func (r *runner) relieve() {
	if r.said {
		r.said = false
		r.logger.Info("a sink gets through again")
	}
}

// become notes what the sink is doing, and why.
func (r *runner) become(state State, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
	if err != nil {
		r.lastErr, r.lastTime = sentence(err), r.now()
	}
}

// sentence is what is shown of an error: without the insides, where it has a sentence of its own.
func sentence(err error) string {
	if e, ok := errors.AsType[*fedmsg.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// markSettled keeps in mind that an entry behind the place is settled. The caller, which is run, holds mu.
func (r *runner) markSettled(seq uint64) {
	if r.marks == nil {
		r.marks = map[uint64]mark{}
	}
	if !r.marks[seq].settled {
		r.before++
	}
	r.marks[seq] = mark{settled: true}
}

// reread goes back to the place, to read again what was under way in the session that ended. What was settled behind the place is
// marked, so that it is not sent again.
func (r *runner) reread() {
	r.mu.Lock()
	if r.window.n == 0 {
		r.mu.Unlock()
		return
	}
	for i := range r.window.n {
		it := r.window.at(i)
		seq := it.entry.Position.Seq
		if it.fate != settled {
			continue
		}
		r.markSettled(seq)
	}
	r.window.clear()
	after := r.through
	r.mu.Unlock()
	r.open(after)
}
