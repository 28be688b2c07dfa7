package nats

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/carry"
)

// TestTrace holds that a message has its trace in headers of its own, where programs that follow traces look, in both forms.
func TestTrace(t *testing.T) {
	t.Parallel()
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b"
	e := entryOf(1, "org.example.dev.x", `{"traceparent":"`+parent+`","tracestate":"`+state+`"}`, "{}")
	for _, form := range []carry.Form{carry.Envelope, carry.Body} {
		m, _, err := (&sink{address: &address{}, format: form}).message(e)
		if err != nil {
			t.Fatal(err)
		}
		if h := m.Header; len(h["traceparent"]) != 1 || h["traceparent"][0] != parent || len(h["tracestate"]) != 1 || h["tracestate"][0] != state {
			t.Errorf("in form %d the headers are %v", form, h)
		}
	}
}
