package doctor

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
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
	found := inOrder(withoutDoubles(Run(ctx, each, checks...)))
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

// checks lists what is looked at beside the node's presence and the configuration.
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
	add := func(name string, look func(context.Context) []Finding, keys ...string) {
		all = append(all, check{name, s.known(look, keys...)})
	}
	if !n.running {
		add("trust", s.trust)
		add("sinks", s.savedSinks, "state")
		add("dead letters", s.savedDead, "state")
	}
	add("listeners", s.listeners(n))
	add("socket", s.socket, "http.socket")
	add("clock", s.clock)
	add("certificates", s.certificates, "state")
	add("reach", s.reach)
	add("disk", s.disk, "state", "spool.directory")
	add("spool", s.spools(n), "spool.directory")
	add("permissions", s.permissions, "state")
	add("insecure", s.insecure)
	return all
}

// known gives the check itself where it is known what the configuration says of the keys, and else one that tells that nothing was looked
// at. What is wrong with others keeps no check from looking at what could be read.
func (s *Subject) known(look func(context.Context) []Finding, keys ...string) func(context.Context) []Finding {
	unknown := ""
	if files := s.Loaded.Unread(); len(files) > 0 {
		unknown = "what " + strings.Join(files, " and ") + " says is not known"
	} else if i := slices.IndexFunc(keys, s.Loaded.Faulty); i >= 0 {
		unknown = "what is configured by " + keys[i] + " cannot be meant"
	}
	if unknown == "" {
		return look
	}
	return func(context.Context) []Finding {
		return []Finding{warning("the configuration", "it was not looked at, since "+unknown, "correct the configuration, and ask the doctor again")}
	}
}

// withoutDoubles leaves out that another side cannot be reached where its sink or source has said that nothing gets through.
func withoutDoubles(all []Finding) []Finding {
	said := map[string]bool{}
	for _, f := range all {
		if kind, isOne := map[string]string{"sinks": "sink ", "sources": "source "}[f.Check]; isOne && f.Status != ops.OK {
			name, _, _ := strings.Cut(f.Looked, " (")
			said[kind+name] = true
		}
	}
	return slices.DeleteFunc(all, func(f Finding) bool {
		of, _, _ := strings.Cut(f.Looked, " (")
		return f.Check == "reach" && f.Status != ops.OK && said[of]
	})
}

// inOrder puts what is worst first, behind what is said of the node, from which all else follows.
func inOrder(all []Finding) []Finding {
	rank := func(f Finding) int {
		switch {
		case f.Check == "node":
			return 0
		case f.Status == ops.OK:
			return 3
		case f.Status == ops.Warning:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return rank(a) - rank(b) })
	return all
}
