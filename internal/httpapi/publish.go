package httpapi

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// handlePublish takes one message, or a stream of them. A message that was stored before is a success too: 201 with
// duplicate true and the first receipt, so that a publisher that retries need not care.
func (s *Server) handlePublish(w http.ResponseWriter, r *http.Request, id identity) {
	stream, err := publishType(r)
	var q publishQuery
	if err == nil {
		q, err = s.parsePublishQuery(r, stream)
	}
	if err != nil {
		refuse(w, r, err)
		s.reportRefusal(r, id.sender, err)
		return
	}
	door := connOf(r).door
	if q.replaying {
		tellReplaying(w.Header(), door.late != nil)
	}
	into := door.entrance(q.replaying)
	if stream {
		s.publishStream(w, r, id, into)
		return
	}
	s.publishOne(w, r, id, into, &q)
}

// tellReplaying answers who asked for replaying=1 whether that is allowed here. If so, what is refused as stale all the same is older
// than what the log knows: it will be refused for ever, and the publisher need not wait for an operator to allow it.
func tellReplaying(h http.Header, allowed bool) {
	value := "no"
	if allowed {
		value = "yes"
	}
	h.Set("Fedmsg-Replaying", value)
}

// publishType checks what the body claims to be; stream is true for NDJSON. It is strict because a form of another site's
// page can send text/plain and the types of forms, but not these, without the browser asking first.
func publishType(r *http.Request) (stream bool, err error) {
	if r.Header.Get("Content-Encoding") != "" {
		return false, fedmsg.Errorf(fedmsg.CodeBadMediaType, "a body with Content-Encoding %q is not taken; send it as it is", clip(r.Header.Get("Content-Encoding")))
	}
	value := r.Header.Get("Content-Type")
	switch value { // as nearly all clients write it
	case "application/json":
		return false, nil
	case "application/x-ndjson":
		return true, nil
	}
	kind, params, err := mime.ParseMediaType(value)
	charset, given := params["charset"]
	if err == nil && (!given || strings.EqualFold(charset, "utf-8")) {
		switch kind {
		case "application/json":
			return false, nil
		case "application/x-ndjson":
			return true, nil
		}
	}
	return false, fedmsg.Errorf(fedmsg.CodeBadMediaType, "Content-Type %q is not taken; send application/json for one message or application/x-ndjson for many, in UTF-8", clip(value))
}

// publishOne takes one message and answers when it is durable, with a signed receipt where that is wanted, or when it is delivered
// where that is.
func (s *Server) publishOne(w http.ResponseWriter, r *http.Request, id identity, into Door, q *publishQuery) {
	buf := s.bodies.get(r.ContentLength)
	body, err := s.readBody(r, buf)
	if err != nil {
		s.bodies.put(buf)
		if errors.Is(err, errClientGone) {
			panic(http.ErrAbortHandler)
		}
		refuse(w, r, err)
		s.reportRefusal(r, id.sender, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.AcceptTimeout)
	defer cancel()
	ticket := submit(ctx, into, id.sender, traceOf(r), body)
	s.bodies.put(buf)
	outcomes, err := ticket.Wait(ctx)
	if err == nil && len(outcomes) != 1 {
		err = fedmsg.Errorf(fedmsg.CodeInternal, "one message had %d outcomes", len(outcomes))
	}
	if err != nil {
		s.report(err)
		outcomes = []fedmsg.Outcome{{Err: err}}
	}
	s.metrics.outcome(&outcomes[0])
	if err := outcomes[0].Err; err != nil { // the door has told the operator of its own
		writeError(w, err)
		return
	}
	answer := outcomes[0].Receipt.AppendJSON(make([]byte, 0, 256))
	status := http.StatusCreated
	if q.signed {
		answer, err = s.appendSigned(answer, &outcomes[0].Receipt)
	}
	if err == nil && len(q.wait) > 0 {
		answer, status, err = s.appendDelivered(w, r, answer, &outcomes[0].Receipt, q, &id)
	}
	if err != nil {
		s.report(err)
		writeError(w, err)
		return
	}
	writeJSON(w, status, append(answer, '\n'))
}

// TracedDoor is a Door that takes the trace of a request along with its messages. Into a Door that is none, they go without.
type TracedDoor interface {
	Door
	// SubmitTraced is Submit for messages that came with a trace, which becomes that of those that have none of their own.
	SubmitTraced(ctx context.Context, from fedmsg.Sender, trace tracecontext.Context, lines ...[]byte) fedmsg.Ticket
}

// submit puts lines through a door, with their trace where there is one.
func submit(ctx context.Context, into Door, from fedmsg.Sender, trace tracecontext.Context, lines ...[]byte) fedmsg.Ticket {
	if traced, ok := into.(TracedDoor); ok && !trace.IsZero() {
		return traced.SubmitTraced(ctx, from, trace, lines...)
	}
	return into.Submit(ctx, from, lines...)
}

// traceOf gives the trace that a request is part of. A request with two parents has none.
func traceOf(r *http.Request) tracecontext.Context {
	parents := r.Header["Traceparent"]
	if len(parents) != 1 {
		return tracecontext.Context{}
	}
	return tracecontext.New(parents[0], r.Header["Tracestate"]...)
}

// errClientGone tells that nobody is left to read an answer.
var errClientGone = errors.New("the client is gone")

// readBody reads the whole body, into buf where it fits.
func (s *Server) readBody(r *http.Request, buf *[]byte) ([]byte, error) {
	limit := int64(s.cfg.MaxBodyBytes)
	if r.ContentLength > limit {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the body has %d bytes; http.max_body_bytes is %d", r.ContentLength, limit)
	}
	if r.ContentLength >= 0 {
		body, err := readExactly(r.Body, *buf, int(r.ContentLength))
		return body, bodyError(err)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the body has more than %d bytes, which is http.max_body_bytes", limit)
	}
	return body, bodyError(err)
}

// readExactly reads n bytes, into buf where they fit. Memory follows what has come: a promise of megabytes costs nothing.
func readExactly(r io.Reader, buf []byte, n int) ([]byte, error) {
	body := buf[:min(n, cap(buf))]
	if n > cap(buf) {
		body = make([]byte, min(n, pooledBody))
	}
	for have := 0; ; {
		m, err := io.ReadFull(r, body[have:])
		if have += m; err != nil || have == n {
			return body[:have], err
		}
		body = append(make([]byte, 0, min(n, 4*have)), body...)
		body = body[:cap(body)]
	}
}

// pooledBody is the size of the buffers that are used again; bodies beyond it are rare.
const pooledBody = 16 << 10

// bodyPool lends buffers of pooledBody bytes for the bodies of plain requests. The zero value is ready.
type bodyPool struct{ pool sync.Pool } // of *[]byte

// get gives a buffer for a body of n bytes; of one that does not fit, an empty one.
func (p *bodyPool) get(n int64) *[]byte {
	if n < 0 || n > pooledBody {
		return new([]byte)
	}
	if buf, ok := p.pool.Get().(*[]byte); ok {
		return buf
	}
	return new(make([]byte, pooledBody))
}

// put takes a buffer back that nobody reads any more.
func (p *bodyPool) put(buf *[]byte) {
	if cap(*buf) == pooledBody {
		p.pool.Put(buf)
	}
}

// bodyError says what is wrong with a body that could not be read.
func bodyError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "the body did not arrive in time (http.body_timeout)")
	}
	return errClientGone
}
