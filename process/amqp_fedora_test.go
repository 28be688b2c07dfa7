package process

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/carry"
)

// fedoraMessage is a message as a program hands it to the library fedora-messaging.
type fedoraMessage struct {
	Topic    string         `json:"topic"`
	Schema   string         `json:"schema"`
	Severity int            `json:"severity,omitempty"`
	Priority int            `json:"priority,omitempty"`
	Headers  map[string]any `json:"headers,omitempty"`
	Body     any            `json:"body"`

	ID   string         `json:"-"` // what the library made of it
	Sent map[string]any `json:"-"`
}

// fedoraReceived is a message as a program gets it of the library, with what is wrong.
type fedoraReceived struct {
	Faults   []string       `json:"faults"`
	ID       string         `json:"id"`
	Topic    string         `json:"topic"`
	Headers  map[string]any `json:"headers"`
	Priority int            `json:"priority"`
	Body     string         `json:"body"`
}

// fedoraPublisher hands messages to the library, one after the other.
func fedoraPublish(t *testing.T, addr, exchange string, list []*fedoraMessage) {
	t.Helper()
	fedmsgtest.NeedPika(t)
	s := fedmsgtest.StartScript(t, amqpScripts+"fedora.py", "publish", addr, exchange)
	for _, m := range list {
		line, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		s.Do("%s", line)
		var made struct {
			ID      string
			Headers map[string]any
		}
		if err := json.Unmarshal([]byte(s.Expect("published")), &made); err != nil {
			t.Fatal(err)
		}
		m.ID, m.Sent = made.ID, made.Headers
	}
	s.Kill()
}

// fedoraConsume starts a program that receives by the library, and gives what reads its file.
func fedoraConsume(t *testing.T, addr, exchange string) func() []fedoraReceived {
	t.Helper()
	fedmsgtest.NeedPika(t)
	file := filepath.Join(t.TempDir(), "received")
	fedmsgtest.StartScript(t, amqpScripts+"fedora.py", "consume", addr, exchange, "#", file).Expect("ready")
	return func() (list []fedoraReceived) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for l := range bytes.Lines(text) {
			var m fedoraReceived
			if err := json.Unmarshal(l, &m); err == nil { // the last one may be half written
				list = append(list, m)
			}
		}
		return list
	}
}

// fedoraCorpus reads the sample of real messages, with topics for those whose sample has none, and adds one with very many
// headers and one of priority.
func fedoraCorpus(t *testing.T) []*fedoraMessage {
	t.Helper()
	f, err := os.Open(fedmsgtest.Shared(t, "corpus", "fedora-messaging-messages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []*fedoraMessage
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m fedoraMessage
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Topic == "" {
			m.Topic = "org.fedoraproject.prod.sample." + strings.ToLower(m.Schema)
		}
		m.Severity = 10 * (1 + len(list)%4)
		m.Headers = map[string]any{"fedora_messaging_user_ralph": true, "fedora_messaging_rpm_kernel": true}
		list = append(list, &m)
	}
	if len(list) != 32 {
		t.Fatalf("the corpus has %d messages, want 32", len(list))
	}
	many := make(map[string]any)
	for i := range 200 {
		many[fmt.Sprintf("fedora_messaging_rpm_package-%d", i)] = true
	}
	return append(list,
		&fedoraMessage{Topic: "org.fedoraproject.prod.bodhi.update.many", Schema: "bodhi.update.v1", Headers: many, Body: map[string]any{}},
		&fedoraMessage{Topic: "org.fedoraproject.prod.bodhi.update.urgent", Schema: "bodhi.update.v1", Priority: 7, Body: map[string]any{"ü": 1.5}})
}

// fedoraTest takes the corpus in from a publisher that uses the library and gives it to a consumer that does, through a node.
func fedoraTest(t *testing.T, addr string) {
	const out = "fedora.out"
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(`
[[source]]
name = "bus"
from = %q
topics = ["org.fedoraproject.#", "discourse.#"]
sign = true
[[sink]]
name = "out"
to = %q
topics = ["#"]
start = "beginning"
`, amqpURI(addr, "format", "fedora", "queue", "fedora-in"), amqpURI(addr, "format", "fedora", "exchange", out)), Env: []string{fedmsgtest.AnyTopic}})
	await(t, "the source and the sink to be connected", func() bool {
		return sourceStatus(t, n, "bus")["connected"] == true && sinkStatus(t, n, "out")["state"] == "running"
	})
	if _, err := n.Publish(t.Context(), []byte(`{"topic":"org.example.dev.test.first","msg":{}}`)); err != nil { // makes the exchange
		t.Fatal(err)
	}
	await(t, "the exchange", func() bool { return sinkStatus(t, n, "out")["delivered"].(float64) > 0 })
	received := fedoraConsume(t, addr, out)
	list := fedoraCorpus(t)
	fedoraPublish(t, addr, "amq.topic", list)
	await(t, "the messages at the consumer", func() bool { return len(received()) >= len(list) })
	entries := n.ReadAll(t)[1:]
	for i, got := range received() {
		checkFedora(t, list[i], &entries[i], &got)
	}
	if _, err := n.Publish(t.Context(), []byte(`{"topic":"org.example.dev.test.own","msg":{}}`)); err != nil {
		t.Fatal(err)
	}
	await(t, "a message of the node's own", func() bool { return len(received()) > len(list) })
	if own := received()[len(list)]; len(own.Faults) > 0 {
		t.Errorf("in a message that was published at the node the library would find %q", own.Faults)
	}
	if s := sourceStatus(t, n, "bus"); s["dead"].(float64) != 0 {
		t.Errorf("the source says %v", s)
	}
}

// checkFedora holds what went in against the entry and against what came out.
func checkFedora(t *testing.T, m *fedoraMessage, e *fedmsg.Entry, got *fedoraReceived) {
	t.Helper()
	if len(got.Faults) > 0 {
		t.Errorf("%s: the library would find %q", m.Topic, got.Faults)
	}
	if got.ID != m.ID || got.Topic != m.Topic || got.Priority != m.Priority {
		t.Errorf("%s %s came out as %s %s, of priority %d", m.Topic, m.ID, got.Topic, got.ID, got.Priority)
	}
	if !maps.Equal(got.Headers, m.Sent) {
		t.Errorf("%s: the headers %v came out as %v", m.Topic, m.Sent, got.Headers)
	}
	var body any
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || !reflect.DeepEqual(body, m.Body) {
		t.Errorf("%s: the body %v came out as %s, %v", m.Topic, m.Body, got.Body, err)
	}
	if e.Topic != m.Topic || !strings.HasSuffix(e.ID, "-"+m.ID) || len(e.ID) != 5+len(m.ID) || e.Sender != "source:bus" {
		t.Errorf("%s %s is in the log as %s %s of %s", m.Topic, m.ID, e.Topic, e.ID, e.Sender)
	}
	for _, h := range carry.MessageHeaders(e.Envelope) {
		if h.Name == "fedora_messaging_schema" && h.Value != m.Schema {
			t.Errorf("%s has the schema %s in the log, want %s", m.Topic, h.Value, m.Schema)
		}
	}
}
