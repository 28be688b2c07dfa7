package amqp

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// shared is the one server of this package's tests, which is started when the first test asks for it.
var shared struct {
	once      sync.Once
	server    *fedmsgtest.RabbitMQ
	authority *fedmsgtest.Authority
	dir       string
	err       error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if shared.server != nil {
		shared.server.Remove()
		os.RemoveAll(shared.dir)
	}
	os.Exit(status)
}

// theServer gives the server, with TLS and the user ralph.
func theServer(t *testing.T) *fedmsgtest.RabbitMQ {
	t.Helper()
	fedmsgtest.NeedRabbitMQ(t)
	shared.once.Do(func() { shared.err = startShared() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

func startShared() (err error) {
	if shared.dir, err = os.MkdirTemp("", "fma"); err != nil {
		return err
	}
	if shared.authority, err = fedmsgtest.NewAuthority(shared.dir); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fmq")
	if err != nil {
		return err
	}
	shared.server, err = fedmsgtest.NewRabbitMQ(dir, fedmsgtest.RabbitMQOptions{TLS: shared.authority, Users: []string{"ralph", "nobody"}})
	if err != nil {
		return err
	}
	if err := shared.server.Start(); err != nil {
		return err
	}
	// Whoever is called nobody may look and use what is there, and make nothing.
	_, err = shared.server.Ctl("set_permissions", "nobody", "", ".*", ".*")
	return err
}

// names are unique in a run of the tests.
var names atomic.Int64

func unique(t *testing.T) string {
	return fmt.Sprintf("%s-%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), names.Add(1))
}

// channelOf opens a channel of the test's own, beside what is tested.
func channelOf(t *testing.T, addr string) *amqp.Channel {
	t.Helper()
	c, err := amqp.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// patience only bounds a failing test.
const patience = time.Minute

// await polls what no event tells of.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

const testLog = fedmsg.LogID("k3v5q2m7x4ab")

// entryOf makes an entry of the log.
func entryOf(seq uint64, topic, id, headers, body string) *fedmsg.Entry {
	envelope := fmt.Sprintf(`{"headers": %s,"i": %d,"msg": %s,"msg_id": %q,"timestamp": 1700000000,"topic": %q,"username": "ralph"}`,
		headers, seq, body, id, topic)
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: testLog, Seq: seq}, Received: time.Unix(1700000001, 5).UTC(), ID: id, Topic: topic,
		Envelope: []byte(envelope), Verdict: fedmsg.VerdictUnsigned,
	}
}
