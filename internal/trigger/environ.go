package trigger

import (
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// variables are what a program finds of the entry in its environment. The body and all else is on its standard input.
func variables(e *fedmsg.Entry) []string {
	all := []string{
		"FEDMSG_TOPIC=" + harmless(e.Topic),
		"FEDMSG_ID=" + harmless(e.ID),
		"FEDMSG_POSITION=" + e.Position.String(),
		"FEDMSG_RECEIVED=" + e.Received.UTC().Format(time.RFC3339Nano),
		"FEDMSG_SENDER=" + harmless(e.Sender),
		"FEDMSG_SIGNER=" + harmless(e.Signer),
		"FEDMSG_VERDICT=" + harmless(string(e.Verdict)),
	}
	for _, h := range carry.Trace(e.Envelope) {
		all = append(all, strings.ToUpper(h.Name)+"="+h.Value)
	}
	return all
}

// harmless takes out what the kernel would end a variable at. No door lets it in; a program is not started at all with it.
func harmless(s string) string { return strings.ReplaceAll(s, "\x00", "\ufffd") }

// environment is the process's own without what speaks of the process: the settings of the node, and what the service
// manager told it alone.
func environment(own []string) []string {
	var out []string
	for _, kv := range own {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "FEDMSG_"), strings.HasPrefix(name, "LISTEN_"), strings.HasPrefix(name, "WATCHDOG_"):
		case name == tracecontext.VariableParent, name == tracecontext.VariableState:
		case name == "NOTIFY_SOCKET", name == "CREDENTIALS_DIRECTORY", name == "JOURNAL_STREAM", name == "INVOCATION_ID":
		default:
			out = append(out, kv)
		}
	}
	return out
}
