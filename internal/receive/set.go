package receive

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/nearest"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Deps is what a [Set] needs of the node.
type Deps struct {
	// Door gives the way into the log of a source, with what it asks of signatures and whether the node signs what has none; the
	// messages of sources were made long ago, so that their age is not held against them.
	Door       func(c *Config) Door
	Dir        string                // directory of what sources keep: in DIR/NAME/dead their dead letters
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
	// Log names the node's own log, so that a source need not bring back what another node has from here; optional.
	Log fedmsg.LogID
	// Redacted reports whether the message with an id was redacted, which is kept nowhere, whatever else is wrong with it. It is called
	// by any goroutine and must not block. Nil is none.
	Redacted func(id string) bool
	// Redactions is how many messages were redacted; it never sinks. Any goroutine calls it. Nil is none.
	Redactions func() int
}

// Configured is one source: what is common to all kinds, and the kind at work.
type Configured struct {
	Config   Config
	Source   Source // its own metrics are given with the others' if it is a prometheus.Collector, with its name as label source
	InFlight int    // what the kind proposes where the Config leaves it to it; 0 means 1024
}

// Set is the sources of a node at work. All methods may be called by any goroutine.
type Set struct {
	runners []*runner
	left    deadletter.Left // of sources that are not configured any more
	ctx     context.Context // of all runners
	cancel  context.CancelFunc

	mu      sync.Mutex
	running map[*runner]chan struct{} // closed when it has ended; guarded by mu
}

// New opens the dead letters of each source. On an error nothing stays open.
func New(sources []Configured, deps Deps) (*Set, error) {
	s := &Set{running: make(map[*runner]chan struct{})}
	s.left = deadletter.Left{Dir: deps.Dir, Kind: deadletter.KindSource, Configured: s.Has}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for i := range sources {
		r, err := newRunner(&sources[i], &deps)
		if err != nil {
			return nil, err
		}
		if s.Has(r.c.Name) {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "two sources have the name %s; files, metrics and commands tell them apart by it", r.c.Name)
		}
		s.runners = append(s.runners, r)
	}
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(newCollector(s)); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot register the metrics of the sources")
		}
	}
	return s, nil
}

func newRunner(s *Configured, deps *Deps) (*runner, error) {
	c := s.Config
	if err := c.Validate(); err != nil {
		return nil, err
	}
	limit := c.DeadLetters
	if limit == 0 {
		limit = defaultDeadLetters
	}
	dead, err := deadletter.Open(filepath.Join(deps.Dir, c.Name, "dead"), deadletter.Limits{Letters: limit})
	if err != nil {
		return nil, err
	}
	r := &runner{c: c, source: s.Source, inFlight: c.InFlight, door: deps.Door(&c), dead: dead, shown: shown(c.From), own: deps.Log, redacted: deps.Redacted, redactions: deps.Redactions}
	if r.inFlight == 0 {
		r.inFlight = s.InFlight
	}
	if r.inFlight == 0 {
		r.inFlight = defaultInFlight
	}
	if numbers, ok := s.Source.(prometheus.Collector); ok && deps.Registerer != nil {
		if err := prometheus.WrapRegistererWith(prometheus.Labels{"source": c.Name}, deps.Registerer).Register(numbers); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot register the metrics of source %s", c.Name)
		}
	}
	r.log = slog.New(slog.DiscardHandler)
	if deps.Logger != nil {
		r.log = deps.Logger.With("source", c.Name)
	}
	return r, nil
}

// shown is an address for people: without user, options and what could be a secret.
func shown(address string) string {
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		authority = authority[at+1:]
	}
	if path != "" || scheme == "unix" {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}

// Start begins to receive.
func (s *Set) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runners {
		ended := make(chan struct{})
		s.running[r] = ended
		go func() {
			defer close(ended)
			r.run(s.ctx)
		}()
	}
}

// Stop ends every source. It may be called without Start.
func (s *Set) Stop(ctx context.Context) error {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var hang []string
	for _, r := range s.runners {
		ended, started := s.running[r]
		if !started {
			continue
		}
		select {
		case <-ended:
		case <-ctx.Done():
			select {
			case <-ended:
			default:
				hang = append(hang, r.c.Name)
			}
		}
	}
	if len(hang) > 0 {
		return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the sources %s have not stopped in time", strings.Join(hang, ", "))
	}
	return nil
}

// List gives the status of each source, in the order of the configuration.
func (s *Set) List() []Status {
	all := make([]Status, len(s.runners))
	for i, r := range s.runners {
		all[i] = r.status()
	}
	return all
}

// Has reports whether there is a source of that name.
func (s *Set) Has(name string) bool {
	_, err := s.find(name)
	return err == nil
}

// find fails with CodeNotFound, naming the nearest, for a name that no source has.
func (s *Set) find(name string) (*runner, error) {
	names := make([]string, len(s.runners))
	for i, r := range s.runners {
		if r.c.Name == name {
			return r, nil
		}
		names[i] = r.c.Name
	}
	if best := nearest.Word(name, names); best != "" {
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no source %q; did you mean %q?", name, best)
	}
	return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no source %q", name)
}

// DeadList gives dead letters without their contents: of one source, or of all where name is empty, at most limit from each; those of
// sources that are not configured any more come last, and are marked as left.
func (s *Set) DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error) {
	runners := s.runners
	if name != "" {
		r, err := s.find(name)
		if err != nil && s.left.Has(name) {
			return s.left.List(name, after, limit)
		}
		if err != nil {
			return nil, err
		}
		runners = []*runner{r}
	}
	var all []deadletter.Letter
	for _, r := range runners {
		r.burying.Lock() // what is being added is in the list then
		letters, err := r.dead.List(after, limit)
		r.burying.Unlock()
		if err != nil {
			return nil, err
		}
		for i := range letters { // one whose file is damaged does not say itself
			letters[i].Of, letters[i].Kind = r.c.Name, deadletter.KindSource
		}
		all = append(all, letters...)
	}
	if name != "" {
		return all, nil
	}
	left, err := s.left.List("", after, limit)
	return append(all, left...), err
}

// DeadGet gives one with its contents.
func (s *Set) DeadGet(name string, number uint64) (deadletter.Letter, error) {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Get(name, number)
	}
	if err != nil {
		return deadletter.Letter{}, err
	}
	return r.dead.Get(number)
}

// DeadRetry puts one through the door again: nil when the log has it, and it is gone then.
func (s *Set) DeadRetry(ctx context.Context, name string, number uint64) error {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Retry(name, number)
	}
	if err != nil {
		return err
	}
	return r.retry(ctx, number)
}

// DeadDrop removes one for good.
func (s *Set) DeadDrop(name string, number uint64) error {
	r, err := s.find(name)
	if err != nil && s.left.Has(name) {
		return s.left.Remove(name, number)
	}
	if err != nil {
		return err
	}
	return r.dead.Remove(number)
}

// Checks is the health: one check for each source.
func (s *Set) Checks() []ops.Check {
	all := make([]ops.Check, len(s.runners))
	for i, r := range s.runners {
		all[i] = r.check()
	}
	return all
}
