package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/nearest"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// Cursor reads the log from a position on; *feed.Cursor is one behind a few lines. One goroutine uses it, but for Wake.
type Cursor interface {
	// Next gives the next entry, io.EOF where there is none yet, a *fedmsg.Gap in place of entries that cannot be given, behind which
	// it goes on, or another error, behind which it does not.
	Next() (*fedmsg.Entry, error)
	// Wait returns when there may be something to read, or after Wake, one that came before included.
	Wait()
	// Wake makes the present Wait return, or the next one that would have to wait.
	Wake()
	// Close frees it.
	Close() error
}

// Log is where the entries come from.
type Log interface {
	// Cursor reads from behind the position, and gives the gap before it where there is one.
	Cursor(after fedmsg.Position) (Cursor, *fedmsg.Gap)
	// End is the position of the newest entry.
	End() fedmsg.Position
}

// Deps is what a [Set] needs of the node.
type Deps struct {
	Log        Log
	Places     string                // directory of the saved places, a file for each sink, which retention reads too
	Dir        string                // directory of all else that sinks keep: dead letters, times, what was skipped
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
	Now        func() time.Time      // optional
}

// Configured is one sink: what is common to all kinds, and the kind at work.
type Configured struct {
	Config Config
	Sink   Sink
	// InFlight, IdleTimeout and AnswerTimeout are what the kind proposes where the Config leaves it to it.
	InFlight      int
	IdleTimeout   time.Duration
	AnswerTimeout time.Duration
}

// Set is the sinks of a node at work. All methods may be called by any goroutine.
type Set struct {
	runners []*runner // in the order of the configuration; fixed
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

// newRunner opens what one sink keeps.
func newRunner(c Configured, deps Deps) (*runner, error) {
	cfg := c.withDefaults()
	dir := filepath.Join(deps.Dir, cfg.Name)
	for _, d := range []string{deps.Places, dir} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "sink %s: cannot make its directory", cfg.Name)
		}
	}
	dead, err := deadletter.Open(filepath.Join(dir, "dead"), deadletter.Limits{Letters: cfg.DeadLetters})
	if err != nil {
		return nil, err
	}
	file, err := place.Open(filepath.Join(deps.Places, "sink-"+cfg.Name), cfg.Hold)
	if err != nil {
		return nil, err
	}
	want, faults := cfg.filter()
	if len(faults) > 0 {
		return nil, errors.Join(errors.Join(faults...), file.Close())
	}
	policy := backoff.Policy{First: cfg.RetryFirst, Max: cfg.RetryMax}
	r := &runner{
		cfg: cfg, sink: c.Sink, log: deps.Log, dead: dead, place: file, dir: dir, now: deps.Now,
		filter: want,
		logger: deps.Logger.With("sink", cfg.Name), ended: make(chan struct{}), wake: make(chan struct{}, 1),
		retry: backoff.Backoff{Policy: policy}, logRetry: backoff.Backoff{Policy: policy}, state: StateRunning,
	}
	r.records.times = openTimes(filepath.Join(dir, "times"))
	r.records.journal = openJournal(filepath.Join(dir, "journal"))
	if err := r.start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// start finds out where a sink stands: a new one begins where its configuration says, which is saved, so that it does not begin
// again after a crash.
func (r *runner) start() error {
	_, err := os.Stat(r.pausedFile())
	r.paused = err == nil
	p := r.place.Position()
	if p.IsZero() {
		switch r.cfg.Start {
		case "", "now":
			p = r.log.End()
		case "beginning":
		default:
			if p, err = fedmsg.ParsePosition(r.cfg.Start); err != nil {
				return err
			}
		}
		if !p.IsZero() {
			if err := r.place.Save(p); err != nil {
				return err
			}
		}
	}
	r.through, r.read, r.kept = p, p.Seq, p
	r.placed = !p.IsZero()
	return nil
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

// find gives the sink of that name, or an error with CodeNotFound that names the nearest.
func (s *Set) find(name string) (*runner, error) {
	var names []string
	for _, r := range s.runners {
		if r.cfg.Name == name {
			return r, nil
		}
		names = append(names, r.cfg.Name)
	}
	text := fmt.Sprintf("there is no sink %q", name)
	if near := nearest.Word(name, names); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	} else if len(names) > 0 {
		slices.Sort(names)
		text += "; there are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return nil, &fedmsg.Error{Code: fedmsg.CodeNotFound, Message: text}
}

// Check fails with CodeNotFound, naming the nearest, for a name that no sink has.
func (s *Set) Check(names ...string) error {
	for _, name := range names {
		if _, err := s.find(name); err != nil {
			return err
		}
	}
	return nil
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
