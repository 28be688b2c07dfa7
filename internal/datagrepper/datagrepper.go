// Package datagrepper answers as the old archive's HTTP service did: /raw, /id, /v2/search, /v2/id and /messagecount.
//
// It promises the parameters, defaults, limits and shapes of that service's documentation, and none of its known faults; each
// message keeps every member that its signature covers, so that it still verifies. docs/datagrepper.md lists the differences.
package datagrepper

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Handler answers the routes. It may be used by many goroutines.
type Handler struct {
	// Searcher gives what answers one question, and what to call when the answer is there. It waits no longer than ctx.
	Searcher func(ctx context.Context) (s *archive.Searcher, done func(), err error)
	// CountTime is for counting how many messages lie behind a page; what was not counted by then is told of as more.
	CountTime time.Duration
	// Report takes errors that are the operator's business; nil throws them away.
	Report func(error)
}

// Serve answers one request of a reader who may have the topics of scope. The deadline of the request's context is that of the
// answer: what was found by then is given.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, scope []fedmsg.Pattern) {
	q, err := parse(r, time.Now())
	var body []byte
	if err == nil {
		body, err = h.answer(r.Context(), q, scope)
	}
	if err != nil {
		h.refuse(w, r, q, err)
		return
	}
	contentType := "application/json"
	if q.callback != "" {
		contentType, body = "application/javascript", jsonp(q.callback, body)
	}
	send(w, http.StatusOK, contentType, body)
}

// answer gives the body.
func (h *Handler) answer(ctx context.Context, q *request, scope []fedmsg.Pattern) ([]byte, error) {
	s, done, err := h.Searcher(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	switch q.route {
	case routeCount:
		n, err := s.Number(ctx, scope)
		return append(strconv.AppendInt([]byte(`{"messagecount":`), n, 10), '}'), err
	case routeID:
		return answerID(ctx, s, q, scope)
	}
	return h.answerSearch(ctx, s, q, scope)
}

// refuse answers with an error in the old service's form: a text, and the arguments as they were understood.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, q *request, err error) {
	if h.Report != nil && r.Context().Err() == nil {
		h.Report(err)
	}
	code, text := fedmsg.Public(err)
	b := fedmsg.AppendJSONString([]byte(`{"error":`), text)
	b = fedmsg.AppendJSONString(append(b, `,"code":`...), string(code))
	if q.route == routeSearch {
		b = q.appendArguments(append(b, `,"arguments":`...))
	}
	if code == fedmsg.CodeUnavailable || code == fedmsg.CodeBusy {
		w.Header().Set("Retry-After", "1")
	}
	send(w, code.HTTPStatus(), "application/json", append(b, '}'))
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	body = append(body, '\n')
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
