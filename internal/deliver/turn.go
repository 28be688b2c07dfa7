package deliver

import (
	"time"

	"github.com/federated-messaging/fedmsg"
)

// verdict is what comes next in a session.
type verdict uint8

const (
	admitted verdict = iota // the entry is in the window; it is to be sent
	again                   // there is more to look at
	tend                    // the place is to be saved, an entry to be buried, or a letter to be removed
	idle                    // everything there is was sent
	full                    // there is more, for later
	finish                  // the session is to be closed
)

// turn sends what there is, then waits until there is something else to do. It reports whether the session goes on.
func (r *runner) turn(s *session) bool {
	for {
		e, saw := r.look()
		v, until := r.admit(s, e, saw)
		switch v {
		case admitted:
			s.send(e)
			continue
		case again:
			continue
		case tend:
			r.bury()
			r.save()
			continue
		case finish:
			return false
		}
		if s.buffered {
			s.flush()
			continue
		}
		where := onWake
		if v == idle && saw == end {
			where = onLog
		}
		if saw == failed {
			until = sooner(until, r.logUntil)
		}
		r.park(where, sooner(until, r.saveIdle()))
		return true
	}
}

// admit takes the entry into the window, if there is one and nothing else comes first, or says what does and until when to wait.
func (r *runner) admit(s *session, e *fedmsg.Entry, saw sight) (verdict, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || len(r.requests) > 0 {
		s.drain(asked, nil)
	}
	switch {
	case s.over || s.draining && r.window.open == 0:
		return finish, time.Time{}
	case r.window.bad > 0, len(r.redeemed) > 0, r.progress == delivered && r.heard.Sub(r.saved) >= saveEvery:
		return tend, time.Time{}
	case s.draining:
		return full, time.Time{}
	case saw == interrupted:
		return again, time.Time{}
	case s.probe > 0:
		return r.admitProbe(s, e), time.Time{}
	case e == nil:
		return r.idle(s)
	case !r.room():
		r.starved = true
		return full, time.Time{}
	}
	r.take(s, e, sent)
	return admitted, time.Time{}
}

// idle is the verdict where nothing is at hand: an idle session ends, and an idle window lets go of its memory.
func (r *runner) idle(s *session) (verdict, time.Time) {
	if r.window.open > 0 {
		return idle, time.Time{}
	}
	var until time.Time
	now := r.now()
	if d := r.cfg.IdleTimeout; d > 0 {
		if until = r.heard.Add(d); !now.Before(until) {
			s.drain(asked, nil)
			return finish, time.Time{}
		}
	}
	if r.window.n == 0 && len(r.window.items) > smallWindow {
		at := r.heard.Add(restAfter)
		if now.Before(at) {
			return idle, sooner(until, at)
		}
		r.window.clear()
	}
	return idle, until
}

// room reports whether another entry may be sent. The window is bounded with what is settled in it, so that one entry that is not
// cannot let everything by.
func (r *runner) room() bool {
	limit := r.cfg.InFlight
	if r.alone() {
		limit = 1
	}
	return r.window.n == 0 || r.window.n < limit && r.window.bytes < maxWindowSize
}

// take takes the entry into the window; one that is sent the caller sends.
func (r *runner) take(s *session, e *fedmsg.Entry, f fate) {
	r.peeked = nil
	r.read, r.taken = e.Position.Seq, e.Position.Seq
	r.oldest = time.Time{}
	if f == sent {
		s.last = e.Position.Seq
		if r.window.open == 0 {
			r.heard = r.now()
			s.watchSilence()
		}
	}
	r.window.push(e, f)
}
