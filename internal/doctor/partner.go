package doctor

import (
	"cmp"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// partner is another side that the configuration names, to which the node connects.
type partner struct {
	key     string // as in "sink rabbit"
	scheme  string // as it is configured: http, amqps, poll+https, …; tcp of ZeroMQ
	network string // tcp or unix; empty where it is not known how to connect
	host    string
	address string // HOST:PORT; of unix the path; where it is not known what the configuration says
	tls     bool   // from the beginning
	files   remote.Files
}

// ports gives the port of each scheme that is dialled, and whether TLS begins at once.
func ports(scheme string) (port string, tls, known bool) {
	switch scheme {
	case "amqp":
		return "5672", false, true
	case "amqps":
		return "5671", true, true
	case "stomp":
		return "61613", false, true
	case "stomp+tls":
		return "61614", true, true
	case "nats", "nats+tls": // TLS begins behind its first line
		return "4222", false, true
	case "postgres", "postgresql": // likewise
		return "5432", false, true
	case "http":
		return "80", false, true
	case "https":
		return "443", true, true
	}
	return "", false, false
}

// staysHere reports whether what has this scheme is no other side: a program, a file, a directory, a place to listen.
func staysHere(scheme string) bool {
	switch scheme {
	case "exec", "sqlite", "maildir", "lmtp", "lmtp+unix", "smtp":
		return true
	}
	return false
}

// partners lists the other sides of sinks, sources, zeromq.subscribe and the archive.
func (s *Subject) partners() (all []partner) {
	c := &s.Loaded.Config
	add := func(key, address string, files remote.Files) {
		u, err := url.Parse(address)
		if err != nil || address == "" {
			return
		}
		scheme := strings.TrimPrefix(u.Scheme, "poll+")
		p := partner{key: key, scheme: u.Scheme, files: files}
		var port string
		var known bool
		port, p.tls, known = ports(scheme)
		switch {
		case staysHere(scheme):
			return
		case scheme == "postgres" || scheme == "postgresql":
			all = append(all, p.databases(u, port)...)
			return
		case scheme == "unix" && filepath.IsAbs(u.Path):
			p.network, p.address = "unix", u.Path
		case !known || u.Hostname() == "":
			p.address = u.Scheme
		default:
			p.network, p.host, p.address = "tcp", u.Hostname(), net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
		}
		all = append(all, p)
	}
	for i := range c.Sink {
		add("sink "+c.Sink[i].Name, c.Sink[i].To, c.Sink[i].Files())
	}
	for i := range c.Source {
		add("source "+c.Source[i].Name, c.Source[i].From, c.Source[i].Files())
	}
	for _, uri := range c.ZeroMQ.Subscribe {
		if u, err := url.Parse(uri); err == nil && u.Scheme == "tcp" && u.Port() != "" {
			all = append(all, partner{key: "zeromq.subscribe", scheme: "tcp", network: "tcp", host: u.Hostname(), address: u.Host})
		}
	}
	if c.Archive.IsPostgres() {
		add("archive.store", c.Archive.Store, remote.Files{})
	}
	return all
}

// databases gives one for each server of an address of PostgreSQL, which may name several, and sockets by their directory.
func (p partner) databases(u *url.URL, port string) (all []partner) {
	hosts, port := cmp.Or(u.Query().Get("host"), u.Host, "/var/run/postgresql"), cmp.Or(u.Query().Get("port"), port)
	for host := range strings.SplitSeq(hosts, ",") {
		one := p
		one.network, one.address = "unix", host+"/.s.PGSQL."+port
		if !strings.HasPrefix(host, "/") {
			at := url.URL{Host: host}
			one.network, one.host, one.address = "tcp", at.Hostname(), net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), port))
		}
		all = append(all, one)
	}
	return all
}
