package httpapi

import (
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

// endpoint is one place to listen on, as its URI says.
type endpoint struct {
	uri      string // as it was written
	address  string // HOST:PORT, or the path of the socket
	unix     bool
	tls      bool
	loopback bool // only this machine can reach it: a loopback address or a socket
	fd       string
	read     []fedmsg.Pattern  // what everybody may read here
	verify   fedmsg.VerifyMode // what is asked of signatures; empty leaves it to the node
	// replaying tells that whoever publishes here may say that a message waited somewhere. On the socket everybody may: the
	// node's spool is open to the same users, and takes what is old.
	replaying bool

	cert, key, clientCA string // files

	mode  os.FileMode // of the socket
	group string      // of the socket; empty leaves that of the process
}

// parseEndpoint reads an element of http.listen.
func parseEndpoint(uri string) (*endpoint, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URI; write http://HOST:PORT or https://HOST:PORT?cert=FILE&key=FILE", uri)
	}
	if u.Scheme == "unix" {
		return nil, fmt.Errorf("%q is a unix socket; that is the key http.socket", uri)
	}
	e := &endpoint{uri: uri, address: u.Host, tls: u.Scheme == "https"}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q does not start with http:// or https://", uri)
	case u.Path != "" && u.Path != "/" || u.User != nil || strings.Contains(uri, "#"):
		return nil, fmt.Errorf("%q has more than HOST:PORT and a query; a # in a query is written %%23", uri)
	case u.Port() == "":
		return nil, fmt.Errorf("%q has no port", uri)
	}
	e.loopback = isLoopbackHost(u.Hostname())
	if u.Hostname() == "*" {
		e.address = ":" + u.Port()
	}
	if err := e.query(u); err != nil {
		return nil, err
	}
	if e.tls && (e.cert == "" || e.key == "") {
		return nil, fmt.Errorf("%q needs cert=FILE and key=FILE", uri)
	}
	if !e.tls && (e.cert != "" || e.key != "" || e.clientCA != "") {
		return nil, fmt.Errorf("%q has certificates but is not https", uri)
	}
	return e, nil
}

// parseSocket reads http.socket.
func parseSocket(uri string) (*endpoint, error) {
	full := uri
	if strings.HasPrefix(uri, "/") {
		full = "unix://" + uri
	}
	u, err := url.Parse(full)
	if err != nil || u.Scheme != "unix" || u.Host != "" || u.User != nil || strings.Contains(full, "#") || !filepath.IsAbs(u.Path) {
		return nil, fmt.Errorf("%q is neither an absolute path nor of the form unix:///PATH?mode=0660&group=NAME; a # is written %%23", uri)
	}
	e := &endpoint{uri: uri, address: filepath.Clean(u.Path), unix: true, loopback: true, replaying: true, mode: bind.DefaultMode}
	if err := e.query(u); err != nil {
		return nil, err
	}
	return e, nil
}

// query reads what stands behind the question mark, strictly.
func (e *endpoint) query(u *url.URL) error {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("%q has a query that is not well formed", e.uri)
	}
	if e.loopback {
		e.read = []fedmsg.Pattern{fedmsg.MatchAll()}
	}
	for name, all := range values {
		if len(all) > 1 && name != "topics" {
			return fmt.Errorf("%q has %s twice", e.uri, name)
		}
		if err := e.option(name, all); err != nil {
			return fmt.Errorf("%q: %w", e.uri, err)
		}
	}
	return nil
}

// option sets one option of the query. Values are given in full because topics may stand several times.
func (e *endpoint) option(name string, values []string) error {
	value := values[0]
	switch {
	case name == "topics":
		return e.scope(values)
	case name == "verify":
		return e.verify.UnmarshalText([]byte(value))
	case name == "fd":
		e.fd = value
	case name == "mode" && e.unix:
		mode, err := strconv.ParseUint(value, 8, 32)
		if err != nil || mode > 0o777 {
			return fmt.Errorf("mode %q is not an octal number as in 0660", value)
		}
		e.mode = os.FileMode(mode)
	case name == "group" && e.unix:
		e.group = value
	case name == "replaying" && !e.unix:
		if value != "allow" {
			return fmt.Errorf("replaying is allow or is left out, not %q", value)
		}
		e.replaying = true
	case name == "cert" && !e.unix:
		e.cert = value
	case name == "key" && !e.unix:
		e.key = value
	case name == "client_ca" && !e.unix:
		e.clientCA = value
	case e.unix:
		return fmt.Errorf("option %q is not known; there are mode, group, topics, verify, fd", name)
	default:
		return fmt.Errorf("option %q is not known; there are cert, key, client_ca, topics, verify, replaying, fd", name)
	}
	return nil
}

// scope sets what everybody may read. topics= with nothing behind it means nothing.
func (e *endpoint) scope(values []string) error {
	e.read = nil
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			p, err := fedmsg.ParsePattern(text)
			if err != nil {
				return fmt.Errorf("topics: %w", err)
			}
			e.read = append(e.read, p)
		}
	}
	return nil
}

// name says what the endpoint is called once it listens on the address.
func (e *endpoint) name(a net.Addr) string {
	switch {
	case e.unix:
		return "unix://" + a.String()
	case e.tls:
		return "https://" + a.String()
	}
	return "http://" + a.String()
}

// isLoopbackHost reports whether a listener on the host can only be reached from this machine.
func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
