package receive

import (
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Status is what is known of one source now. Fields are only ever added.
type Status struct {
	Name       string    `json:"name"`
	From       string    `json:"from"` // for people: without secrets and options
	Connected  bool      `json:"connected"`
	HeldBack   bool      `json:"held_back"` // what it brings cannot be stored now, and is tried again; LastError says why
	InFlight   int       `json:"in_flight"`
	Received   uint64    `json:"received"`             // since the start of the node, as the next three
	Duplicates uint64    `json:"duplicates"`           // of these, what the log had already
	Refused    uint64    `json:"refused"`              // of these, what went to the dead letters
	TooOld     uint64    `json:"too_old"`              // of these, what was passed over: older than what this node keeps, so that it may have had it
	Redacted   uint64    `json:"redacted,omitempty"`   // of these, what was left out: it was redacted here before it came
	PassedOver uint64    `json:"passed_over"`          // beside these, what came and no message was made of, such as mails that say nothing
	Dead       int       `json:"dead"`                 // dead letters there are
	LastError  string    `json:"last_error,omitempty"` // a sentence
	LastTime   time.Time `json:"last_error_time,omitzero"`
}

// status is how the source is now.
func (r *runner) status() Status {
	r.mu.Lock()
	s, in := r.state, r.current
	r.mu.Unlock()
	out := Status{
		Name: r.c.Name, From: r.shown, Connected: s.connected, HeldBack: s.stuck, Received: s.received, Duplicates: s.duplicates, Refused: s.refused, TooOld: s.tooOld, Redacted: s.redacted, PassedOver: s.passedOver,
		Dead: r.dead.Len(), LastError: s.lastError, LastTime: s.lastTime,
	}
	if in != nil {
		in.mu.Lock()
		out.InFlight = in.open
		in.mu.Unlock()
	}
	return out
}

// passedFor is how long health speaks of the last message that was passed over.
const passedFor = 10 * time.Minute

// check is the health of the source.
func (r *runner) check() ops.Check {
	r.mu.Lock()
	s := r.state
	r.mu.Unlock()
	c := ops.Check{Name: "source " + r.c.Name, Status: ops.OK}
	switch dead := r.dead.Len(); {
	case s.full:
		c.Status, c.Text = ops.Failed, fmt.Sprintf("the source takes nothing: its %d dead letters are at their limit; look at them with `fedmsg dead list`, and retry or drop them", dead)
	case s.stuck:
		c.Status, c.Text = ops.Warning, "the source is held back: what it brings cannot be stored now, and is tried again; `fedmsg source ls` says why"
	case !s.connected:
		c.Status, c.Text = ops.Warning, "nothing comes by the source now, and it is tried again; `fedmsg source ls` says why"
	case s.tooOld > 0 && time.Since(s.passed) < passedFor:
		c.Status, c.Text = ops.Warning, fmt.Sprintf("the source is connected and passes over what is older than this node keeps, since the log may have had it: %d messages so far, and %d dead letters; keep more by retention if they are wanted", s.tooOld, dead)
	case dead > 0:
		c.Status, c.Text = ops.Warning, fmt.Sprintf("the source is connected; %d of its messages were refused and wait for a decision: `fedmsg dead list`", dead)
	default:
		c.Text = "the source is connected"
	}
	return c
}
