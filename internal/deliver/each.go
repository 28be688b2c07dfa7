package deliver

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// Deliverer is a destination that takes one entry at a time and keeps no connection.
type Deliverer interface {
	// Deliver must be safe to call again with the same entry: the place is saved after it returns, and a crash between the two
	// repeats the call. An error made by Permanent gives the entry up; any other is tried again. Several goroutines may call it.
	// It returns soon after ctx has ended.
	Deliver(ctx context.Context, e *fedmsg.Entry) error
}

// Each makes a Sink of a Deliverer, with at most that many calls at once. Above one, order is not kept.
func Each(d Deliverer, concurrency int) Sink { return &each{d, max(1, concurrency)} }

type each struct {
	d           Deliverer
	concurrency int
}

// Open needs no connection.
func (s *each) Open(ctx context.Context, answers *Answers) (Session, error) {
	return &eachSession{d: s.d, ctx: ctx, answers: answers, turns: make(chan struct{}, s.concurrency)}, nil
}

// eachSession runs a goroutine for each entry under way.
type eachSession struct {
	d       Deliverer
	ctx     context.Context // of the session: calls go on when Send has returned
	answers *Answers
	turns   chan struct{} // holds one for each call under way
	calls   sync.WaitGroup
}

// Send waits for its turn.
func (s *eachSession) Send(ctx context.Context, e *fedmsg.Entry) error {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.calls.Go(func() {
		defer func() { <-s.turns }()
		if err := s.d.Deliver(s.ctx, e); err == nil || s.ctx.Err() == nil { // what was cut off is nobody's fault
			s.answers.Done(e.Position.Seq, err)
		}
	})
	return nil
}

// Flush has nothing to do.
func (s *eachSession) Flush(context.Context) error { return nil }

// Close waits for the calls under way.
func (s *eachSession) Close() error {
	s.calls.Wait()
	return nil
}
