package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// accessed is an answer of which the access log tells.
type accessed struct {
	http.ResponseWriter
	began  time.Time
	sender fedmsg.Sender // zero while it is not known, and for nobody
	status int           // 0 while nothing was written
	bytes  int64         // of the body, so far as it was not written by a stream that has taken the connection over
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

// logAccess writes the line of a request that has ended. What stands in its query is left out: it says what people look for.
func (s *Server) logAccess(a *accessed, r *http.Request) {
	attrs := []slog.Attr{
		slog.String("method", clip(r.Method)), slog.String("path", clip(r.URL.Path)), slog.Int("status", a.status),
		slog.Duration("took", time.Since(a.began).Round(time.Microsecond)), slog.String("remote", remoteOf(r)), slog.String("listener", connOf(r).door.name),
	}
	if !a.sender.IsZero() {
		attrs = append(attrs, slog.String("sender", a.sender.String()))
	}
	if a.bytes > 0 {
		attrs = append(attrs, slog.Int64("bytes", a.bytes))
	}
	s.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}
