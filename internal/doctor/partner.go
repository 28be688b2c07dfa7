package doctor

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// partner is another side that the configuration names, to which the node connects.
type partner struct {
	key     string // as in "sink rabbit"
	scheme  string // http, amqps, …; tcp of ZeroMQ, unix of a socket
	host    string
	address string // HOST:PORT; of unix the path
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
	case "http":
		return "80", false, true
	case "https":
		return "443", true, true
	}
	return "", false, false
}

// partners lists the other sides of sinks, sources and zeromq.subscribe. What the node does not connect to is none: a program, a
// directory, a place to listen.
func (s *Subject) partners() (all []partner) {
	c := &s.Loaded.Config
	add := func(key, address string, files remote.Files) {
		u, err := url.Parse(address)
		if err != nil || address == "" {
			return
		}
		scheme := strings.TrimPrefix(u.Scheme, "poll+")
		if scheme == "unix" && filepath.IsAbs(u.Path) {
			all = append(all, partner{key: key, scheme: scheme, address: u.Path, files: files})
			return
		}
		port, tls, known := ports(scheme)
		if !known || u.Hostname() == "" {
			return
		}
		if u.Port() != "" {
			port = u.Port()
		}
		all = append(all, partner{key: key, scheme: scheme, host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port), tls: tls, files: files})
	}
	for i := range c.Sink {
		add("sink "+c.Sink[i].Name, c.Sink[i].To, c.Sink[i].Files())
	}
	for i := range c.Source {
		add("source "+c.Source[i].Name, c.Source[i].From, c.Source[i].Files())
	}
	for _, uri := range c.ZeroMQ.Subscribe {
		if u, err := url.Parse(uri); err == nil && u.Scheme == "tcp" && u.Port() != "" {
			all = append(all, partner{key: "zeromq.subscribe", scheme: "tcp", host: u.Hostname(), address: u.Host})
		}
	}
	return all
}
