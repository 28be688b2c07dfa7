package mesh

import (
	"fmt"
	"strings"
)

// Event is something that happened on the way, for the operator. The messages tell nothing of it.
type Event struct {
	Kind     EventKind
	Service  string // empty where it is about none
	Endpoint string // the address, the file or the domain
	Services int    // of SourceRead: how many are named there
	Err      error  // why; nil where all is well
}

// EventKind says what happened.
type EventKind string

// The kinds of [Event]. An endpoint or source is told of when its state changes, not at each attempt.
const (
	EndpointUp           EventKind = "up"           // the connection stands and the subscriptions are made
	EndpointDown         EventKind = "down"         // there is no connection; it is tried again
	EndpointUnresolvable EventKind = "unresolvable" // nobody knows the host; it is tried again
	EndpointGone         EventKind = "gone"         // it is no longer announced, and is not listened to any more
	SourceRead           EventKind = "read"         // the file or the domain was read; what it says holds from now on
	SourceFailed         EventKind = "failed"       // it cannot be read; what it said before goes on to hold
	SourceFault          EventKind = "fault"        // a line or record makes no sense and is passed over
	Malformed            EventKind = "malformed"    // a peer sent what is no message; it was passed over
	ReplayFailed         EventKind = "replay_failed"
	ReplayUp             EventKind = "replay_up" // it answers again
)

// String says in a few words what happened, for a log.
func (k EventKind) String() string {
	switch k {
	case EndpointUp:
		return "connected"
	case EndpointDown:
		return "not connected; trying again"
	case EndpointUnresolvable:
		return "nobody knows the host; trying again"
	case EndpointGone:
		return "no longer announced"
	case SourceRead:
		return "read who publishes"
	case SourceFailed:
		return "cannot read who publishes; what was read before holds"
	case SourceFault:
		return "passed over what makes no sense"
	case Malformed:
		return "passed over what is no message"
	case ReplayFailed:
		return "the replay server does not answer; trying again"
	case ReplayUp:
		return "the replay server answers again"
	}
	return string(k)
}

// String tells it in a line for people.
func (e Event) String() string {
	s := e.Endpoint + ": " + e.Kind.String()
	if e.Service != "" {
		s = e.Service + " at " + s
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %s", s, strings.TrimPrefix(e.Err.Error(), "zmtp: "))
	}
	return s
}
