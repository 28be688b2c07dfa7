package httpapi

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// handleStream answers GET /v1/stream.
func (s *Server) handleStream(w http.ResponseWriter, r *http.Request, id identity) {
	if err := s.streams.serve(w, r, &id); err != nil {
		writeError(w, err)
	}
}

// serve answers a request with a stream that goes on after it has returned. An error means that nothing has been answered.
func (t *streams) serve(w http.ResponseWriter, r *http.Request, id *identity) error {
	q, err := parseStreamRequest(r, id.nobody(), time.Now())
	if err != nil {
		return err
	}
	if len(id.read) == 0 {
		return fedmsg.Errorf(fedmsg.CodeForbidden, "nothing may be read here without a token; send one, or let the operator set topics on this listener")
	}
	q.filter.Scope = id.read
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", q.form.media())
		return nil
	}
	if err := t.admit(&q.filter); err != nil {
		return err
	}
	s, err := t.answer(w, r, &q, id)
	switch {
	case err == nil:
		t.run(s)
		return nil
	case errors.Is(err, errAnswered):
		err = nil
	}
	t.leave(&q.filter)
	return err
}

// errAnswered tells that the request has its answer, or nobody is left to have one.
var errAnswered = errors.New("request is answered")

// answer makes a stream of the request: it finds the beginning, answers with the head, and takes over the connection.
func (t *streams) answer(w http.ResponseWriter, r *http.Request, q *streamRequest, id *identity) (*stream, error) {
	s := &stream{owner: t, wanted: q.filter, left: q.limit, from: originOf(r, id)}
	var err error
	if s.cursor, err = t.place(s, q); err != nil {
		return nil, err
	}
	switch q.form {
	case formWebSocket:
		s.format = webSocketFormat{}
		if s.socket, s.conn, err = acceptWebSocket(w, r); err != nil {
			return nil, err
		}
	default:
		s.format, s.framed = format(sseFormat{}), r.ProtoAtLeast(1, 1)
		if q.form == formNDJSON {
			s.format = ndjsonFormat{}
		}
		head := appendStreamHead(nil, w.Header(), q.form.media(), s.framed)
		if s.conn, err = hijack(w); err != nil {
			return nil, err
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(t.cfg.WriteTimeout))
		if _, err := s.conn.Write(head); err != nil {
			_ = s.conn.Close()
			return nil, errAnswered
		}
		_ = s.conn.SetWriteDeadline(time.Time{})
	}
	s.wrote.Store(t.clock.Load())
	return s, nil
}

// place puts a cursor where the reader wants to begin, and notes what it has to be told first.
func (t *streams) place(s *stream, q *streamRequest) (*feed.Cursor, error) {
	var after uint64
	var err error
	s.fromOldest, s.imported = q.beginning, q.imported
	switch {
	case q.beginning:
	case !q.after.IsZero():
		after, s.gap = t.deps.seeker.Resolve(q.after)
		t.ahead.tell(t, s.gap, time.Now())
		if s.gap != nil && s.gap.Reason == fedmsg.GapTrimmed && t.deps.history != nil {
			s.recall, err = t.newRecall(s, s.gap.From.Seq-1, time.Time{})
			s.gap = nil
		}
	case !q.since.IsZero():
		after, err = t.placeAtTime(s, q.since)
	default:
		after, s.greet = t.deps.feed.Last().Seq, true
	}
	if err != nil {
		return nil, err
	}
	return t.deps.feed.Cursor(after), nil
}

// placeAtTime gives the number behind which the log goes on at a time. Where that is its beginning, what comes before is in the
// archive, if there is one.
func (t *streams) placeAtTime(s *stream, since time.Time) (after uint64, err error) {
	if after, err = t.deps.seeker.SeekTime(since); err != nil {
		return 0, err
	}
	if t.deps.history == nil {
		if after > 0 && after+1 == t.deps.first() {
			after = 0 // what retention has removed may have been meant: the cursor tells of it
		}
		return after, nil
	}
	now := t.seam()
	if after+1 > now.first {
		return after, nil
	}
	s.recall, err = t.newRecall(s, 0, since)
	if err != nil && now.first == 1 {
		s.recall, err = nil, nil // nothing has gone from the log
	}
	return now.first - 1, err
}

// media is the media type of the form.
func (f streamForm) media() string {
	if f == formNDJSON {
		return "application/x-ndjson"
	}
	return "text/event-stream"
}

// appendStreamHead appends the status line and headers of a stream, those that the server has set for every answer included.
func appendStreamHead(b []byte, set http.Header, media string, framed bool) []byte {
	if framed {
		b = append(b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"...)
	} else {
		b = append(b, "HTTP/1.0 200 OK\r\n"...)
	}
	b = append(b, "Content-Type: "+media+"\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\n"...)
	for name, values := range set {
		switch name {
		case "Content-Type", "Cache-Control", "Connection", "Date", "Transfer-Encoding", "Content-Length", "X-Accel-Buffering":
			continue
		}
		for _, v := range values {
			b = append(b, name+": "+v+"\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// hijack takes the connection from net/http, which lets go of its goroutine and buffers when the handler returns. What the
// reader may have sent behind its request is not looked at.
func hijack(w http.ResponseWriter) (net.Conn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "this connection cannot carry a stream")
	}
	return conn, nil
}
