package zeromq

import (
	"cmp"

	"github.com/federated-messaging/fedmsg"
)

// Places tells in sentences what the server does, and where, with the ports that were found.
func (s *Server) Places() []string {
	var all []string
	s.each(func(e *endpoint, at string) {
		switch e.kind {
		case publish:
			all = append(all, "publishing on "+at+" as "+string(cmp.Or(e.format, formatFedmsg2)))
		case replay:
			all = append(all, "replaying on "+at)
		case submit:
			all = append(all, "taking submissions on "+at)
		case relayIn:
			all = append(all, "taking what old publishers send on "+at)
		case subscribe:
			all = append(all, "subscribed to "+e.address)
		}
	})
	return all
}

// Way is an endpoint by which messages come in.
type Way struct {
	Name   string            // its URI
	Verify fedmsg.VerifyMode // what is asked of signatures there; empty leaves it to the node
}

// Ways lists the endpoints by which messages come in, and what each asks of signatures.
func (s *Server) Ways() []Way {
	var all []Way
	s.each(func(e *endpoint, at string) {
		if e.kind == submit || e.kind == relayIn || e.kind == subscribe {
			all = append(all, Way{at, e.verify})
		}
	})
	return all
}

// each calls f for each endpoint, with where it is: the edges stand in the order of the configuration.
func (s *Server) each(f func(e *endpoint, at string)) {
	n := 0
	for _, l := range s.cfg.lists() {
		for _, uri := range l.uris {
			e, err := parseEndpoint(l.kind, uri)
			if err != nil || n >= len(s.edges) {
				return // New has refused it
			}
			at := s.edges[n].addr()
			if n++; at == "" {
				at = e.address
			}
			f(e, at)
		}
	}
}
