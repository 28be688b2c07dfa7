package mesh

import "fmt"

// Event is something that happened on the way, for the operator. The messages tell nothing of it.
type Event struct {
	Kind     EventKind
	Service  string // empty where it is about none
	Endpoint string // the address, the file or the domain
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

// String tells it in a line for a log.
func (e Event) String() string {
	s := string(e.Kind) + " " + e.Endpoint
	if e.Service != "" {
		s = e.Service + ": " + s
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s: %s", s, e.Err)
	}
	return s
}
