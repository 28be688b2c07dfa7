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
	away                 // the destination said that it takes nothing now
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
		r.relieve(false)
	}
	return s
}

// close closes the session; answers that come until then count.
func (s *session) close() {
	r := s.r
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
