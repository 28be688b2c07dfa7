package deliver

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Status is what is known of one sink now. Fields are only ever added.
type Status struct {
	Name     string          `json:"name"`
	To       string          `json:"to"` // for people: without secrets and options
	State    State           `json:"state"`
	Position fedmsg.Position `json:"position"`    // everything up to it is delivered, dead, skipped or not wanted
	Lag      uint64          `json:"lag"`         // entries of the log behind the position, wanted or not
	LagTime  float64         `json:"lag_seconds"` // age of the oldest entry that is pending; 0 without one
	InFlight int             `json:"in_flight"`
	// Counted since the start of the node.
	Delivered uint64    `json:"delivered"`
	Retried   uint64    `json:"retried"` // sessions that ended with something unanswered, and single entries tried again
	Skipped   uint64    `json:"skipped"`
	Remarked  uint64    `json:"remarked"`
	Dead      int       `json:"dead"`                 // dead letters there are
	LastError string    `json:"last_error,omitempty"` // a sentence
	LastTime  time.Time `json:"last_error_time,omitzero"`
}

// State is what a sink is doing.
type State string

// The states of a sink.
const (
	StateRunning State = "running" // connected, or idle and not in need of a connection
	StateWaiting State = "waiting" // the destination cannot be reached or refuses; it is tried again
	StatePaused  State = "paused"  // by an operator
	StateStopped State = "stopped" // by its own fault, until somebody mends it: the dead letters are full, the log cannot be read
)

// List gives the status of each sink, in the order of the configuration.
func (s *Set) List() []Status {
	list := make([]Status, len(s.runners))
	for i, r := range s.runners {
		list[i] = r.status()
	}
	return list
}

func (r *runner) status() Status {
	end, dead, now := r.log.End(), r.dead.Len(), r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	st := Status{
		Name: r.cfg.Name, To: r.cfg.destination(), State: r.state, Position: r.through, InFlight: r.window.open,
		Delivered: r.tally.delivered, Retried: r.tally.retried, Skipped: r.tally.skipped, Remarked: r.tally.remarked,
		Dead: dead, LastError: r.lastErr, LastTime: r.lastTime,
	}
	if end.Seq > r.through.Seq {
		st.Lag = end.Seq - r.through.Seq
	}
	oldest := r.oldest
	if r.window.n > 0 {
		oldest = r.window.front().entry.Received
	}
	if !oldest.IsZero() {
		st.LagTime = max(0, now.Sub(oldest).Seconds())
	}
	return st
}

// destination is where the sink delivers, for people: without secrets and options.
func (c *Config) destination() string {
	if len(c.Command) > 0 {
		return filepath.Base(c.Command[0])
	}
	to, _, _ := strings.Cut(c.To, "?")
	scheme, rest, ok := strings.Cut(to, "://")
	if !ok {
		return to
	}
	authority, path, slash := strings.Cut(rest, "/")
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	if slash {
		authority += "/" + path
	}
	return scheme + "://" + authority
}
