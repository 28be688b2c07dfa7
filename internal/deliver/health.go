package deliver

import (
	"fmt"

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

func (r *runner) check() ops.Check {
	st := r.status()
	c := ops.Check{Name: "sink " + st.Name, Status: ops.OK, Text: "it delivers to " + st.To}
	if st.State != StateRunning || st.Dead > 0 {
		c.Status = ops.Warning
	}
	switch st.State {
	case StateWaiting:
		c.Text = fmt.Sprintf("%s cannot be reached or takes nothing; it is tried again, and nothing is lost; `fedmsg sink show %s` says why", st.To, st.Name)
	case StatePaused:
		c.Text = fmt.Sprintf("it is paused; `fedmsg sink resume %s` lets it go on", st.Name)
	case StateStopped:
		c.Status = ops.Failed
		c.Text = fmt.Sprintf("it has stopped until somebody mends what `fedmsg sink show %s` says", st.Name)
		if st.Dead >= r.cfg.DeadLetters {
			c.Text = "it has stopped because its dead letters are full; look at them with `fedmsg dead list`, and retry or drop them"
		}
	default:
		if st.Dead > 0 {
			c.Text = fmt.Sprintf("it delivers to %s, and has %d dead letters; look at them with `fedmsg dead list`", st.To, st.Dead)
		}
	}
	return c
}
