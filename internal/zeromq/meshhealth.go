package zeromq

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

const (
	gapShown   = time.Hour // how long a gap is shown in the health
	downsShown = 8         // endpoints that the health names
)

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
	if n.nobody {
		warn("%s names no publisher, so nobody is listened to", n.address)
	}
	if len(n.faults) > 0 {
		warn("%s has %d faults, which are passed over; the first: %s", n.address, len(n.faults), n.faults[0])
	}
	for _, service := range slices.Sorted(maps.Keys(n.mute)) {
		warn("the replay server %s of %s does not answer, so what was missed cannot be asked for; the node's log says why", n.mute[service], service)
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
