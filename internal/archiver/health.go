package archiver

import (
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// From when on a person is told.
const (
	busyLong   = 10 * time.Second // a store that is at one thing
	behindLong = 5 * time.Minute  // what waits
)

// Checks is the health of the archive. An archive that does not go on is a failure of the node: sooner or later it fills the disk,
// since the log keeps what is not in it.
func (a *Archiver) Checks() []ops.Check {
	s, st := a.snapshot(), a.Status()
	c := ops.Check{Name: "archive", Status: ops.Warning}
	switch {
	case st.Trouble != "":
		c.Status = ops.Failed
		c.Text = fmt.Sprintf("nothing has come into the archive for %s, and the log keeps what is not in it; it is tried again: %s", ago(s.since), st.Trouble)
	case !s.busySince.IsZero() && time.Since(s.busySince) > busyLong:
		c.Text = fmt.Sprintf("the archive's store has not answered for %s; %d entries of the log are not in it", ago(s.busySince), st.Lag)
	case s.ahead:
		c.Text = "the archive has entries that the log has not; if the log was restored from an older copy, stop the node and run `fedmsg log adopt`"
	case st.LagTime > behindLong.Seconds():
		c.Text = fmt.Sprintf("the archive is behind by %d entries, the first of which has waited for %s", st.Lag, ago(s.waits()))
	case st.Missed > 0:
		c.Text = fmt.Sprintf("since the start of the node %d entries did not come into the archive, because the log could not give them; if another archive has them, import them with `fedmsg archive import`", st.Missed)
	default:
		c.Status, c.Text = ops.OK, fmt.Sprintf("the archive has everything but the newest %d entries", st.Lag)
		if st.Lag == 0 {
			c.Text = "the archive has everything"
		}
	}
	return []ops.Check{c}
}

func ago(t time.Time) string { return time.Since(t).Round(time.Second).String() }
