package daemon

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// logChecks gives the log's health in the operator's words. Of a failed write it gives what a publisher is told, and leaves
// out the system's error, which names a path.
func logChecks(log *commitlog.Log) func() []ops.Check {
	return func() []ops.Check {
		statuses := log.Health()
		checks := make([]ops.Check, len(statuses))
		for i, s := range statuses {
			text := s.Text
			if err := log.Err(); s.Name == "write" && s.Level == commitlog.Failed && err != nil {
				_, text = fedmsg.Public(err)
			}
			checks[i] = ops.Check{Name: "log-" + s.Name, Status: levelStatus(s.Level), Text: text}
		}
		return checks
	}
}

func levelStatus(l commitlog.Level) ops.Status {
	switch l {
	case commitlog.OK:
		return ops.OK
	case commitlog.Warning:
		return ops.Warning
	}
	return ops.Failed
}

// tokenChecks says whether the tokens can be used.
func tokenChecks(err func() error) func() []ops.Check {
	return func() []ops.Check {
		if e := err(); e != nil {
			_, text := fedmsg.Public(e)
			return []ops.Check{{Name: "tokens", Status: ops.Failed, Text: text}}
		}
		return []ops.Check{{Name: "tokens", Status: ops.OK, Text: "the tokens can be used"}}
	}
}

// insecureChecks shows every insecure switch that is on.
func insecureChecks(keys []string) func() []ops.Check {
	check := ops.Check{Name: "insecure", Status: ops.OK, Text: "no insecure switch is on"}
	if len(keys) > 0 {
		check.Status, check.Text = ops.Warning, "insecure switches are on: "+strings.Join(keys, ", ")
	}
	return func() []ops.Check { return []ops.Check{check} }
}

// healthOf joins the checks of the parts into what /healthz shows.
func healthOf(parts ...func() []ops.Check) func() (any, bool) {
	return func() (any, bool) {
		r := ops.Gather(parts...)
		return r, r.Healthy()
	}
}

// edgeLog is the log as package httpapi asks for it.
type edgeLog struct{ *commitlog.Log }

var _ httpapi.Log = edgeLog{}

// Info describes the log as it is now.
func (l edgeLog) Info() httpapi.LogInfo {
	i := l.Log.Info()
	out := httpapi.LogInfo{ID: i.ID, First: i.First, Last: i.Last, Bytes: i.Bytes, Oldest: i.Oldest, Newest: i.Newest}
	if i.Last < i.First {
		out.First = 0
	}
	return out
}
