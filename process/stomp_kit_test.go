package process

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// stompScripts is where the programs of another make lie.
const stompScripts = "../internal/stomp/testdata/"

// stompConsumer is a process that takes what comes to a destination and writes a file of its own.
type stompConsumer struct {
	*fedmsgtest.Script
	file string
}

// stompTaken is a line of its file.
type stompTaken struct {
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"` // in base64
}

// startSTOMPConsumer starts one, and returns when it is subscribed.
func startSTOMPConsumer(t *testing.T, addr, destination string) *stompConsumer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "taken")
	c := &stompConsumer{Script: fedmsgtest.StartScript(t, stompScripts+"consumer.py", addr, destination, file), file: file}
	c.Expect("ready")
	return c
}

// all reads what the consumer has written by now.
func (c *stompConsumer) all(t *testing.T) []stompTaken {
	t.Helper()
	return linesOf[stompTaken](t, c.file)
}

// wantInOrder waits until the consumer has the last of these ids, and holds that it has all, their first appearances in that order.
func (c *stompConsumer) wantInOrder(t *testing.T, ids []string) {
	t.Helper()
	awaitTaken(t, c.file, ids, func() []string {
		var all []string
		for _, m := range c.all(t) {
			all = append(all, m.Headers["fedmsg-id"])
		}
		return firsts(all)
	})
}

// stompPublisher is a process that publishes; Do has it send a line, as stompLine makes it.
func startSTOMPPublisher(t *testing.T, addr string) *fedmsgtest.Script {
	t.Helper()
	return fedmsgtest.StartScript(t, stompScripts+"publisher.py", addr)
}

// stompSend publishes a message and returns when the server has it.
func stompSend(t *testing.T, s *fedmsgtest.Script, destination string, headers map[string]string, body []byte) {
	t.Helper()
	line, err := json.Marshal(map[string]any{"destination": destination, "headers": headers, "body": body})
	if err != nil {
		t.Fatal(err)
	}
	s.Do("%s", line)
	s.Expect("sent")
}

// stompURI is the address of a server for a configuration.
func stompURI(addr string, options ...string) string { return brokerURI("stomp", addr, options...) }

// stompSink is a [[sink]] named stomp.
func stompSink(to, lines string) string { return brokerSink("stomp", to, lines) }
