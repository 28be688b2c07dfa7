package ingest

import (
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// TestSubmitTraced holds that the trace of a request becomes that of each submission without one, and of no whole envelope; and that
// a publisher who tries again, in another span, gets the first receipt.
func TestSubmitTraced(t *testing.T) {
	t.Parallel()
	const first, again = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01"
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, nil)
		submit := func(parent string, lines ...string) []fedmsg.Outcome {
			var raw [][]byte
			for _, l := range lines {
				raw = append(raw, []byte(l))
			}
			out, err := d.SubmitTraced(t.Context(), root, tracecontext.New(parent, "a=b"), raw...).Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		lines := []string{
			`{"topic":"org.example.dev.a","msg":{},"id":"plain"}`,
			`{"topic":"org.example.dev.a","msg":{},"id":"own","headers":{"traceparent":"mine"}}`,
			`{"topic":"org.example.dev.a","msg":{},"msg_id":"whole","timestamp":1795262400}`,
		}
		if w := words(submit(first, lines...)); !slices.Equal(w, []string{"new", "new", "new"}) {
			t.Fatal(w)
		}
		want := []string{`{"traceparent":"` + first + `","tracestate":"a=b"}`, `{"traceparent":"mine"}`, ``}
		for i, e := range all() {
			if got := string(parse(t, e).Headers); got != want[i] {
				t.Errorf("the headers of %s are %s, want %s", e.ID, got, want[i])
			}
		}
		for _, parent := range []string{again, ""} {
			if w := words(submit(parent, lines...)); !slices.Equal(w, []string{"duplicate", "duplicate", "duplicate"}) {
				t.Errorf("tried again with the parent %q it is %v", parent, w)
			}
		}
	})
}
