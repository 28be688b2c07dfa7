package httpapi

import (
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
)

// need is what a route asks of the identity behind a request.
type need uint8

const (
	needNothing  need = iota
	needSender        // somebody: a zero sender is refused
	needScope         // a reader who may read something
	needLocal         // the unix socket: elsewhere there is no such route
	needOperator      // and there root or the node's own user
)

// route is one line of the table.
type route struct {
	method, path string // as in http.ServeMux; GET serves HEAD too
	slash        bool   // a slash behind the path changes nothing
	need         need
	handle       func(w http.ResponseWriter, r *http.Request, id identity)
	label        string       // METHOD PATH: in metrics, in lists for people
	running      atomic.Int64 // requests in handle
}

// table is the whole interface.
func (s *Server) table() []*route {
	rows := []*route{
		{method: "POST", path: "/v1/messages", need: needSender, handle: s.handlePublish},
		{method: "GET", path: "/v1/messages", need: needScope, handle: s.handleArchive},
		{method: "GET", path: "/v1/messages/{id...}", need: needScope, handle: s.handleMessage},
		{method: "GET", path: "/v1/receipts/{id...}", need: needScope, handle: s.handleReceipt},
		{method: "GET", path: "/v1/keys", need: needNothing, handle: s.handleKeys},
		{method: "GET", path: "/v1/latest", need: needScope, handle: s.handleLatest},
		{method: "GET", path: "/v1/stats", need: needScope, handle: s.handleStats},
		{method: "GET", path: "/v1/stream", need: needScope, handle: s.handleStream},
		{method: "GET", path: "/v1/log", need: needScope, handle: s.handleLog},
		{method: "GET", path: "/healthz", need: needNothing, handle: s.handleHealth},
		{method: "GET", path: "/readyz", need: needNothing, handle: s.handleReady},
		{method: "GET", path: "/metrics", need: needScope, handle: s.handleMetrics},
		{method: "GET", path: "/v1/config", need: needOperator, handle: s.handleConfig},
		{method: "GET", path: "/v1/streams", need: needOperator, handle: s.handleStreams},
		{method: "GET", path: "/v1/sinks", need: needLocal, handle: s.handleSinks},
		{method: "POST", path: "/v1/sinks/{name}/pause", need: needOperator, handle: s.handlePause},
		{method: "POST", path: "/v1/sinks/{name}/resume", need: needOperator, handle: s.handleResume},
		{method: "POST", path: "/v1/sinks/{name}/rewind", need: needOperator, handle: s.handleRewind},
		{method: "GET", path: "/v1/sources", need: needLocal, handle: s.handleSources},
		{method: "GET", path: "/v1/archive", need: needLocal, handle: s.handleArchiveStatus},
		{method: "POST", path: "/v1/archive/import", need: needOperator, handle: s.handleArchiveImport},
		{method: "POST", path: "/v1/archive/reindex", need: needOperator, handle: s.handleArchiveReindex},
		{method: "POST", path: "/v1/redactions", need: needOperator, handle: s.handleRedact},
		{method: "GET", path: "/v1/dead", need: needOperator, handle: s.handleDeadList},
		{method: "GET", path: "/v1/dead/{kind}/{name}/{number}", need: needOperator, handle: s.handleDeadGet},
		{method: "DELETE", path: "/v1/dead/{kind}/{name}/{number}", need: needOperator, handle: s.handleDeadDrop},
		{method: "POST", path: "/v1/dead/{kind}/{name}/{number}/retry", need: needOperator, handle: s.handleDeadRetry},
		{method: "GET", path: "/raw", slash: true, need: needScope, handle: s.handleDatagrepper},
		{method: "GET", path: "/id", slash: true, need: needScope, handle: s.handleDatagrepper},
		{method: "GET", path: "/v2/search", slash: true, need: needScope, handle: s.handleDatagrepper},
		{method: "GET", path: "/v2/id", slash: true, need: needScope, handle: s.handleDatagrepper},
		{method: "GET", path: "/messagecount", slash: true, need: needScope, handle: s.handleDatagrepper},
		{method: "GET", path: "/debug/pprof/", need: needLocal, handle: s.profile(pprof.Index)},
		{method: "GET", path: "/debug/pprof/cmdline", need: needLocal, handle: s.profile(pprof.Cmdline)},
		{method: "GET", path: "/debug/pprof/profile", need: needLocal, handle: s.profile(pprof.Profile)},
		{method: "GET", path: "/debug/pprof/symbol", need: needLocal, handle: s.profile(pprof.Symbol)},
		{method: "GET", path: "/debug/pprof/trace", need: needLocal, handle: s.profile(pprof.Trace)},
	}
	for _, row := range rows {
		row.label = row.method + " " + row.path
	}
	return rows
}

// newMux puts the table into the standard mux, and behind it the answers for what is not in the table.
func (s *Server) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, row := range s.routes {
		mux.Handle(row.label, s.handler(row))
		if row.slash {
			mux.Handle(row.label+"/{$}", s.handler(row))
		}
		parent, below := strings.CutSuffix(row.label, "/{id...}")
		if !below {
			parent, below = strings.CutSuffix(row.label, "/")
		}
		if below && !s.has(parent) {
			mux.HandleFunc(parent, s.noRoute) // else the mux would redirect to a message without an id, or to pprof
		}
	}
	mux.HandleFunc("/", s.noRoute)
	return mux
}

// has reports whether the table has a row of the label.
func (s *Server) has(label string) bool {
	return slices.ContainsFunc(s.routes, func(row *route) bool { return row.label == label })
}

// handler serves one route: identity, need, then the handler, counted.
func (s *Server) handler(row *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		row.running.Add(1)
		resp, access := &response{ResponseWriter: w}, accessOf(w)
		defer func() {
			row.running.Add(-1)
			access.status = resp.status
			if resp.status != 0 {
				s.metrics.request(row.label, resp.status)
			}
		}()
		id, err := s.identify(r)
		access.sender = id.sender
		if err == nil && row.need.local() && !id.local {
			s.noRoute(resp, r)
			return
		}
		if err == nil {
			err = row.need.check(&id)
		}
		if err != nil {
			refuse(resp, r, err)
			s.reportRefusal(r, id.sender, err)
			return
		}
		row.handle(resp, r, id)
	})
}

// check refuses an identity that is not enough.
func (n need) check(id *identity) error {
	switch {
	case n == needSender && id.sender.IsZero():
		return fedmsg.Errorf(fedmsg.CodeUnauthenticated, "publishing here needs a sender: a token (Authorization: Bearer …; fedmsg token new makes one), a client certificate, or the node's unix socket")
	case n == needScope && len(id.read) == 0 && id.sender.IsZero():
		return fedmsg.Errorf(fedmsg.CodeUnauthenticated, "reading here needs a token that may read; or let the operator give this listener topics=")
	case n == needScope && len(id.read) == 0:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may read nothing here; it needs read patterns on its token, or topics= on this listener", id.sender)
	case n == needOperator && !id.operator:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "only root and the user that the node runs as may do this; %s may not", id.sender)
	}
	return nil
}

// local reports whether the route is there on the unix socket alone.
func (n need) local() bool { return n == needLocal || n == needOperator }

// noRoute answers for a path or method that is not in the table, and OPTIONS for all that are.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	local := connOf(r).door.local
	allowed := s.methods(r.URL.Path, local)
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			s.metrics.request("OPTIONS", http.StatusNoContent)
			return
		}
	}
	err := fedmsg.Errorf(fedmsg.CodeNotFound, "there is no %s here; there are: %s", clip(r.URL.Path), s.list(local))
	if len(allowed) > 0 && !slices.Contains(allowed, r.Method) {
		err = fedmsg.Errorf(fedmsg.CodeBadMethod, "%s does not take %s; it takes %s", clip(r.URL.Path), clip(r.Method), strings.Join(allowed, ", "))
	}
	refuse(w, r, err)
	if _, counted := w.(*response); !counted {
		s.metrics.request("none", err.Code.HTTPStatus())
	}
}

// methods lists what the path takes, for the Allow header. It is empty for a path that is not in the table.
func (s *Server) methods(path string, local bool) []string {
	var all []string
	for _, row := range s.routes {
		if row.need.local() && !local || !row.matches(path) {
			continue
		}
		all = append(all, row.method)
		if row.method == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	if len(all) > 0 {
		all = append(all, http.MethodOptions)
	}
	return all
}

// matches reports whether the path is one of this row, whatever the method.
func (row *route) matches(path string) bool {
	if prefix, ok := strings.CutSuffix(row.path, "{id...}"); ok {
		return strings.HasPrefix(path, prefix) && len(path) > len(prefix)
	}
	if row.slash {
		path = strings.TrimSuffix(path, "/")
	}
	words := strings.Split(path, "/")
	pattern := strings.Split(row.path, "/")
	if len(words) != len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != words[i] && (!strings.HasPrefix(p, "{") || words[i] == "") {
			return false
		}
	}
	return true
}

// list names the routes for people.
func (s *Server) list(local bool) string {
	var names []string
	for _, row := range s.routes {
		if !row.need.local() || local {
			names = append(names, row.label)
		}
	}
	return strings.Join(names, ", ")
}

// running names the routes that have requests, for one who waits for them.
func (s *Server) running() string {
	var names []string
	for _, row := range s.routes {
		if row.running.Load() > 0 {
			names = append(names, row.label)
		}
	}
	if len(names) == 0 {
		return "connections without a complete request"
	}
	return strings.Join(names, ", ")
}

// clip shortens text that a client sent, for use in a sentence.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "…"
	}
	return s
}
