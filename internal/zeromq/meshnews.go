package zeromq

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/mesh"
)

const (
	newsEvery  = 10 * time.Second // one line in the log for each thing and place in this time
	maxNews    = 4096             // things that are told apart
	gapShown   = time.Hour        // how long a gap is shown in the health
	downsShown = 8                // endpoints that the health names
)

// meshNews is what an operator should know of the mesh. Its methods may be called by several goroutines at once.
type meshNews struct {
	address string
	counts  *counts
	logger  *slog.Logger
	now     func() time.Time

	mu     sync.Mutex
	up     map[string]bool      // endpoints that are connected; guarded by mu
	down   map[string]bool      // endpoints that are not; guarded by mu
	source string               // why the file or domain cannot be read; guarded by mu
	save   error                // why it cannot be saved up to where the mesh was heard; guarded by mu
	missed string               // the newest gap; guarded by mu
	at     time.Time            // when it was; guarded by mu
	logged map[string]time.Time // when a thing was last logged; guarded by mu, at most maxNews
}

func newMeshNews(u *setup) *meshNews {
	return &meshNews{
		address: u.address, counts: u.counts, logger: u.logger, now: time.Now,
		up: map[string]bool{}, down: map[string]bool{}, logged: map[string]time.Time{},
	}
}

// event takes note of what happened on the way.
func (n *meshNews) event(e mesh.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	level := slog.LevelWarn
	switch e.Kind {
	case mesh.EndpointUp:
		level = slog.LevelInfo
		n.move(e.Endpoint, n.down, n.up)
	case mesh.EndpointDown, mesh.EndpointUnresolvable:
		n.move(e.Endpoint, n.up, n.down)
	case mesh.EndpointGone:
		level = slog.LevelInfo
		delete(n.up, e.Endpoint)
		delete(n.down, e.Endpoint)
	case mesh.SourceRead:
		level, n.source = slog.LevelInfo, ""
	case mesh.SourceFailed:
		n.source = fmt.Sprint(e.Err)
	case mesh.ReplayUp:
		level = slog.LevelInfo
	case mesh.Malformed:
		n.counts.received.Inc()
		n.counts.refuse(fedmsg.Errorf(fedmsg.CodeBadEnvelope, "not a message"))
	}
	n.counts.peers.Set(float64(len(n.up)))
	n.log(level, "mesh: "+string(e.Kind), string(e.Kind)+e.Endpoint, "service", e.Service, "at", e.Endpoint, "error", e.Err)
}

// move takes note of an endpoint's state. The caller has mu.
func (n *meshNews) move(endpoint string, from, to map[string]bool) {
	delete(from, endpoint)
	if len(to) < maxNews {
		to[endpoint] = true
	}
}

// gap takes note of what nobody could give any more.
func (n *meshNews) gap(g *mesh.Gap) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counts.gaps.Inc()
	n.missed, n.at = g.Error(), n.now()
	n.log(slog.LevelWarn, "messages of the mesh are missing", "gap"+g.Service, "service", g.Service, "from", g.From, "to", g.To, "reason", g.Reason)
}

// saved takes note of whether it could be saved up to where the mesh was heard.
func (n *meshNews) saved(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.save = err; err != nil {
		n.log(slog.LevelWarn, "cannot save up to where the mesh was heard; after a restart it is heard again from before", "save", "error", err)
	}
}

// log writes a line unless there was one of the same thing just now. The caller has mu.
func (n *meshNews) log(level slog.Level, text, thing string, args ...any) {
	now := n.now()
	if last, ok := n.logged[thing]; ok && now.Sub(last) < newsEvery && !now.Before(last) {
		return
	}
	if len(n.logged) >= maxNews {
		clear(n.logged)
	}
	n.logged[thing] = now
	n.logger.Log(context.Background(), level, text, args...)
}

// checks is what the health shows.
func (n *meshNews) checks() []ops.Check {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []ops.Check
	warn := func(format string, args ...any) {
		all = append(all, ops.Check{Name: "zeromq-subscribe", Status: ops.Warning, Text: fmt.Sprintf(format, args...)})
	}
	if n.source != "" {
		warn("%s cannot be read, so what it said before holds; the node's log says why", n.address)
	}
	if len(n.down) > 0 {
		warn("%d of %d publishers of %s cannot be heard: %s", len(n.down), len(n.down)+len(n.up), n.address, some(n.down))
	}
	if n.missed != "" && n.now().Sub(n.at) < gapShown {
		warn("messages from %s are missing: %s", n.address, n.missed)
	}
	if n.save != nil {
		warn("it cannot be saved up to where %s was heard; the node's log says why", n.address)
	}
	return all
}

// some names a few of the set.
func some(set map[string]bool) string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	more := len(names) - downsShown
	if more > 0 {
		names = append(names[:downsShown], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
