package httpapi

import (
	"context"
	"maps"
	"net"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/bind"
)

// listen opens what the configuration names and takes the ready-made listeners in.
func (s *Server) listen() error {
	ready := maps.Clone(s.deps.Listeners)
	sockets := takeUnix(ready)
	for _, ln := range sockets {
		e, err := s.socketEndpoint()
		if err != nil {
			return err
		}
		if err := s.add(e, ln, nil); err != nil {
			return err
		}
	}
	if len(sockets) == 0 && s.cfg.Socket != "" {
		e, err := s.socketEndpoint()
		if err != nil {
			return err
		}
		ln, remove, err := bind.File{Path: e.address, Mode: e.mode, Group: e.group, Key: "http.socket"}.Listen(context.Background())
		if err != nil {
			return err
		}
		if err := s.add(e, ln, remove); err != nil {
			return err
		}
	}
	for _, uri := range s.cfg.Listen {
		if err := s.listenOn(uri, ready); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ready)) {
		addr := ready[name].Addr().String()
		e, err := parseEndpoint("http://" + addr)
		if err != nil {
			return fedmsg.Errorf(fedmsg.CodeConfig, "the ready-made listener %q on %s is neither TCP nor a unix socket", name, addr)
		}
		if err := s.add(e, ready[name], nil); err != nil {
			return err
		}
	}
	return nil
}

// listenOn opens one endpoint of http.listen, or takes the ready-made listener that is meant for it.
func (s *Server) listenOn(uri string, ready map[string]net.Listener) error {
	e, err := parseEndpoint(uri)
	if err != nil {
		return fedmsg.Errorf(fedmsg.CodeConfig, "http.listen: %s", err)
	}
	ln := takeTCP(ready, e)
	if ln == nil && e.fd != "" {
		return fedmsg.Errorf(fedmsg.CodeConfig, "http.listen: %s names the ready-made listener %q, and none of that name was handed over; see FileDescriptorName= of the socket unit", uri, e.fd)
	}
	if ln == nil {
		if ln, err = bind.TCP(context.Background(), e.address, e.uri, "http.listen"); err != nil {
			return err
		}
	}
	return s.add(e, ln, nil)
}

// socketEndpoint is what http.socket says, or the default where a socket was handed over and none is configured.
func (s *Server) socketEndpoint() (*endpoint, error) {
	if s.cfg.Socket == "" {
		return &endpoint{unix: true, loopback: true, replaying: true, read: []fedmsg.Pattern{fedmsg.MatchAll()}}, nil
	}
	return parseSocket(s.cfg.Socket)
}

// add makes ln one of the server's listeners. On an error it closes ln.
func (s *Server) add(e *endpoint, ln net.Listener, remove func()) error {
	l := &listener{
		Listener: ln, limits: s.limits, refuse: s.turnedAway, name: e.name(ln.Addr()), read: e.read,
		verify: e.verify, tls: e.tls, local: e.unix, loopback: e.loopback, remove: remove,
	}
	if s.deps.Door != nil {
		l.into = s.deps.Door(e.verify, false)
		if e.replaying {
			l.late = s.deps.Door(e.verify, true)
		}
	}
	if e.tls {
		var err error
		if l.certs, err = newCertificates(e, s.logger); err != nil {
			l.Close()
			return err
		}
	}
	s.listeners = append(s.listeners, l)
	return nil
}

// turnedAway counts a connection over a limit and tells the operator, but not for each one of a flood.
func (s *Server) turnedAway(limit string) {
	s.metrics.turnedAway.Inc()
	s.report(fedmsg.Errorf(fedmsg.CodeBusy, "a connection was turned away; the limit is %s", limit))
}

// takeUnix takes the unix sockets out of the ready-made listeners.
func takeUnix(ready map[string]net.Listener) []net.Listener {
	var taken []net.Listener
	for _, name := range slices.Sorted(maps.Keys(ready)) {
		if _, ok := ready[name].(*net.UnixListener); ok {
			taken = append(taken, ready[name])
			delete(ready, name)
		}
	}
	return taken
}

// takeTCP takes the ready-made listener that is meant for the endpoint, if there is one.
func takeTCP(ready map[string]net.Listener, e *endpoint) net.Listener {
	for _, name := range slices.Sorted(maps.Keys(ready)) {
		if ln := ready[name]; name == e.fd || e.fd == "" && ln.Addr().String() == e.address {
			delete(ready, name)
			return ln
		}
	}
	return nil
}
