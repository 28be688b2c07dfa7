package zmtp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// socket is what all sockets have: endpoints that they are bound and connected to, and the goroutines of their peers.
type socket struct {
	local SocketType
	o     Options // with the defaults
	serve func(c *Conn)
	bad   error // what is wrong with the options; Bind and Connect give it

	// drain, unless it is nil, waits until what is queued is with the system or ctx ends. Close calls it once, before it ends
	// the connections. It is set before the first Bind or Connect.
	drain func(ctx context.Context)

	// What the socket counts itself.
	sent, received, dropped atomic.Uint64
	subscriptions           atomic.Int64

	mu        sync.Mutex // guards what follows
	closed    bool
	done      chan struct{} // closed when Close is over
	endpoints map[string]*endpoint
}

// endpoint is what one Bind or Connect began. Each has one of the two.
type endpoint struct {
	listener *Listener
	link     *link
	served   chan struct{} // closed when the listener's Serve has returned
}

// newSocket makes the base. serve is called for each peer, in a goroutine of its own, and owns the connection until it
// returns; it is not called again for the same peer before it has. It must return soon after c is closed.
func newSocket(t SocketType, o Options, serve func(c *Conn)) *socket {
	return &socket{
		local: t, o: o.filled(), serve: serve, bad: o.validate(),
		done: make(chan struct{}), endpoints: make(map[string]*endpoint),
	}
}

// Bind listens on a URI, see [Listen], and gives it with the port that was found.
func (s *socket) Bind(uri string) (bound string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", ErrClosed
	}
	ln, err := Listen(uri, s.local, s.o)
	if err != nil {
		return "", err
	}
	e := &endpoint{listener: ln, served: make(chan struct{})}
	s.endpoints[ln.URI()] = e
	go func() {
		defer close(e.served)
		if err := ln.Serve(s.serve); err != nil {
			s.o.Logger.Error("stopped listening", "endpoint", ln.URI(), "error", err)
		}
	}()
	return ln.URI(), nil
}

// Connect connects to a URI in the background, again and again, until Disconnect or Close. The peer need not be there. An
// error says that the URI makes no sense or that the socket is closed. To connect to what it is connected to does nothing.
func (s *socket) Connect(uri string) error {
	a, err := parseURI(uri, false)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.bad != nil:
		return s.bad
	case s.endpoints[uri] != nil:
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{s: s, uri: uri, to: a, cancel: cancel, done: make(chan struct{})}
	s.endpoints[uri] = &endpoint{link: l}
	go l.run(ctx)
	return nil
}

// Disconnect ends what Connect began, or what Bind did, and waits for the goroutines of it.
func (s *socket) Disconnect(uri string) error {
	s.mu.Lock()
	e := s.endpoints[uri]
	delete(s.endpoints, uri)
	s.mu.Unlock()
	if e == nil {
		return fmt.Errorf("zmtp: not bound or connected to %s", uri)
	}
	err := e.end()
	e.wait()
	return err
}

// end begins the end of an endpoint.
func (e *endpoint) end() error {
	if e.link != nil {
		e.link.cancel()
		return nil
	}
	return e.listener.Close()
}

// wait waits for the goroutines of an endpoint that was ended.
func (e *endpoint) wait() {
	if e.link != nil {
		<-e.link.done
		return
	}
	<-e.served
}

// Close ends everything, waiting for what is queued as long as Options.Linger says, and for the goroutines. It may be called
// several times.
func (s *socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closed = true
	endpoints := s.endpoints
	s.endpoints = nil
	s.mu.Unlock()
	defer close(s.done)

	// Nobody new while the queues of the others run empty.
	var errs []error
	for _, e := range endpoints {
		if e.listener != nil {
			errs = append(errs, e.listener.stop())
		}
	}
	if s.drain != nil && s.o.Linger > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), s.o.Linger)
		s.drain(ctx)
		cancel()
	}
	for _, e := range endpoints {
		errs = append(errs, e.end())
	}
	for _, e := range endpoints {
		e.wait()
	}
	return errors.Join(errs...)
}

// Stats tells of every endpoint.
func (s *socket) Stats() Stats {
	st := Stats{
		Sent: s.sent.Load(), Received: s.received.Load(), Dropped: s.dropped.Load(), Subscriptions: int(s.subscriptions.Load()),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.endpoints {
		if e.link != nil {
			st.Endpoints = append(st.Endpoints, e.link.stats())
		} else {
			st.Endpoints = append(st.Endpoints, e.listener.Stats())
		}
	}
	slices.SortFunc(st.Endpoints, func(a, b EndpointStats) int { return strings.Compare(a.URI, b.URI) })
	return st
}
