package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// serve is where every request comes in: it refuses what a web page of another site sends through somebody's browser, and
// survives a handler's fault.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	if s.cfg.AccessLog {
		a := &accessed{ResponseWriter: w, began: time.Now()}
		defer s.logAccess(a, r)
		w = a
	}
	h := w.Header()
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	err := s.checkHost(r)
	if err == nil {
		err = s.checkOrigin(w, r)
	}
	if err == nil {
		err = checkPath(r)
	}
	if err != nil {
		refuse(w, r, err)
		s.reportRefusal(r, fedmsg.Sender{}, err)
		s.metrics.request("refused", fedmsg.CodeOf(err).HTTPStatus())
		return
	}
	s.mux.ServeHTTP(w, r)
}

// recover turns a fault of a handler into a line for the operator and the end of the connection; how much of an answer was
// written by then is not known.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault != http.ErrAbortHandler {
		s.logger.Error("fault while serving a request; please report it", "method", r.Method, "path", r.URL.Path, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}

// checkHost refuses names that are not this node's. A page can point its own name at 127.0.0.1 (DNS rebinding) and would
// then be of the same origin as the node; but the browser still says in Host which name the page believes in. An IP
// address cannot be pointed anywhere, and no browser comes over a unix socket.
func (s *Server) checkHost(r *http.Request) error {
	if r.Host == "" || connOf(r).door.local {
		return nil
	}
	host := hostname(r.Host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for _, name := range s.cfg.AllowedHosts {
		if strings.EqualFold(host, name) {
			return nil
		}
	}
	return fedmsg.Errorf(fedmsg.CodeBadHost, "%q is not a name of this node; use one of its names or its address, or let the operator add the name to http.allowed_hosts", clip(host))
}

// hostname gives the name in a Host header without port, brackets, final dot and capital letters.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// checkPath refuses what the mux would redirect to a cleaned path: the id a//b would become a/b, which may be that of
// another message.
func checkPath(r *http.Request) error {
	given := r.URL.EscapedPath()
	if clean := path.Clean(given); clean == given || len(given) == len(clean)+1 && given[len(clean)] == '/' {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeNotFound, "there is no %s here: it has empty or dotted parts; write / as %%2F in the id of a message", clip(r.URL.Path))
}

// checkOrigin refuses what a browser sends for a page of another site. Pages of allowed origins may read, and are told so
// in the way browsers want (CORS); none may publish. Programs that are no browsers send neither header.
func (s *Server) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	origins := r.Header["Origin"]
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if len(origins) == 0 {
		// No origin is sent for what only looks: images, scripts, links. A link may be followed; the rest has no
		// business here, and could hold streams open.
		site := r.Header.Get("Sec-Fetch-Site")
		foreign := site == "cross-site" || site == "same-site"
		if foreign && (!reads || r.Header.Get("Sec-Fetch-Mode") != "navigate") {
			return fedmsg.Errorf(fedmsg.CodeBadOrigin, "a page of another site sent this request; that is not allowed")
		}
		return nil
	}
	origin := origins[0]
	if sameOrigin(origin, r) {
		return nil
	}
	if !reads || len(origins) > 1 || !s.cfg.allowsOrigin(origin) {
		return fedmsg.Errorf(fedmsg.CodeBadOrigin, "pages of %q may not do this; those of http.allowed_origins may read", clip(origin))
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "Authorization, Last-Event-ID")
		h.Set("Access-Control-Max-Age", "600")
	}
	return nil
}

// sameOrigin reports whether the page came from this node under the very name of the request. The scheme counts only where
// this node does TLS itself: a proxy before it may do it.
func sameOrigin(origin string, r *http.Request) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(host, r.Host) && (r.TLS == nil || scheme == "https")
}

// checkOrigin refuses what browsers would never send as an origin.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is not an origin; write it as in https://apps.example.org, without path", origin)
	}
	return nil
}
