package doctor

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/config"
)

// Subject is what is examined, and what the examination needs to know of its surroundings.
type Subject struct {
	Loaded  *config.Loaded // what files and environment say now, so far as it could be understood
	Fault   error          // what is wrong with it; nil where nothing is
	Node    string         // where the node is asked: unix:///PATH, http://HOST:PORT or https://HOST:PORT; empty: where Loaded has it listen
	Token   string         // shown to the node; may be empty
	Version string         // of this program
	Spool   string         // a spool that is looked at beside the configured one; may be empty

	Now    func() time.Time            // nil is the machine's clock
	Kernel func() (KernelClock, error) // nil asks the kernel
}

// nodeTime is the most that the node may take to say that it is there.
const nodeTime = 2 * time.Second

// Examine makes every check of the subject, each for at most so long.
func Examine(ctx context.Context, s Subject, each time.Duration) Report {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Kernel == nil {
		s.Kernel = readKernelClock
	}
	if s.Node == "" {
		s.Node = s.listening()
	}
	n := newNode(&s)
	there, cancel := context.WithTimeout(ctx, min(each, nodeTime))
	defer cancel()
	n.reach(there)
	checks := append([]Check{
		check{"node", n.presence},
		check{"configuration", s.configuration},
	}, s.checks(n)...)
	found := Run(ctx, each, checks...)
	return Report{Status: worst(found), Time: s.Now().UTC(), Node: s.Node, Running: n.running, Findings: found}
}

// listening is a place where the node listens by its configuration, preferably its socket; empty where there is none.
func (s *Subject) listening() string {
	c := &s.Loaded.Config
	socket, _, _ := strings.Cut(c.HTTP.Socket, "?")
	switch {
	case strings.HasPrefix(socket, "/"):
		return "unix://" + socket
	case socket != "":
		return socket
	}
	for _, uri := range c.HTTP.Listen {
		if u, err := url.Parse(uri); err == nil {
			return u.Scheme + "://" + fromHere(u)
		}
	}
	return ""
}

// checks lists what is looked at beside the node's presence and the configuration. Of a configuration that cannot be used, only what
// the node says of itself can be told.
func (s *Subject) checks(n *node) (all []Check) {
	if n.running {
		all = append(all,
			check{"running configuration", n.settings},
			check{"health", n.health},
			check{"sinks", n.sinks},
			check{"sources", n.sources},
			check{"dead letters", n.dead},
		)
	}
	if s.Fault != nil {
		return all
	}
	if !n.running {
		all = append(all, check{"trust", s.trust}, check{"sinks", s.savedSinks}, check{"dead letters", s.savedDead})
	}
	return append(all,
		check{"listeners", s.listeners(n)},
		check{"socket", s.socket},
		check{"clock", s.clock},
		check{"certificates", s.certificates},
		check{"reach", s.reach},
		check{"disk", s.disk},
		check{"spool", s.spools(n)},
		check{"permissions", s.permissions},
		check{"insecure", s.insecure},
	)
}
