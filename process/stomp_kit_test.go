package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	text, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	var list []stompTaken
	for line := range bytes.Lines(text) {
		var m stompTaken
		if !bytes.HasSuffix(line, []byte("\n")) {
			return list // it is writing
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		list = append(list, m)
	}
	return list
}

// wantInOrder waits until the consumer has the last of these ids, and holds that it has all, their first appearances in that order.
func (c *stompConsumer) wantInOrder(t *testing.T, ids []string) {
	t.Helper()
	last := fmt.Sprintf("%q", ids[len(ids)-1])
	await(t, fmt.Sprintf("the last of %d messages in the consumer's file", len(ids)), func() bool {
		text, err := os.ReadFile(c.file)
		return err == nil && bytes.Contains(text, []byte(last))
	})
	seen := make(map[string]bool)
	var first []string
	for _, m := range c.all(t) {
		if id := m.Headers["fedmsg-id"]; !seen[id] {
			seen[id], first = true, append(first, id)
		}
	}
	if slices.Equal(first, ids) {
		return
	}
	for i, id := range ids {
		if i >= len(first) || first[i] != id {
			t.Fatalf("the consumer has %d messages of %d; number %d is %q, want %q", len(first), len(ids), i, first[min(i, len(first)-1)], id)
		}
	}
	t.Fatalf("the consumer has %d messages, %d were accepted", len(first), len(ids))
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
func stompURI(addr string, options ...string) string {
	q := url.Values{}
	for i := 0; i < len(options); i += 2 {
		q.Set(options[i], options[i+1])
	}
	return "stomp://" + addr + "/?" + q.Encode()
}

// stompSink is a [[sink]] named stomp.
func stompSink(to string, lines string) string {
	return fmt.Sprintf("[[sink]]\nname = \"stomp\"\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\nretry_max = \"1s\"\n%s", to, lines)
}
