package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/trust"
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

// verifyChecks says what is asked of signatures, and where. That nothing is asked is shown among the insecure switches too.
func verifyChecks(a *authority, endpoints func() []httpapi.Endpoint) func() []ops.Check {
	off := func(e httpapi.Endpoint) bool { return e.Verify == fedmsg.VerifyInsecureOff }
	return func() []ops.Check {
		check := ops.Check{Name: "verify", Status: ops.OK, Text: a.verifies(endpoints())}
		if a.verify == fedmsg.VerifyInsecureOff || slices.ContainsFunc(endpoints(), off) {
			check.Status = ops.Warning
		}
		return []ops.Check{check}
	}
}

// signingChecks says as whom the node signs, and whether its keys on disk can be used. What was loaded before is in use
// either way.
func signingChecks(a *authority) func() []ops.Check {
	return func() []ops.Check {
		check := ops.Check{Name: "signing", Status: ops.OK, Text: a.signs()}
		if err := a.signer.Err(); err != nil {
			check.Status, check.Text = ops.Warning, "the keys as they are on disk cannot be used, so those from before are; the node's log names the file. "+check.Text
		}
		return []ops.Check{check}
	}
}

// trustChecks says whether what is trusted could be read, and how old revocation lists are.
func trustChecks(store *trust.Store, now func() time.Time) func() []ops.Check {
	return func() []ops.Check {
		var checks []ops.Check
		for _, s := range store.Health(now()) {
			status := ops.Failed
			switch s.Level {
			case trust.OK:
				status = ops.OK
			case trust.Warning:
				status = ops.Warning
			}
			checks = append(checks, ops.Check{Name: s.Name, Status: status, Text: s.Text})
		}
		return checks
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
