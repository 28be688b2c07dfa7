package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// How many dead letters of each sink and source are listed, unless limit= says so, and at most.
const (
	deadListed = 1000
	maxListed  = 10000
)

// deadRetryTime is how long an answer to a retry may take.
const deadRetryTime = 30 * time.Second

// deadLetters is what sinks and sources do with dead letters alike.
type deadLetters interface {
	DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error)
	DeadGet(name string, number uint64) (deadletter.Letter, error)
	DeadRetry(ctx context.Context, name string, number uint64) error
	DeadDrop(name string, number uint64) error
}

// deadOf gives the dead letters of the sinks or of the sources.
func (s *Server) deadOf(kind string) (deadLetters, error) {
	switch {
	case kind == deadletter.KindSink && s.deps.Sinks != nil:
		return s.deps.Sinks, nil
	case kind == deadletter.KindSource && s.deps.Sources != nil:
		return s.deps.Sources, nil
	case kind == deadletter.KindSink || kind == deadletter.KindSource:
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "this node has no %ss", kind)
	}
	return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "dead letters are of a sink or a source, not of a %q", clip(kind))
}

// handleDeadList lists dead letters without their contents, of each sink and source from the oldest.
func (s *Server) handleDeadList(w http.ResponseWriter, r *http.Request, _ identity) {
	list, err := s.deadList(r.URL.RawQuery)
	if list == nil {
		list = []deadletter.Letter{}
	}
	if err != nil {
		s.report(err)
		writeError(w, err)
		return
	}
	s.encode(w, http.StatusOK, struct {
		Dead []deadletter.Letter `json:"dead"`
	}{list})
}

// deadList reads of=KIND/NAME, after=NUMBER and limit=NUMBER, and gives what they ask for.
func (s *Server) deadList(query string) ([]deadletter.Letter, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "the query of the address is not well formed; write / as it is, and %% as %%25")
	}
	after, limit := uint64(0), deadListed
	for name, all := range values {
		switch {
		case len(all) > 1:
		case name == "of" && all[0] != "":
			continue
		case name == "after":
			if after, err = strconv.ParseUint(all[0], 10, 64); err == nil && values.Has("of") {
				continue
			}
		case name == "limit":
			if limit, err = strconv.Atoi(all[0]); err == nil && limit > 0 && limit <= maxListed {
				continue
			}
		}
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "dead letters are listed with of=KIND/NAME, limit=NUMBER up to %d, and with of= also after=NUMBER, not %s", maxListed, clip(name+"="+all[0]))
	}
	kind, name, named := strings.Cut(values.Get("of"), "/")
	if named {
		dead, err := s.deadOf(kind)
		if err != nil {
			return nil, err
		}
		return dead.DeadList(name, after, limit)
	}
	if kind != "" {
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "of= is sink/NAME or source/NAME, not %s", clip(kind))
	}
	out := []deadletter.Letter{}
	for _, k := range []string{deadletter.KindSink, deadletter.KindSource} {
		dead, err := s.deadOf(k)
		if err != nil {
			continue // this node has none of these
		}
		some, err := dead.DeadList("", 0, limit)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// letter finds what the path KIND/NAME/NUMBER speaks of.
func (s *Server) letter(r *http.Request) (dead deadLetters, name string, number uint64, err error) {
	if dead, err = s.deadOf(r.PathValue("kind")); err != nil {
		return nil, "", 0, err
	}
	if number, err = strconv.ParseUint(r.PathValue("number"), 10, 64); err != nil {
		return nil, "", 0, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no dead letter %q; they have numbers", clip(r.PathValue("number")))
	}
	return dead, r.PathValue("name"), number, nil
}

// handleDeadGet shows a dead letter with all that there is of it.
func (s *Server) handleDeadGet(w http.ResponseWriter, r *http.Request, _ identity) {
	dead, name, number, err := s.letter(r)
	var l deadletter.Letter
	if err == nil {
		l, err = dead.DeadGet(name, number)
	}
	var text []byte
	if err == nil {
		text, err = letterJSON(l)
	}
	if err != nil {
		s.report(err)
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, append(text, '\n'))
}

// letterJSON encodes a letter with the bytes of its envelope as they are, which encoding/json would change.
func letterJSON(l deadletter.Letter) ([]byte, error) {
	entry := l.Entry
	l.Entry = nil
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot encode the dead letter %d", l.Number)
	}
	text := bytes.TrimSpace(b.Bytes())
	if entry == nil {
		return text, nil
	}
	text = append(text[:len(text)-1], `,"entry":`...)
	return append(entry.AppendJSON(text), '}'), nil
}

// handleDeadRetry tries a dead letter again and answers when its fate is known: 200 when it was delivered or taken, and is gone.
func (s *Server) handleDeadRetry(w http.ResponseWriter, r *http.Request, _ identity) {
	dead, name, number, err := s.letter(r)
	if err == nil {
		ctx, cancel := s.waiting(w, r, deadRetryTime)
		err = dead.DeadRetry(ctx, name, number)
		cancel()
	}
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"retried":true}`+"\n"))
}

// handleDeadDrop removes a dead letter for good.
func (s *Server) handleDeadDrop(w http.ResponseWriter, r *http.Request, _ identity) {
	dead, name, number, err := s.letter(r)
	if err == nil {
		err = dead.DeadDrop(name, number)
	}
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"dropped":true}`+"\n"))
}
