package deliver

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// session is one session of a sink at work.
type session struct {
	r      *runner
	conn   Session
	ctx    context.Context // of the connection; ends by cancel only
	cancel context.CancelFunc

	// Owned by run.
	buffered bool      // something was sent and not flushed
	began    time.Time // when it was opened
	probe    int       // so many entries are held back, and the next one is sent alone; 0 holds none back
	probed   bool      // it was sent

	// Guarded by the runner's mu.
	over       bool        // run closes it now
	closed     bool        // it has no more say
	draining   bool        // nothing more is sent; it is over when nothing is open
	why        ending      // why it is over or draining
	err        error       // what the destination or the session said
	progressed bool        // it brought through forward
	last       uint64      // number of the last entry sent
	watch      *time.Timer // looks for silence while something is open
	watching   bool
	hurry      *time.Timer // ends the draining
	kill       *time.Timer // ends ctx when the node stops
}

// ending is why a session ended.
type ending uint8

const (
	asked  ending = iota // the runner has no need of it, or has something else to do
	blamed               // the destination refused one entry for now
	lost                 // it was lost
	silent               // the destination did not answer
	halted               // the dead letters have no room
)

var (
	errSilent = fedmsg.Errorf(fedmsg.CodeTimeout, "the other side does not answer")
	errClosed = fedmsg.Errorf(fedmsg.CodeUnavailable, "the connection was closed")
)

// converse opens a session and sends what there is, for as long as the session lasts and is needed.
func (r *runner) converse() {
	s := r.connect()
	if s == nil {
		return
	}
	for r.turn(s) {
	}
	s.close()
	r.bury()
	r.judge(s)
	r.reread()
}

// connect opens a session, or says when it is tried again.
func (r *runner) connect() *session {
	s := &session{r: r}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	r.mu.Lock()
	if r.stopping || len(r.requests) > 0 {
		r.mu.Unlock()
		s.cancel()
		return nil
	}
	r.session = s
	r.mu.Unlock()
	late := time.AfterFunc(r.cfg.AnswerTimeout, s.cancel)
	conn, err := r.sink.Open(s.ctx, &Answers{s})
	if !late.Stop() {
		if err == nil {
			_ = conn.Close() // it came too late
		}
		err = errSilent
	}
	if err != nil {
		s.cancel()
		r.mu.Lock()
		r.session, s.closed = nil, true
		quiet := r.stopping || len(r.requests) > 0
		r.mu.Unlock()
		if !quiet {
			r.wait(err)
		}
		return nil
	}
	r.mu.Lock()
	s.conn = conn
	s.began, s.probe = r.now(), r.blame.probe
	r.heard = s.began
	r.mu.Unlock()
	r.become(StateRunning, nil)
	if r.peeked == nil {
		r.relieve()
	}
	return s
}

// close closes the session; answers that come until then count.
func (s *session) close() {
	r := s.r
	r.mu.Lock()
	why := s.why
	r.mu.Unlock()
	if why == silent {
		s.cancel()
	}
	late := time.AfterFunc(r.cfg.AnswerTimeout, s.cancel)
	if err := s.conn.Close(); err != nil {
		r.logger.Debug("a session did not close well", "error", err)
	}
	late.Stop()
	s.cancel()
	r.mu.Lock()
	s.closed, r.session = true, nil
	for _, t := range []*time.Timer{s.watch, s.hurry, s.kill} {
		if t != nil {
			t.Stop()
		}
	}
	r.mu.Unlock()
}

// verdict is what comes next in a session.
type verdict uint8

const (
	admitted verdict = iota // the entry is in the window; it is to be sent
	again                   // there is more to look at
	tend                    // the place is to be saved, or an entry to be buried
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

// saveIdle is saveAt where nothing is left to do: if nothing is open either, what was delivered is saved now.
func (r *runner) saveIdle() time.Time {
	r.mu.Lock()
	now := r.window.n == 0 && r.progress == delivered
	r.mu.Unlock()
	if now {
		r.save()
	}
	return r.saveAt()
}

// admit takes the entry into the window, if there is one and nothing else comes first, or says what does and until when to wait.
func (r *runner) admit(s *session, e *fedmsg.Entry, saw sight) (verdict, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || len(r.requests) > 0 {
		s.drain(asked, nil)
	}
	switch {
	case s.over || s.draining && r.window.open == 0 && r.window.bad == 0:
		return finish, time.Time{}
	case r.window.bad > 0, r.progress == delivered && r.heard.Sub(r.saved) >= saveEvery:
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

// send sends an entry that was admitted.
func (s *session) send(e *fedmsg.Entry) {
	s.buffered = true
	err := s.conn.Send(s.ctx, e)
	switch {
	case err == nil:
	case IsPermanent(err):
		s.done(e.Position.Seq, err)
	default:
		s.lost(err)
	}
}

func (s *session) flush() {
	s.buffered = false
	if err := s.conn.Flush(s.ctx); err != nil {
		s.lost(err)
	}
}
