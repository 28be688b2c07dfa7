package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// httpDefault is where a node listens when nothing is configured.
const httpDefault = "http://127.0.0.1:8940"

// endpoint is one place where a node may answer.
type endpoint struct {
	uri     string // as people write it
	network string // unix or tcp
	address string // path, or host:port
	host    string // of the Host header
	base    string // path before /v1, without a final slash
	tls     bool
}

// endpoints gives where to look for a node: the one that was named, or the usual places in order.
func endpoints(named string, getenv func(string) string) ([]endpoint, error) {
	if named == "" {
		named = getenv("FEDMSG_NODE")
	}
	if named != "" {
		e, err := parseEndpoint(named)
		return []endpoint{e}, err
	}
	var all []endpoint
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		all = append(all, unixEndpoint(filepath.Join(dir, "fedmsg.sock")))
	} else if dir := spool.UserDir(getenv); dir != "" {
		// A user without a session, as in a container: the user's node has its socket beside the user's spool.
		all = append(all, unixEndpoint(filepath.Join(filepath.Dir(dir), "fedmsg.sock")))
	}
	e, err := parseEndpoint(httpDefault)
	return append(all, unixEndpoint("/run/fedmsg/fedmsg.sock"), e), err
}

func unixEndpoint(path string) endpoint {
	return endpoint{uri: "unix://" + path, network: "unix", address: path, host: "localhost"}
}

// parseEndpoint reads unix:///path, http://host:port and https://host:port.
func parseEndpoint(s string) (endpoint, error) {
	bad := func(why string) (endpoint, error) {
		return endpoint{}, fedmsg.Errorf(fedmsg.CodeConfig, "node %q %s; write unix:///path, http://host:port or https://host:port", s, why)
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("is not a URI")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return bad("has more than scheme, host and path")
	}
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return bad("has no absolute path")
		}
		return unixEndpoint(u.Path), nil
	case "http", "https":
		if u.Hostname() == "" {
			return bad("has no host")
		}
	default:
		return bad("has none of the known schemes")
	}
	e := endpoint{uri: s, network: "tcp", host: u.Host, base: strings.TrimRight(u.EscapedPath(), "/"), tls: u.Scheme == "https"}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[e.tls]
	}
	e.address = net.JoinHostPort(u.Hostname(), port)
	return e, nil
}

// private reports whether nobody on the way to the endpoint can read along.
func (e endpoint) private() bool {
	if e.tls || e.network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(e.address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// dial connects to the first endpoint that answers.
func (c *Client) dial(ctx context.Context) (net.Conn, endpoint, error) {
	if c.ctx.Err() != nil {
		return nil, endpoint{}, errClosed()
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	var errs []error
	for _, e := range c.endpoints {
		conn, err := c.connect(ctx, e)
		if err == nil {
			return conn, e, nil
		}
		errs = append(errs, err)
	}
	return nil, endpoint{}, noNode(c.endpoints, errors.Join(errs...))
}

// unanswered is why no connection came about. Callers inside this module, which have no command line, find it by its method.
type unanswered struct{ error }

// Unanswered tells it from what went wrong on a connection.
func (u unanswered) Unanswered() bool { return true }

// Unwrap gives what went wrong at each place.
func (u unanswered) Unwrap() []error {
	if many, ok := u.error.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{u.error}
}

// noNode says that nobody answered, where, and what to do.
func noNode(tried []endpoint, cause error) error {
	cause = unanswered{cause}
	var places []string
	for _, e := range tried {
		places = append(places, e.uri)
	}
	if name := misnamed(cause); name != "" && len(tried) == 1 {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, cause, "no node answers at %s: there is no such host as %s; name the node with --node or FEDMSG_NODE", places[0], name)
	}
	return fedmsg.WrapError(fedmsg.CodeUnavailable, cause, "no node answers at %s; start one with `fedmsg serve`, or name it with --node or FEDMSG_NODE", strings.Join(places, ", "))
}

func (c *Client) connect(ctx context.Context, e endpoint) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 30 * time.Second}
	if !e.tls {
		return d.DialContext(ctx, e.network, e.address)
	}
	return (&tls.Dialer{NetDialer: &d, Config: c.o.TLS}).DialContext(ctx, e.network, e.address)
}
