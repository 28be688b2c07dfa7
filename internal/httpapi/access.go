package httpapi

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// accessed is an answer of which the access log tells.
type accessed struct {
	http.ResponseWriter
	began  time.Time
	sender fedmsg.Sender // zero while it is not known, and for nobody
	status int           // 0 while nothing was written
	bytes  int64         // of the body
	taken  *takenConn    // by a stream, which goes on when the handler has returned; nil without one
}

// WriteHeader notes the status.
func (a *accessed) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write notes the bytes, and the status that is implied.
func (a *accessed) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the abilities of the writer below.
func (a *accessed) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// accessOf gives the access log's part of an answer, or one that nobody looks at.
func accessOf(w http.ResponseWriter) *accessed {
	if a, ok := w.(*accessed); ok {
		return a
	}
	return &accessed{}
}

// Hijack gives the connection away to a stream, and leaves the line about the request to the end of that.
func (a *accessed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	a.taken = &takenConn{Conn: nc}
	a.taken.left.Store(2)
	return a.taken, rw, nil
}

// takenConn is a connection that a stream has taken over. The line about its request is written when the stream has closed it and the
// handler has returned, whichever comes last; it keeps what the line says, and not the request.
type takenConn struct {
	net.Conn
	bytes  atomic.Int64 // written
	left   atomic.Int32 // of the two that have to come to their end
	closed atomic.Bool
	line   func(bytes int64) // set by the handler before it comes to its end
}

// Write notes the bytes.
func (c *takenConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

// Close closes the connection.
func (c *takenConn) Close() error {
	err := c.Conn.Close()
	if !c.closed.Swap(true) {
		c.end()
	}
	return err
}

// NetConn gives the connection below, as [tls.Conn.NetConn] does.
func (c *takenConn) NetConn() net.Conn { return c.Conn }

// end is called by both; the last one writes the line.
func (c *takenConn) end() {
	if c.left.Add(-1) == 0 {
		c.line(c.bytes.Load())
	}
}

// logAccess writes the line of a request that has ended, or has it written when its stream has. What stands in its query is left out:
// it says what people look for.
func (s *Server) logAccess(a *accessed, r *http.Request) {
	began, attrs := a.began, []slog.Attr{
		slog.String("method", clip(r.Method)), slog.String("path", clip(r.URL.Path)), slog.Int("status", a.status),
		slog.String("remote", remoteOf(r)), slog.String("listener", connOf(r).door.name),
	}
	if !a.sender.IsZero() {
		attrs = append(attrs, slog.String("sender", a.sender.String()))
	}
	line := func(bytes int64) {
		attrs = append(attrs, slog.Duration("took", time.Since(began).Round(time.Microsecond)))
		if bytes > 0 {
			attrs = append(attrs, slog.Int64("bytes", bytes))
		}
		s.logger.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
	}
	if a.taken == nil {
		line(a.bytes)
		return
	}
	a.taken.line = line
	a.taken.end()
}
