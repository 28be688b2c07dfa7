package zeromq

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/mesh"
)

const (
	newsEvery  = 10 * time.Second // one line in the log for each thing and place in this time
	maxNews    = 4096             // things that are told apart
	keptFaults = 100              // lines of a file that make no sense, of which the first is shown
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
	nobody bool                 // the file or domain was read and names nobody; guarded by mu
	faults []string             // what makes no sense in it; guarded by mu, at most keptFaults
	whole  bool                 // faults are all of the last reading; guarded by mu
	mute   map[string]string    // the replay servers that do not answer, by their services; guarded by mu
	save   error                // why it cannot be saved up to where the mesh was heard; guarded by mu
	missed string               // the newest gap; guarded by mu
	at     time.Time            // when it was; guarded by mu
	logged map[string]time.Time // when a thing was last logged; guarded by mu, at most maxNews
}

func newMeshNews(u *setup) *meshNews {
	return &meshNews{
		address: u.address, counts: u.counts, logger: u.logger, now: time.Now,
		up: map[string]bool{}, down: map[string]bool{}, mute: map[string]string{}, logged: map[string]time.Time{},
	}
}

// event takes note of what happened on the way.
func (n *meshNews) event(e mesh.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	level, thing := slog.LevelWarn, string(e.Kind)+e.Endpoint
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
		delete(n.mute, e.Service)
	case mesh.SourceRead:
		if e.Services > 0 {
			level = slog.LevelInfo
		}
		n.read(e)
	case mesh.SourceFailed:
		n.source = fmt.Sprint(e.Err)
	case mesh.SourceFault:
		if n.fault(e.Err) {
			thing += fmt.Sprint(e.Err) // each line has to be mended
		}
	case mesh.ReplayFailed:
		n.mute[e.Service] = e.Endpoint
	case mesh.ReplayUp:
		level = slog.LevelInfo
		delete(n.mute, e.Service)
	case mesh.Malformed:
		n.counts.received.Inc()
		n.counts.refuse(fedmsg.Errorf(fedmsg.CodeBadEnvelope, "not a message"))
	}
	n.counts.peers.Set(float64(len(n.up)))
	n.log(level, "mesh: "+e.Kind.String(), thing, attributes(e)...)
}

// attributes is what an event says beside its kind.
func attributes(e mesh.Event) []any {
	var all []any
	if e.Service != "" {
		all = append(all, "service", e.Service)
	}
	all = append(all, "at", e.Endpoint)
	if e.Kind == mesh.SourceRead {
		all = append(all, "publishers", e.Services)
	}
	if e.Err != nil {
		all = append(all, "error", e.Err)
	}
	return all
}

// read takes note that the file or domain was read. What makes no sense in it was told of before. The caller has mu.
func (n *meshNews) read(e mesh.Event) {
	if n.whole {
		n.faults = nil
	}
	n.source, n.nobody, n.whole = "", e.Services == 0, true
}

// fault takes note of what makes no sense in the file or domain, and reports whether it is one of the first. The caller has mu.
func (n *meshNews) fault(err error) bool {
	if n.whole {
		n.faults, n.whole = nil, false
	}
	if len(n.faults) >= keptFaults {
		return false
	}
	n.faults = append(n.faults, fmt.Sprint(err))
	return true
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
