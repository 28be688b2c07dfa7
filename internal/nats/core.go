package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const (
	// confirmEvery is after how many entries a confirmation is asked for while more are sent.
	confirmEvery = 128
	// confirmTime bounds the wait for one; the runner gives up on a silent server much earlier.
	confirmTime = 10 * time.Minute
)

// coreSession publishes to core NATS, which answers nothing: a PING behind a batch, once it is answered, says that the server has
// dealt with all before it.
type coreSession struct {
	session
	ask  chan struct{}  // has an element when there is something to confirm
	done sync.WaitGroup // confirm

	// Guarded by session.mu.
	last    uint64          // entry sent last
	unasked int             // entries sent since a confirmation was asked for
	refused map[string]bool // subjects that the server did not let this node publish on
	heard   error           // the newest fault that problem was told of
	news    chan struct{}   // has an element when heard has changed
}

var _ deliver.Session = (*coreSession)(nil)

func (s *sink) openCore(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	sess := &coreSession{
		session: session{sink: s, answers: answers},
		ask:     make(chan struct{}, 1), news: make(chan struct{}, 1), refused: make(map[string]bool),
	}
	l, err := s.dial(ctx, events{closed: sess.lost, problem: sess.problem})
	if err != nil {
		return nil, err
	}
	sess.link = l
	sess.done.Go(sess.confirm)
	return sess, nil
}

// Send publishes an entry.
func (s *coreSession) Send(ctx context.Context, e *fedmsg.Entry) error {
	if err := s.publish(ctx, e, ""); err != nil {
		return err
	}
	s.mu.Lock()
	s.last = e.Position.Seq
	s.unasked++
	enough := s.unasked >= confirmEvery
	s.mu.Unlock()
	if enough {
		return s.Flush(ctx)
	}
	return nil
}

// Flush has what was sent confirmed, and does not wait for it.
func (s *coreSession) Flush(context.Context) error {
	s.mu.Lock()
	s.unasked = 0
	s.mu.Unlock()
	select {
	case s.ask <- struct{}{}:
	default: // what is asked for is newer than what was sent
	}
	return nil
}

// Close ends the session.
func (s *coreSession) Close() error {
	err := s.session.Close()
	close(s.ask)
	s.done.Wait()
	return err
}

// confirm asks the server, one PING after the other, until the session ends.
func (s *coreSession) confirm() {
	for range s.ask {
		s.mu.Lock()
		through := s.last
		s.mu.Unlock()
		if s.link.FlushTimeout(confirmTime) != nil {
			return // the connection is over, which its own callback tells
		}
		if !s.awaitFaults() {
			return
		}
		s.answer(through)
	}
}

// awaitFaults returns when problem was told of all that the server complained about before the PING: that goes a way of its own.
func (s *coreSession) awaitFaults() bool {
	for {
		last := s.link.LastError()
		if last == nil || !errors.Is(last, nats.ErrPermissionViolation) {
			return true
		}
		s.mu.Lock()
		heard := s.heard == last
		s.mu.Unlock()
		if heard {
			return true
		}
		select {
		case <-s.news:
		case <-s.link.ended:
			return false
		}
	}
}

// answer tells of the entries up to and including one that they are delivered, but for those whose subject was refused.
func (s *coreSession) answer(through uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for len(s.sent.list) > 0 && s.sent.list[0].seq <= through {
		e, _ := s.sent.take(s.sent.list[0].seq)
		if s.refused[e.subject] {
			s.answers.Done(e.seq, s.notPermitted(e.subject, s.heard))
			continue
		}
		if e.lossy {
			s.answers.Remark(e.seq, lossyRemark)
		}
		s.answers.Done(e.seq, nil)
	}
}

// problem remembers a subject that is not permitted.
func (s *coreSession) problem(_ *nats.Subscription, err error) {
	subject, ok := refusedSubject(err)
	if !ok {
		s.lost(s.sink.failed(err))
		return
	}
	s.mu.Lock()
	s.heard = err
	if len(s.refused) < SinkInFlight {
		s.refused[subject] = true
	}
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}
