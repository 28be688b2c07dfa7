package httpapi

import (
	"net/http"
	"slices"
	"testing"
)

// TestTraceOfRequest holds that the trace of a request goes with its messages, of one as of many, and that none is a reason to refuse.
func TestTraceOfRequest(t *testing.T) {
	e := startEdge(t, nil)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, c := range []struct {
		headers []string
		want    []string
	}{
		{[]string{"Traceparent", parent, "Tracestate", "a=b, c=d"}, []string{parent + " a=b,c=d"}},
		{[]string{"traceparent", parent, "tracestate", "="}, []string{parent + " "}},
		{[]string{"traceparent", "nonsense", "tracestate", "a=b"}, nil},
		{nil, nil},
	} {
		for _, kind := range []string{"application/json", "application/x-ndjson"} {
			e.door.mu.Lock()
			e.door.traces = nil
			e.door.mu.Unlock()
			status, body, _ := ask(t, e.client("http"), "POST", "http://localhost/v1/messages", "one", append(c.headers, "Content-Type", kind)...)
			if status != http.StatusCreated && status != http.StatusOK {
				t.Errorf("%q: %d %s", c.headers, status, body)
			}
			e.door.mu.Lock()
			if !slices.Equal(e.door.traces, c.want) {
				t.Errorf("%s with %q went on with %q, want %q", kind, c.headers, e.door.traces, c.want)
			}
			e.door.mu.Unlock()
		}
	}
}
