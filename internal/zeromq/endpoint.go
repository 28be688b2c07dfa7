package zeromq

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/bind"
)

// kind is what an endpoint is for: the key that it stands in.
type kind string

const (
	publish   kind = "publish"
	submit    kind = "submit"
	relayIn   kind = "relay_in"
	subscribe kind = "subscribe"
	replay    kind = "replay"
)

// key is the name of the kind in the configuration.
func (k kind) key() string { return "zeromq." + string(k) }

// options lists what may stand in the query of such an endpoint, but for what only ipc has.
func (k kind) options() []string {
	switch k {
	case publish:
		return []string{"format", "topics", "curve"}
	case submit:
		return []string{"verify", "curve"}
	case relayIn:
		return []string{"verify", "sender", "curve"}
	case subscribe:
		return []string{"verify", "name", "replay", "server_key", "topics"}
	case replay:
		return []string{"format", "topics", "curve"}
	}
	return nil
}

// endpoint is one element of a key, as its URI says.
type endpoint struct {
	kind     kind
	uri      string // as it was written
	address  string // the URI without its query: what is bound or connected to, and how the endpoint is called
	scheme   string // tcp, ipc; of subscribe also file and srv
	path     string // of ipc and file; the domain of srv
	loopback bool   // only this machine can reach it: a loopback address or a socket

	format format            // of publish
	topics []fedmsg.Pattern  // what may be read here; of curve nil where the client's own hold alone
	curve  bool              // peers have to be clients of [[zeromq_client]]
	verify fedmsg.VerifyMode // what is asked of signatures; empty leaves it to the node
	sender string            // of relay_in: who hands in what comes here

	// Of subscribe.
	name      string   // of the service; empty leaves it to the address
	replay    string   // URI of the service's replay socket
	serverKey string   // its CURVE key in Z85
	prefixes  []string // beginnings of the topics that are wanted; none: all

	mode  os.FileMode // of an ipc socket
	group string      // of an ipc socket; empty leaves that of the process
}

// maxSocketPath is what fits into the address of a unix socket on Linux.
const maxSocketPath = 107

// parseEndpoint reads an element of a key of endpoints.
func parseEndpoint(k kind, uri string) (*endpoint, error) {
	u, err := url.Parse(uri)
	if err != nil || strings.Contains(uri, "#") {
		return nil, fmt.Errorf("%q is not a URI; write tcp://HOST:PORT or ipc:///PATH, and a # in a query as %%23", uri)
	}
	address, _, _ := strings.Cut(uri, "?")
	e := &endpoint{kind: k, uri: uri, address: address, scheme: u.Scheme, mode: bind.DefaultMode}
	if err := e.place(u); err != nil {
		return nil, err
	}
	switch k {
	case publish:
		e.format = formatFedmsg2
	case replay:
		e.format = formatFedmsg1 // old askers know no other
	}
	if e.loopback {
		e.topics = []fedmsg.Pattern{fedmsg.MatchAll()}
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%q has a query that is not well formed; bytes such as %% and & in a value are escaped", uri)
	}
	if _, given := values["topics"]; !given && values.Get("curve") == "yes" {
		e.topics = nil
	}
	for name, all := range values {
		if len(all) > 1 && name != "topics" {
			return nil, fmt.Errorf("%q has %s twice", uri, name)
		}
		if err := e.option(name, all); err != nil {
			return nil, fmt.Errorf("%q: %w", uri, err)
		}
	}
	return e, nil
}

// place reads what stands before the question mark.
func (e *endpoint) place(u *url.URL) error {
	connects := e.kind == subscribe
	switch {
	case u.User != nil:
		return fmt.Errorf("%q has a user before its host; who may come is said in [[zeromq_client]]", e.uri)
	case e.scheme == "tcp":
		host := u.Hostname()
		if u.Port() == "" || host == "" || u.Path != "" {
			return fmt.Errorf("%q is not of the form tcp://HOST:PORT", e.uri)
		}
		if connects && (host == "*" || u.Port() == "0") {
			return fmt.Errorf("%q cannot be connected to; write the host and the port of the publisher", e.uri)
		}
		e.loopback = isLoopbackHost(host)
	case e.scheme == "ipc" || connects && e.scheme == "file":
		if u.Host != "" || !filepath.IsAbs(u.Path) || filepath.Clean(u.Path) != u.Path {
			return fmt.Errorf("%q is not of the form %s:///PATH with a plain absolute path", e.uri, e.scheme)
		}
		if e.path, e.loopback = u.Path, true; e.scheme == "ipc" && len(e.path) > maxSocketPath {
			return fmt.Errorf("%q has a path of %d bytes and a socket's path has at most %d; set a shorter one", e.uri, len(e.path), maxSocketPath)
		}
	case connects && e.scheme == "srv":
		if e.path = u.Opaque; e.path == "" || strings.ContainsAny(e.path, "/:@ ") {
			return fmt.Errorf("%q is not of the form srv:DOMAIN", e.uri)
		}
	case connects:
		return fmt.Errorf("%q starts with none of file:///, srv:, tcp:// and ipc:///", e.uri)
	default:
		return fmt.Errorf("%q starts neither with tcp:// nor with ipc:///", e.uri)
	}
	return nil
}

// isLoopbackHost reports whether a listener on the host can only be reached from this machine.
func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// name tells endpoints apart in sentences for the operator: the key and the address.
func (e *endpoint) String() string { return e.address + " (" + e.kind.key() + ")" }

// service is the name of the one service that an element of subscribe is about.
func (e *endpoint) service() string {
	if e.scheme == "srv" {
		return e.path
	}
	return cmp.Or(e.name, e.address)
}

// parseMode reads the mode of a socket's file.
func parseMode(value string) (os.FileMode, error) {
	mode, err := strconv.ParseUint(value, 8, 32)
	if err != nil || mode == 0 || mode > 0o777 {
		return 0, fmt.Errorf("mode %q is not an octal number as in 0660", value)
	}
	return os.FileMode(mode), nil
}
