package zmtp

import (
	"context"
	"sync"
	"time"
)

// link is what Connect began: one connection that is made again and again.
type link struct {
	s      *socket
	uri    string
	to     address
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned
	lane   any           // see laneOf; of the goroutine in run

	mu     sync.Mutex
	conn   *Conn // nil while it is not connected
	counts counts
}

// run connects and serves until ctx ends.
func (l *link) run(ctx context.Context) {
	defer close(l.done)
	again := backoff{least: l.s.o.ReconnectMin, most: l.s.o.ReconnectMax}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// A peer that lets this side in and ends it at once is no better than none.
		if lasted := l.attempt(ctx); lasted > l.s.o.ReconnectMin {
			again.reset()
		}
		timer.Reset(again.wait())
	}
}

// attempt connects once and serves the connection for as long as it lasts.
func (l *link) attempt(ctx context.Context) (lasted time.Duration) {
	c, err := dial(ctx, l.uri, l.to, l.s.local, &l.s.o)
	if err != nil {
		if ctx.Err() == nil {
			l.failed(err)
		}
		return 0
	}
	c.link = l
	began := time.Now()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	l.connected(c)
	l.s.serve(c)
	stop()
	c.Close()
	c.linger(ctx.Done())
	why := networkError(*c.cause.Load())
	l.lost(why)
	if ctx.Err() == nil {
		l.s.o.Logger.Info("lost a connection; trying on", "endpoint", l.uri, "error", why)
	}
	return time.Since(began)
}

// failed counts an attempt that failed, and tells of the first of a row.
func (l *link) failed(err error) {
	l.mu.Lock()
	first := l.counts.last == ""
	l.counts.failed(err)
	l.mu.Unlock()
	if first {
		l.s.o.Logger.Info("cannot connect; trying on", "endpoint", l.uri, "error", err)
	}
}

// connected tells of a connection.
func (l *link) connected(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = c
	l.counts.connects++
	l.counts.last = ""
}

// lost tells of the end of the connection.
func (l *link) lost(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = nil
	l.counts.last = why.Error()
}

// stats tells what came of it.
func (l *link) stats() EndpointStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := EndpointStats{
		URI: l.uri, Connects: l.counts.connects, Failures: l.counts.failures, Refused: l.counts.refused, LastError: l.counts.last,
	}
	if l.conn != nil {
		e.Peers = 1
	}
	return e
}
