package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// brokerURI is the address of a server for a configuration; options are names and values by turns.
func brokerURI(scheme, addr string, options ...string) string {
	q := url.Values{}
	for i := 0; i < len(options); i += 2 {
		q.Set(options[i], options[i+1])
	}
	return scheme + "://" + addr + "/?" + q.Encode()
}

// brokerSink is a [[sink]] to a server, with further lines of it.
func brokerSink(name, to, lines string) string {
	return fmt.Sprintf("[[sink]]\nname = %q\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\nretry_max = \"1s\"\n%s", name, to, lines)
}

// linesOf reads what a consumer of another make has written by now into a file of its own, a line of JSON for each message.
func linesOf[T any](t *testing.T, file string) (all []T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var m T
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is writing
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		all = append(all, m)
	}
	return all
}

// awaitTaken waits until a consumer's file has the last of these ids, and holds that ids, which reads it, gives all in this order.
func awaitTaken(t *testing.T, file string, want []string, ids func() []string) {
	t.Helper()
	last := fmt.Appendf(nil, "%q", want[len(want)-1])
	await(t, fmt.Sprintf("the last of %d messages in the consumer's file", len(want)), func() bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, last)
	})
	got := ids()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("the consumer has %d messages of %d; number %d is %q, want %q", len(got), len(want), i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("the consumer has %d messages, %d were accepted", len(got), len(want))
	}
}

// sinkStatus reads the status of a sink from the node.
func sinkStatus(t *testing.T, n *fedmsgtest.Node, name string) map[string]any {
	t.Helper()
	return statusOf(t, n, "sinks", name)
}

// sourceStatus reads the status of a source from the node.
func sourceStatus(t *testing.T, n *fedmsgtest.Node, name string) map[string]any {
	t.Helper()
	return statusOf(t, n, "sources", name)
}

func statusOf(t *testing.T, n *fedmsgtest.Node, kind, name string) map[string]any {
	t.Helper()
	_, body, err := n.Get(t.Context(), "/v1/"+kind)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string][]map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, s := range answer[kind] {
		if s["name"] == name {
			return s
		}
	}
	t.Fatalf("no %s among the %s: %s", name, kind, body)
	return nil
}

// holdNoDead holds that a sink or source of the node has given up nothing.
func holdNoDead(t *testing.T, n *fedmsgtest.Node, kind, name string) {
	t.Helper()
	if s := statusOf(t, n, kind, name); s["dead"].(float64) != 0 {
		t.Errorf("of the %s %s has given up messages: %v", kind, name, s)
	}
}

// outage is how long a server is away.
func outage() time.Duration {
	if fedmsgtest.Long() {
		return 5 * time.Minute
	}
	return 6 * time.Second
}

// holdServerDown takes a server away from a node under load, whose configuration has a sink of that name to it. arrived waits for what
// the server's consumer has in its file, and holds it. All that was accepted arrives once the server is back; until then another sink
// and the publisher notice nothing, and the node's memory stays what it was.
func holdServerDown(t *testing.T, server interface {
	Stop() error
	Start() error
}, sink, config string, arrived func(t *testing.T, ids []string)) {
	t.Helper()
	beside := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: "verify = \"insecure-off\"\n"})
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: config + "\n" + brokerSink("beside", "unix://"+beside.Socket, "")})
	load := startSteadyLoad(t, n, 8*time.Millisecond)
	load.awaitMore(t, 200)
	before, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(outage()); time.Now().Before(end); {
		had := load.count()
		load.awaitMore(t, 50)
		if err := awaitEntries(beside, uint64(had)); err != nil {
			t.Fatalf("the other sink waits for the one whose server is away: %v", err)
		}
	}
	if s := sinkStatus(t, n, sink); s["state"] != "waiting" || s["last_error"] == nil || s["lag"].(float64) < 100 {
		t.Errorf("without its server the sink says of itself %v", s)
	}
	load.through(t, server.Start)
	load.end()
	arrived(t, load.acked)
	after, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if after > before+40<<20 {
		t.Errorf("the node grew from %d to %d MiB", before>>20, after>>20)
	}
	if slow := load.slowest(); slow > 5*time.Second {
		t.Errorf("a publisher waited for %s", slow)
	}
	t.Logf("%d messages over an outage of %s; %d to %d MiB; the slowest publish took %s",
		len(load.acked), outage(), before>>20, after>>20, load.slowest())
}

// freeze stops a server in the middle until the sink to it calls that silent, and lets it go on.
func freeze(t *testing.T, server interface {
	Pause() error
	Resume() error
}, n *fedmsgtest.Node, sink string) {
	t.Helper()
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	await(t, "the sink says that it hears nothing", func() bool { return sinkStatus(t, n, sink)["state"] == "waiting" })
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
}
