package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// behindLong is how old what waits at a sink may get before that is told.
const behindLong = 5 * time.Minute

// sinks says how each sink of the node is.
func (n *node) sinks(ctx context.Context) []Finding {
	var answer struct {
		Sinks []deliver.Status `json:"sinks"`
	}
	if err := n.ask(ctx, "/v1/sinks", &answer); err != nil {
		return []Finding{n.untold("sinks", err)}
	}
	if len(answer.Sinks) == 0 {
		return []Finding{ok(n.subject.Node, "the node has no sinks")}
	}
	all := make([]Finding, len(answer.Sinks))
	for i := range answer.Sinks {
		all[i] = ofSink(&answer.Sinks[i], n.subject.Now())
	}
	return all
}

// ofSink is the one thing about a sink that matters most. Between two attempts one that does not get through seems to run: its last
// trouble came while what it has to deliver waited.
func ofSink(s *deliver.Status, now time.Time) Finding {
	looked := s.Name + " (" + s.To + ")"
	waits := time.Duration(s.LagTime * float64(time.Second)).Round(time.Millisecond)
	stuck := s.State == deliver.StateRunning && waits > 0 && s.LastTime.After(now.Add(-waits))
	switch {
	case s.State == deliver.StateStopped:
		return failed(looked, fmt.Sprintf("it has stopped, %d entries behind: %s", s.Lag, s.LastError), "mend what it says (`fedmsg sink show "+s.Name+"`), then `fedmsg sink resume "+s.Name+"` or restart the node")
	case s.State == deliver.StateWaiting || stuck:
		return warning(looked, fmt.Sprintf("it does not get through, and is %d entries behind: %s", s.Lag, s.LastError), "look after the destination; nothing is lost, and it is tried again. `fedmsg sink show "+s.Name+"` tells when it gets through")
	case s.State == deliver.StatePaused:
		return warning(looked, fmt.Sprintf("it is paused, %d entries behind", s.Lag), "`fedmsg sink resume "+s.Name+"`")
	case waits > behindLong:
		return warning(looked, fmt.Sprintf("it lags: %d entries behind, of which the first has waited for %s", s.Lag, waits), "see with `fedmsg sink show "+s.Name+"` whether it catches up; else look after the destination, or raise in_flight of the sink")
	}
	return ok(looked, "it delivers; %d entries behind", s.Lag)
}

// sources says how each source of the node is.
func (n *node) sources(ctx context.Context) []Finding {
	var answer struct {
		Sources []receive.Status `json:"sources"`
	}
	if err := n.ask(ctx, "/v1/sources", &answer); err != nil {
		return []Finding{n.untold("sources", err)}
	}
	if len(answer.Sources) == 0 {
		return []Finding{ok(n.subject.Node, "the node has no sources")}
	}
	var all []Finding
	for _, s := range answer.Sources {
		looked := s.Name + " (" + s.From + ")"
		switch {
		case s.HeldBack:
			all = append(all, warning(looked, "it is held back, since what it brings cannot be stored now: "+s.LastError, "mend what it says; it is tried again"))
		case !s.Connected:
			all = append(all, warning(looked, "it is not connected: "+s.LastError, "look after the other side, its address and the credentials; it is tried again"))
		default:
			all = append(all, ok(looked, "it is connected; %d messages received since the start of the node, %d of them refused", s.Received, s.Refused))
		}
	}
	return all
}

// mostDead bounds how many dead letters of one sink or source are counted.
const mostDead = 10_000

// dead counts the dead letters.
func (n *node) dead(ctx context.Context) []Finding {
	var answer struct {
		Dead []deadletter.Letter `json:"dead"`
	}
	if err := n.ask(ctx, fmt.Sprintf("/v1/dead?limit=%d", mostDead), &answer); err != nil {
		return []Finding{n.untold("dead letters", err)}
	}
	var names []string
	count := map[string]int{}
	for i := range answer.Dead {
		l := &answer.Dead[i]
		name := l.Kind + "/" + l.Of
		if l.Left {
			name += " (not configured any more)"
		}
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	return ofDead(names, count)
}

// ofDead tells of the dead letters of each sink and source by its name.
func ofDead(names []string, count map[string]int) []Finding {
	if len(names) == 0 {
		return []Finding{ok("all sinks and sources", "there are no dead letters")}
	}
	var all []Finding
	for _, name := range names {
		noun := "dead letters wait"
		if count[name] == 1 {
			noun = "dead letter waits"
		}
		all = append(all, warning(name, fmt.Sprintf("%d %s for a decision", count[name], noun), "`fedmsg dead list` shows them; then `fedmsg dead retry` or `fedmsg dead drop`"))
	}
	return all
}

// untold says that the node does not speak of something to who asks.
func (n *node) untold(what string, err error) Finding {
	return warning(n.subject.Node, "nothing is known of its "+what+": "+err.Error(), n.cureOfRefusal(err))
}
