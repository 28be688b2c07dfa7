package amqp

import "testing"

// TestTrace holds that a message has its trace in headers of its own, where programs that follow traces look, in both forms.
func TestTrace(t *testing.T) {
	t.Parallel()
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b"
	e := entryOf(1, "org.example.dev.x", "x", `{"traceparent":"`+parent+`","tracestate":"`+state+`"}`, "{}")
	for _, s := range []*server{{}, {fedora: true}} {
		p, err := s.publishing(e, defaultFrame)
		if err != nil {
			t.Fatal(err)
		}
		if h := p.message.Headers; h["traceparent"] != parent || h["tracestate"] != state {
			t.Errorf("with fedora %v the headers are %v", s.fedora, h)
		}
		if item := s.item(delivered(p)); item.Bad != nil || string(item.Message.Envelope) != string(e.Envelope) {
			t.Errorf("with fedora %v it came back as %s (%v)", s.fedora, item.Message.Envelope, item.Bad)
		}
	}
}
