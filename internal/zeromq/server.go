package zeromq

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Server is the ZeroMQ edge of one node. Make it with [New], which opens its sockets, let [Server.Run] serve, and end it with
// [Server.Shutdown]. All methods may be called by any goroutine.
type Server struct {
	cfg    Config // never changed
	logger *slog.Logger
	edges  []edge         // never changed after New; in the order in which they were opened
	work   sync.WaitGroup // one for each edge that runs

	mu       sync.Mutex
	stopping bool          // under mu
	stop     chan struct{} // closed when stopping becomes true
}

// edge is one endpoint of the configuration at work. Its constructor opens what it listens on.
type edge interface {
	// run does the work until stop is called. An error tells that it broke before.
	run() error
	// stop ends the work: what has begun may come to its end as long as ctx lasts, and is cut off then, which is an error.
	// Nothing of the edge goes on behind it but run, which returns soon. It is called once, also where run never was.
	stop(ctx context.Context) error
	// addr is where it listens, as a URI; empty if it only connects.
	addr() string
	// checks is its health; nil where all is well and there is nothing to say.
	checks() []ops.Check
}

// New checks the configuration and opens every socket. On an error nothing stays open.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	known, err := newClients(deps.Clients)
	if err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, logger: deps.Logger, stop: make(chan struct{})}
	m := newMetrics(deps.Registerer)
	var memory *heard
	if len(cfg.Subscribe) > 0 {
		if memory, err = openHeard(deps.Heard); err != nil {
			return nil, err
		}
	}
	for _, l := range cfg.lists() {
		for _, uri := range l.uris {
			e, err := parseEndpoint(l.kind, uri)
			if err == nil {
				err = s.open(e, &deps, known, memory, m)
			}
			if err != nil {
				return nil, errors.Join(err, s.Shutdown(ended()))
			}
		}
	}
	return s, nil
}

// open makes one endpoint an edge of the server.
func (s *Server) open(e *endpoint, deps *Deps, known clients, memory *heard, m *metrics) error {
	u := setup{
		endpoint: e, cfg: &s.cfg, deps: deps, clients: known, counts: m.of(e), heard: memory,
		logger: s.logger.With("endpoint", e.address),
	}
	u.calm, u.zmtpLogger = newCalm(u.logger), newCalm(s.logger)
	var err error
	if u.zmtp, err = u.options(); err != nil {
		return err
	}
	var made edge
	switch e.kind {
	case publish:
		made, err = openPublisher(u)
	case replay:
		made, err = openReplay(u)
	case submit:
		made, err = openSubmission(u)
	case relayIn:
		made, err = openRelayIn(u)
	case subscribe:
		made, err = openMeshIn(u)
	}
	if err != nil {
		return err
	}
	s.edges = append(s.edges, made)
	return nil
}

// ended gives a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Addrs lists where the server listens, as URIs with the ports that were found.
func (s *Server) Addrs() []string {
	var all []string
	for _, e := range s.edges {
		if a := e.addr(); a != "" {
			all = append(all, a)
		}
	}
	return all
}

// Insecure lists the insecure switches that are on, by their keys.
func (s *Server) Insecure() []string { return s.cfg.Insecure() }

// Checks is the health of every endpoint, for /healthz.
func (s *Server) Checks() []ops.Check {
	var all []ops.Check
	for _, e := range s.edges {
		all = append(all, e.checks()...)
	}
	if len(all) == 0 {
		all = append(all, ops.Check{Name: "zeromq", Status: ops.OK, Text: "the ZeroMQ endpoints do their work"})
	}
	return all
}

// Run serves until ctx ends, Shutdown is called, or an endpoint breaks, which is an error. Shutdown ends what has begun and
// must be called in any case. Run is called once.
func (s *Server) Run(ctx context.Context) error {
	for _, key := range s.Insecure() {
		s.logger.Warn("insecure switch is on", "key", key)
	}
	failed := make(chan error, len(s.edges))
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return nil
	}
	for _, e := range s.edges {
		s.work.Go(func() {
			if err := e.run(); err != nil {
				failed <- err
			}
		})
	}
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case <-s.stop:
		s.work.Wait()
		return nil
	}
}

// Shutdown stops the endpoints in the reverse of the order in which they were opened: first what takes messages in, then what
// gives them out, so that subscribers still get what came last. When ctx ends first, the rest is cut off, and the error
// names what hung.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	s.mu.Unlock()
	if !first {
		s.work.Wait()
		return nil
	}
	close(s.stop)
	var faults []error
	for _, e := range slices.Backward(s.edges) {
		faults = append(faults, e.stop(ctx))
	}
	s.work.Wait()
	return errors.Join(faults...)
}
