package delivertest

import (
	"context"
	"errors"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// errFault is what a call fails with that the suite lets fail.
var errFault = errors.New("the test broke it")

// fate is what becomes of a call.
type fate uint8

const (
	passes   fate = iota
	fails         // it is not done
	happened      // it is done, and fails
	loses         // it is done, and then the session is told to be lost
)

// call names what a runner calls.
type call string

const (
	callOpen  call = "open"
	callSend  call = "send"
	callFlush call = "flush"
	callClose call = "close"
)

// between stands between the runner and the sink under test: it counts calls and lets some of them fail.
type between struct {
	deliver.Sink

	mu    sync.Mutex
	at    call // what fails
	fate  fate
	every int // each so many calls
	left  int // so often
	calls map[call]int
}

func newBetween(s deliver.Sink) *between { return &between{Sink: s, calls: map[call]int{}} }

// fail lets each every-th call fail, so often.
func (b *between) fail(at call, f fate, every, times int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.fate, b.every, b.left = at, f, every, times
}

// pending tells how many of the faults are still to come.
func (b *between) pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left
}

// count gives how often something was called.
func (b *between) count(c call) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[c]
}

func (b *between) next(c call) fate {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[c]++
	if c != b.at || b.left == 0 || b.calls[c]%b.every != 0 {
		return passes
	}
	b.left--
	return b.fate
}

// Open opens the sink under test.
func (b *between) Open(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	f := b.next(callOpen)
	if f == fails {
		return nil, errFault
	}
	s, err := b.Sink.Open(ctx, answers)
	if err != nil {
		return nil, err
	}
	if f == happened {
		return nil, errors.Join(errFault, s.Close())
	}
	return &session{s, b, answers}, nil
}

// session is a session of the sink under test.
type session struct {
	deliver.Session
	b       *between
	answers *deliver.Answers
}

// Send sends.
func (s *session) Send(ctx context.Context, e *fedmsg.Entry) error {
	f := s.b.next(callSend)
	if f == fails {
		return errFault
	}
	err := s.Session.Send(ctx, e)
	if f == happened || f == loses {
		err = errors.Join(err, s.Flush(ctx))
	}
	switch {
	case err != nil:
		return err
	case f == happened:
		return errFault
	case f == loses:
		s.answers.Lost(errFault)
	}
	return nil
}

// Flush flushes.
func (s *session) Flush(ctx context.Context) error {
	f := s.b.next(callFlush)
	if f == fails {
		return errFault
	}
	err := s.Session.Flush(ctx)
	if f == happened && err == nil {
		return errFault
	}
	return err
}

// Close closes, in any case.
func (s *session) Close() error {
	f := s.b.next(callClose)
	err := s.Session.Close()
	if f == happened {
		return errors.Join(errFault, err)
	}
	return err
}
