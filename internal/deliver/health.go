package deliver

import (
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Checks is the health: one check for each sink. A destination that is away is a warning: the node does its work, and goes on when
// the other side is back.
func (s *Set) Checks() []ops.Check {
	checks := make([]ops.Check, len(s.runners))
	for i, r := range s.runners {
		checks[i] = r.check()
	}
	return checks
}

// behindLong is how old what is pending may get before that is told of.
const behindLong = 5 * time.Minute

func (r *runner) check() ops.Check {
	st := r.status()
	c := ops.Check{Name: "sink " + st.Name, Status: ops.Warning}
	switch st.State {
	case StateWaiting:
		c.Text = fmt.Sprintf("%s cannot be reached or takes nothing; it is tried again, and nothing is lost; `fedmsg sink show %s` says why", st.To, st.Name)
	case StatePaused:
		c.Text = fmt.Sprintf("it is paused; `fedmsg sink resume %s` lets it go on", st.Name)
	case StateStopped:
		c.Status = ops.Failed
		c.Text = fmt.Sprintf("it has stopped until somebody mends what `fedmsg sink show %s` says", st.Name)
		if r.isAdrift() {
			c.Text = fmt.Sprintf("it has stopped because its saved place is damaged or cannot be read; `fedmsg sink show %[1]s` says how far it had come at least, and `fedmsg sink rewind %[1]s --to POSITION` writes a new one", st.Name)
		} else if st.Dead >= r.cfg.DeadLetters {
			c.Text = "it has stopped because its dead letters are full; look at them with `fedmsg dead list`, and retry or drop them"
		}
	default:
		c.Text = "it delivers to " + st.To
		if complaints := r.complaints(&st); len(complaints) > 0 {
			c.Text += "; " + strings.Join(complaints, "; ")
		} else {
			c.Status = ops.OK
		}
	}
	return c
}

// complaints is what a person should look after at a sink that delivers.
func (r *runner) complaints(st *Status) (all []string) {
	if st.Dead > 0 {
		all = append(all, fmt.Sprintf("it has %d dead letters; look at them with `fedmsg dead list`", st.Dead))
	}
	if age := time.Duration(st.LagTime * float64(time.Second)); age > behindLong {
		all = append(all, fmt.Sprintf("it is behind: what is next has waited for %s; see with `fedmsg sink show %s` whether it catches up, and else look after the destination, or raise in_flight", age.Round(time.Second), st.Name))
	}
	r.mu.Lock()
	missed := r.tally.missed
	r.mu.Unlock()
	if missed > 0 {
		all = append(all, fmt.Sprintf("since the start of the node it has skipped %d entries, which were older than max_age or gone from the log; raise max_age, or have retention keep what it has not taken with hold = true", missed))
	}
	return all
}
