package process

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestTraceFromPublishToSink publishes in a trace over HTTP and follows it: over a stream of another make, in whose headers it
// stands, into a second node, and to the program that one starts.
func TestTraceFromPublishToSink(t *testing.T) {
	t.Parallel()
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "congo=t61rcWkgMzE"
	for _, format := range []string{"envelope", "body"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s, _ := natsStream(t, "org.>")
			first := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: natsSink(s.Addr, "&format="+format), Env: []string{fedmsgtest.AnyTopic}})
			dir := t.TempDir()
			shown := program(t, `cat >/dev/null; printf '%s %s' "$TRACEPARENT" "$TRACESTATE" >"$1/part" && mv "$1/part" "$1/shown"`)
			fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
				Config: natsSource(s.Addr, "two", "#") + "verify = \"insecure-off\"\n" + fmt.Sprintf("[[sink]]\nname = \"show\"\ncommand = [%q, %q]\ntopics = [\"#\"]\n", shown, dir),
				Env:    []string{fedmsgtest.AnyTopic},
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, first.URL+"/v1/messages", strings.NewReader(`{"topic":"org.example.dev.order.new","msg":{"n":1}}`))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Content-Type": "application/json", "Traceparent": parent, "Tracestate": state} {
				r.Header.Set(name, value)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusCreated {
				t.Fatal(answer.Status)
			}
			var text []byte
			await(t, "the program of the second node", func() bool {
				text, err = os.ReadFile(filepath.Join(dir, "shown"))
				return err == nil
			})
			if got := string(text); got != parent+" "+state {
				t.Errorf("the program was started in the trace %q, want %q", got, parent+" "+state)
			}
			consumer := startNATSConsumer(t, s.Addr)
			var taken []natsTaken
			await(t, "the message in the stream", func() bool { taken = consumer.all(t); return len(taken) == 1 })
			seen := map[string]string{}
			for _, h := range taken[0].Headers {
				seen[h[0]] = h[1]
			}
			if seen["traceparent"] != parent || seen["tracestate"] != state {
				t.Errorf("in the stream the headers are %v", seen)
			}
		})
	}
}
