package httpapi

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// handlePublish takes one message, or a stream of them. A message that was stored before is a success too: 201 with
// duplicate true and the first receipt, so that a publisher that retries need not care.
func (s *Server) handlePublish(w http.ResponseWriter, r *http.Request, id identity) {
	stream, err := publishType(r)
	if err != nil {
		writeError(w, err)
		return
	}
	if stream {
		s.publishStream(w, r, id)
		return
	}
	s.publishOne(w, r, id)
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

// publishOne takes one message and answers when it is durable.
func (s *Server) publishOne(w http.ResponseWriter, r *http.Request, id identity) {
	body, err := s.readBody(r)
	if err != nil {
		if errors.Is(err, errClientGone) {
			panic(http.ErrAbortHandler)
		}
		writeError(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.AcceptTimeout)
	defer cancel()
	outcomes, err := s.deps.Door.Submit(ctx, id.sender, body).Wait(ctx)
	if err == nil && len(outcomes) != 1 {
		err = fedmsg.Errorf(fedmsg.CodeInternal, "one message had %d outcomes", len(outcomes))
	}
	if err == nil {
		s.metrics.outcome(&outcomes[0])
		err = outcomes[0].Err
	} else {
		s.metrics.outcome(&fedmsg.Outcome{Err: err})
	}
	if err != nil {
		s.report(err)
		writeError(w, err)
		return
	}
	b := make([]byte, 0, 256)
	writeJSON(w, http.StatusCreated, append(outcomes[0].Receipt.AppendJSON(b), '\n'))
}

// errClientGone tells that nobody is left to read an answer.
var errClientGone = errors.New("the client is gone")

// readBody reads the whole body into memory of its own, which the door may keep.
func (s *Server) readBody(r *http.Request) ([]byte, error) {
	limit := s.cfg.MaxBodyBytes
	if r.ContentLength > int64(limit) {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the body has %d bytes; http.max_body_bytes is %d", r.ContentLength, limit)
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, bodyError(err)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err == nil && len(body) > limit {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the body has more than %d bytes, which is http.max_body_bytes", limit)
	}
	return body, bodyError(err)
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
