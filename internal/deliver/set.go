package deliver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// Set is the sinks of a node at work. All methods may be called by any goroutine.
type Set struct {
	runners []*runner // in the order of the configuration; fixed
	left    deadletter.Left
}

// New opens the places and dead letters of each sink. On an error nothing stays open.
func New(sinks []Configured, deps Deps) (*Set, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	s := &Set{}
	s.left = deadletter.Left{Dir: deps.Dir, Kind: deadletter.KindSink, Configured: s.has}
	for _, c := range sinks {
		r, err := newRunner(c, deps)
		if err != nil {
			return nil, errors.Join(err, s.closePlaces())
		}
		s.runners = append(s.runners, r)
	}
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(newMetrics(s)); err != nil {
			return nil, errors.Join(err, s.closePlaces())
		}
	}
	return s, nil
}

// Start begins to deliver.
func (s *Set) Start() {
	for _, r := range s.runners {
		r.mu.Lock()
		if !r.started {
			r.started = true
			go r.run()
		}
		r.mu.Unlock()
	}
}

// Stop ends every session and saves the places. It may be called without Start.
func (s *Set) Stop(ctx context.Context) error {
	for _, r := range s.runners {
		r.stop()
	}
	for _, r := range s.runners {
		if !r.wasStarted() {
			continue
		}
		select {
		case <-r.ended:
		case <-ctx.Done():
			return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "sink %s does not stop", r.cfg.Name)
		}
	}
	return s.closePlaces()
}

func (s *Set) closePlaces() error {
	var errs []error
	for _, r := range s.runners {
		errs = append(errs, r.place.Close())
	}
	return errors.Join(errs...)
}

// stop has run end soon: a session is given a short time for its answers.
func (r *runner) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return
	}
	r.stopping = true
	r.interrupt()
	if s := r.session; s != nil {
		s.kill = time.AfterFunc(drainTime, s.cancel)
	}
	if r.solo != nil {
		r.solo()
	}
	for _, req := range r.requests {
		req.done <- errStopping
	}
	r.requests = nil
	r.notify()
}

// interrupt ends an attempt to open a session, and has one that is open drained. The caller holds mu.
func (r *runner) interrupt() {
	switch s := r.session; {
	case s == nil:
	case s.conn == nil:
		s.cancel()
	default:
		s.drain(asked, nil)
	}
}

func (r *runner) wasStarted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.started
}

// Places gives the saved places, for retention.
func (s *Set) Places() map[string]fedmsg.Position {
	places := make(map[string]fedmsg.Position, len(s.runners))
	for _, r := range s.runners {
		r.mu.Lock()
		places[r.cfg.Name] = r.kept
		r.mu.Unlock()
	}
	return places
}
