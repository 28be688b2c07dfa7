package process

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// natsScripts is where the programs of another make lie.
const natsScripts = "../internal/nats/testdata/"

// natsStream starts a server with a stream of the subjects, and gives the library's own access to it.
func natsStream(t *testing.T, subjects ...string) (*fedmsgtest.NATS, jetstream.JetStream) {
	t.Helper()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	c, err := nats.Connect("nats://"+s.Addr, nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "bus", Subjects: subjects}); err != nil {
		t.Fatal(err)
	}
	return s, js
}

// natsSink is a [[sink]] named nats to the stream bus of the server.
func natsSink(addr string, options string) string {
	return brokerSink("nats", "nats://"+addr+"?jetstream=yes&stream=bus"+options, "")
}

// natsSource is a [[source]] named in, from the stream bus of the server.
func natsSource(addr, consumer string, topics string) string {
	return fmt.Sprintf("[[source]]\nname = \"in\"\nfrom = \"nats://%s?jetstream=yes&stream=bus&consumer=%s\"\ntopics = [%q]\nretry_max = \"1s\"\n", addr, consumer, topics)
}

// natsConsumer is a process that takes what is in the stream bus and writes a file of its own.
type natsConsumer struct {
	*fedmsgtest.Script
	file string
}

// natsTaken is a line of its file.
type natsTaken struct {
	Seq     uint64      `json:"seq"` // in the stream
	Subject string      `json:"subject"`
	Headers [][2]string `json:"headers"`
	Body    []byte      `json:"body"`
}

func startNATSConsumer(t *testing.T, addr string) *natsConsumer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "taken")
	c := &natsConsumer{Script: fedmsgtest.StartScript(t, natsScripts+"consumer.py", addr, "stream", "bus", file), file: file}
	c.Expect("ready")
	return c
}

// id is what the publisher named the message.
func (m *natsTaken) id() string {
	for _, h := range m.Headers {
		if h[0] == "Nats-Msg-Id" {
			return h[1]
		}
	}
	return ""
}

// all reads what the consumer has written by now, each message of the stream once.
func (c *natsConsumer) all(t *testing.T) (list []natsTaken) {
	t.Helper()
	seen := make(map[uint64]bool)
	for _, m := range linesOf[natsTaken](t, c.file) {
		if !seen[m.Seq] {
			seen[m.Seq] = true
			list = append(list, m)
		}
	}
	return list
}

// wantOnce waits until the consumer has the last of these ids, and holds that it has all, once and in that order.
func (c *natsConsumer) wantOnce(t *testing.T, ids []string) {
	t.Helper()
	awaitTaken(t, c.file, ids, func() []string {
		var all []string
		for _, m := range c.all(t) {
			all = append(all, m.id())
		}
		return all
	})
}

// natsSend publishes a message, and returns when the stream has it.
func natsSend(t *testing.T, s *fedmsgtest.Script, subject, body, head string) {
	t.Helper()
	headers := [][2]string{}
	if head != "" {
		headers = append(headers, [2]string{"fedmsg-head", head})
	}
	line, err := json.Marshal(map[string]any{"subject": subject, "headers": headers, "body": []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	s.Do("%s", line)
	s.Expect("ok")
}
