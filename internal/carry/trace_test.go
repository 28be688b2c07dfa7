package carry

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

const (
	parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traced = `"traceparent":"` + parent + `","tracestate":"a=b"`
)

// TestTrace holds that a trace goes out as headers and comes back as one, under the standard's names, and that what is not well
// formed goes no further.
func TestTrace(t *testing.T) {
	t.Parallel()
	both := []Header{{"traceparent", parent}, {"tracestate", "a=b"}}
	for in, want := range map[string][]Header{
		`{"headers":{"k":"v",` + traced + `},"msg":{}}`:                  both,
		`{"headers":{"tracestate":"A","traceparent":"` + parent + `"}}`:  both[:1],
		`{"headers":{"k":"v","traceparent":"x"},"msg":{}}`:               nil,
		`{"headers":{"traceparent":"` + parent + `","Traceparent":"x"}}`: nil,
		`{"headers":{"k":"v"},"msg":{` + traced + `}}`:                   nil,
		`{"msg":{}}`: nil,
	} {
		if got := Trace([]byte(in)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the trace is %q, want %q", in, got, want)
		}
	}
	if got, want := MessageHeaders([]byte(`{"headers":{"traceparent":"x","k":"v"}}`)), []Header{{"k", "v"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q goes out, want %q", got, want)
	}
	full := []Header{{"traceparent", parent}}
	for i := range fedmsg.DefaultLimits().Headers {
		full = append(full, Header{fmt.Sprintf("k%d", i), "v"})
	}
	if m, err := Join("a.b", "x", []byte(`{}`), lookup(full), full); err != nil || strings.Contains(string(m.Headers), "traceparent") || !strings.Contains(string(m.Headers), `"k63":"v"`) {
		t.Errorf("as many headers as there may be come in with a trace more (%v): %s", err, m.Headers)
	}
	for _, c := range []struct {
		in   []Header
		want string
	}{
		{[]Header{{"Traceparent", parent}, {"k", "v"}, {"TraceState", "a=b"}}, `{"k":"v",` + traced + `}`},
		{[]Header{{"traceparent", "x"}, {"k", "v"}, {"tracestate", "a=b"}}, `{"k":"v"}`},
		{[]Header{{"traceparent", "x"}}, ``},
	} {
		m, err := Join("a.b", "x", []byte(`{}`), lookup(c.in), c.in)
		if err != nil || string(m.Headers) != c.want {
			t.Errorf("%q comes in as %s (%v), want %s", c.in, m.Headers, err, c.want)
		}
	}
}
