package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// Server is the HTTP edge of one node. Make it with [New], which opens its listeners, let [Server.Run] serve, and end it
// with [Server.Shutdown]. All methods may be called by any goroutine.
type Server struct {
	cfg     Config // never changed
	deps    Deps   // never changed
	logger  *slog.Logger
	metrics *metrics
	streams *streams
	routes  []*route // never changed
	mux     *http.ServeMux
	limits  *connLimits
	http    *http.Server

	questions chan struct{} // holds one for each question that the archive answers now
	exports   chan struct{} // and one for each export

	reports   reports // never changed
	bodies    bodyPool
	listeners []*listener    // never changed after New
	accepting sync.WaitGroup // one per listener that is served

	ownUID string // of this process; never changed

	leaving  context.Context // ends when Shutdown begins; who waits for delivery waits in it
	hurry    context.CancelFunc
	patience context.Context // ends when Shutdown waits no longer; NDJSON publishers wait in it
	abandon  context.CancelFunc
	ended    context.Context // has ended: who waits in it only asks

	mu         sync.Mutex
	stopping   bool                        // under mu
	publishers map[*publishStream]struct{} // under mu
	stop       chan struct{}               // closed when stopping becomes true
}

// New checks the configuration and opens every listener. On an error nothing stays open, the ready-made listeners
// included.
func New(cfg Config, deps Deps) (*Server, error) {
	s := &Server{
		cfg: cfg, deps: deps, logger: deps.Logger,
		limits:     newConnLimits(cfg.MaxConnections, cfg.MaxConnectionsPerAddress),
		publishers: make(map[*publishStream]struct{}), stop: make(chan struct{}),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		closeReadyMade(deps.Listeners)
		return nil, err
	}
	s.questions, s.exports = make(chan struct{}, cfg.MaxQuestions), make(chan struct{}, cfg.MaxExports)
	s.reports = newReports()
	s.ownUID = strconv.Itoa(os.Getuid())
	s.leaving, s.hurry = context.WithCancel(context.Background())
	s.patience, s.abandon = context.WithCancel(context.Background())
	s.ended = endedContext()
	s.streams = newStreams(s)
	s.metrics = newMetrics(deps.Registerer, s.limits.open, s.streams)
	s.routes = s.table()
	s.mux = s.newMux()
	s.http = s.newHTTP()
	if err := s.listen(); err != nil {
		s.hurry()
		s.abandon()
		s.closeListeners()
		closeReadyMade(deps.Listeners)
		return nil, err
	}
	return s, nil
}

// endedContext gives a context that has ended.
func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// newHTTP sets up net/http's part. HTTP/2 is off: streams take their connections over.
func (s *Server) newHTTP() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		Protocols:         protocols,
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.HeaderTimeout + s.cfg.BodyTimeout,
		WriteTimeout:      s.cfg.HeaderTimeout + s.cfg.BodyTimeout + s.cfg.AcceptTimeout + s.cfg.WriteTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ConnContext:       connContext,
		ConnState:         connState,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}

// Addrs lists where the server listens, the socket first: unix:///PATH, http://HOST:PORT, https://HOST:PORT.
func (s *Server) Addrs() []string {
	names := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		names[i] = l.name
	}
	return names
}

// Endpoint is one place where the server listens.
type Endpoint struct {
	Name   string            // as in [Server.Addrs]
	Verify fedmsg.VerifyMode // what is asked of signatures there; empty leaves it to the node
}

// Endpoints lists where the server listens, and what each asks of signatures.
func (s *Server) Endpoints() []Endpoint {
	all := make([]Endpoint, len(s.listeners))
	for i, l := range s.listeners {
		all[i] = Endpoint{Name: l.name, Verify: l.verify}
	}
	return all
}

// Run serves until ctx ends, Shutdown is called, or a listener fails, which is an error. Requests that have begun go on;
// Shutdown ends them and must be called in any case. Run is called once.
func (s *Server) Run(ctx context.Context) error {
	for _, key := range s.cfg.Insecure() {
		s.logger.Warn("insecure switch is on", "key", key)
	}
	failed := make(chan error, len(s.listeners))
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return nil
	}
	for _, l := range s.listeners {
		s.accepting.Go(func() {
			if err := s.http.Serve(l.serving()); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				failed <- fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot accept connections on %s any more", l.name)
			}
		})
	}
	s.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
	case <-s.stop:
	case err = <-failed:
	}
	s.closeListeners()
	s.accepting.Wait()
	return err
}

// Shutdown stops accepting, ends streams, lets every publisher have the receipts of what it has sent, and waits for the
// requests that have begun. When ctx ends first, it closes the connections and returns an error that names what hung.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	publishers := make([]*publishStream, 0, len(s.publishers))
	for p := range s.publishers {
		publishers = append(publishers, p)
	}
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	s.hurry()
	s.closeListeners()
	for _, p := range publishers {
		p.interrupt()
	}
	s.limits.closeFresh()
	streamErr := s.streams.shutdown(ctx)
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = fedmsg.WrapError(fedmsg.CodeTimeout, err, "http did not stop in time; still running: %s", s.running())
		s.http.Close()
	}
	s.abandon()
	s.accepting.Wait()
	return errors.Join(streamErr, err)
}

// closeListeners stops accepting and removes the socket.
func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// closeReadyMade closes listeners that will not be served.
func closeReadyMade(all map[string]net.Listener) {
	for _, ln := range all {
		ln.Close()
	}
}
