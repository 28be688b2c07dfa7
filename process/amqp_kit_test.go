package process

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// amqpScripts is where the programs of another make lie.
const amqpScripts = "../internal/amqp/testdata/"

// amqpConsumer is a process that takes from a queue of RabbitMQ and writes a file of its own.
type amqpConsumer struct {
	*fedmsgtest.Script
	file string
}

// consumed is a line of its file.
type consumed struct {
	ID      string         `json:"message_id"`
	Key     string         `json:"key"`
	Headers map[string]any `json:"headers"`
	Body    []byte         `json:"body"` // in base64
}

// startConsumer starts one whose queue is bound to the exchange, and returns when it is.
func startConsumer(t *testing.T, addr, queue, exchange string, patterns ...string) *amqpConsumer {
	t.Helper()
	fedmsgtest.NeedPika(t)
	file := filepath.Join(t.TempDir(), "consumed")
	args := append([]string{addr, "/", queue, file, exchange}, patterns...)
	c := &amqpConsumer{Script: fedmsgtest.StartScript(t, amqpScripts+"consumer.py", args...), file: file}
	c.Expect("ready")
	return c
}

// all reads what the consumer has written by now.
func (c *amqpConsumer) all(t *testing.T) []consumed {
	t.Helper()
	f, err := os.Open(c.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []consumed
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil { // the last one may be half written
			return list
		}
		var m consumed
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v in %.200q", err, line)
		}
		list = append(list, m)
	}
}

// amqpURI is the address of a server for a configuration.
func amqpURI(addr string, options ...string) string {
	q := url.Values{}
	for i := 0; i < len(options); i += 2 {
		q.Set(options[i], options[i+1])
	}
	return "amqp://" + addr + "/?" + q.Encode()
}
