package zmtp

import (
	"container/list"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Listener lets peers in. It makes their handshakes off the accepting goroutine, each in a bounded time and memory.
type Listener struct {
	uri    string
	local  SocketType
	o      Options
	ln     net.Listener
	remove func() // the file of a unix socket
	closed chan struct{}
	hands  sync.WaitGroup // of Serve: a goroutine for each connection

	mu      sync.Mutex
	shaking *list.List // of *Conn, the oldest first; guarded by mu
	peers   map[*Conn]struct{}
	counts  counts
}

// counts is what came of the attempts of one endpoint.
type counts struct {
	connects, failures, refused uint64
	last                        string
}

// failed counts a failure.
func (n *counts) failed(err error) {
	n.last = err.Error()
	if errors.Is(err, ErrRefused) {
		n.refused++
		return
	}
	n.failures++
}

// Listen binds a URI: tcp://HOST:PORT, where * is every interface and port 0 a free one, or ipc:///PATH (ipc://@NAME without
// a file). A socket's file that nobody listens on is replaced; at Close it is removed.
func Listen(uri string, t SocketType, o Options) (*Listener, error) {
	a, err := parseURI(uri, true)
	if err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.filled()
	ln, remove, err := bind(a, &o)
	if err != nil {
		return nil, fmt.Errorf("zmtp: cannot listen on %s: %w", uri, err)
	}
	return newListener(ln, boundURI(uri, a, ln.Addr()), remove, t, o), nil
}

// newListener lets in those that ln accepts.
func newListener(ln net.Listener, uri string, remove func(), t SocketType, o Options) *Listener {
	return &Listener{
		uri: uri, local: t, o: o, ln: ln, remove: remove,
		closed: make(chan struct{}), shaking: list.New(), peers: make(map[*Conn]struct{}),
	}
}

// URI is what it is bound to, with the port that was found.
func (l *Listener) URI() string { return l.uri }

// Serve lets peers in until Close, and calls handle for each in a goroutine of its own. The connection ends when handle
// returns. Serve returns when all have, with an error only where the listener broke.
func (l *Listener) Serve(handle func(*Conn)) error {
	defer l.hands.Wait()
	var wait time.Duration
	for {
		nc, err := l.ln.Accept()
		switch {
		case err == nil:
			wait = 0
			l.admit(nc, handle)
			continue
		case l.isClosed():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("zmtp: %s: %w", l.uri, err)
		}
		// Mostly there are too many open files. That passes, and the peers wait in the meantime.
		l.o.Logger.Warn("cannot accept a connection", "endpoint", l.uri, "error", err)
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-l.closed:
		case <-time.After(wait):
		}
	}
}

func (l *Listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// Stats tells what came of it.
func (l *Listener) Stats() EndpointStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	peers := 0
	for c := range l.peers {
		if !c.hasEnded() {
			peers++
		}
	}
	return EndpointStats{
		URI: l.uri, Bound: true, Peers: peers,
		Connects: l.counts.connects, Failures: l.counts.failures, Refused: l.counts.refused, LastError: l.counts.last,
	}
}

// stop stops listening; the peers stay.
func (l *Listener) stop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		return nil
	}
	close(l.closed)
	err := l.ln.Close()
	l.remove()
	for e := l.shaking.Front(); e != nil; e = e.Next() {
		e.Value.(*Conn).end(ErrClosed)
	}
	return err
}

// Close stops listening and ends every connection; it does not wait for Serve.
func (l *Listener) Close() error {
	err := l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.peers {
		c.end(ErrClosed)
	}
	return err
}
