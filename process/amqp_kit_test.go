package process

import (
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
	return linesOf[consumed](t, c.file)
}

// wantInOrder waits until the consumer has the last of these ids, and holds that it has all, their first appearances in that order.
func (c *amqpConsumer) wantInOrder(t *testing.T, ids []string) {
	t.Helper()
	awaitTaken(t, c.file, ids, func() []string {
		var all []string
		for _, m := range c.all(t) {
			all = append(all, m.ID)
		}
		return firsts(all)
	})
}

// amqpURI is the address of a server for a configuration.
func amqpURI(addr string, options ...string) string { return brokerURI("amqp", addr, options...) }

// amqpSink is a [[sink]] named rabbit.
func amqpSink(to, lines string) string { return brokerSink("rabbit", to, lines) }
