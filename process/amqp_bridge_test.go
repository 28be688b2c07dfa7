package process

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestAMQP is what is tried with one server: it takes seconds to start.
func TestAMQP(t *testing.T) {
	t.Parallel()
	r := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{})
	for name, test := range map[string]func(*testing.T, string){
		"Fedora":     fedoraTest,
		"Both ways":  bothWaysTest,
		"Poison":     poisonTest,
		"Unroutable": unroutableTest,
		"Scopes":     amqpScopeTest,
		"Full queue": fullQueueTest,
		"No queue":   noQueueTest,
	} {
		t.Run(name, func(t *testing.T) { test(t, r.Addr) })
	}
}

// bothWaysTest joins two nodes over the server in both directions, in both shapes at once: nothing is lost, nothing goes round,
// and each node has each envelope to the byte, with its signature and where it came from.
func bothWaysTest(t *testing.T, addr string) {
	const each = 1000
	p := newPeers(t, []string{"alpha", "beta"}, func(name string) string {
		format, exchange := map[string]string{"alpha": "plain", "beta": "fedora"}[name], "ring"
		return fmt.Sprintf("[[sink]]\nname = \"out\"\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\n"+
			"[[source]]\nname = \"in\"\nfrom = %q\ntopics = [\"#\"]\n",
			amqpURI(addr, "format", format, "exchange", exchange), amqpURI(addr, "exchange", exchange, "queue", "ring-"+name))
	})
	p.start()
	for _, name := range p.names {
		await(t, "the source of "+name, func() bool { return sourceStatus(t, p.nodes[name], "in")["connected"] == true })
	}
	p.publishAll(each, p.names...)
	p.holdTwins(2*each, "out", "in")
}

// poisonTest publishes what no node can take between what it can: the first goes to the dead letters, the second into the log,
// and the queue is empty afterwards.
func poisonTest(t *testing.T, addr string) {
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(
		"[[source]]\nname = \"in\"\nfrom = %q\ntopics = [\"org.example.#\"]\nverify = \"if-signed\"\n",
		amqpURI(addr, "queue", "poison", "exchange", "poison", "bind", "#")), Env: []string{fedmsgtest.AnyTopic}})
	await(t, "the source", func() bool { return sourceStatus(t, n, "in")["connected"] == true })
	c, err := amqp.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		topic string
		amqp.Publishing
	}{
		{"org.example.bad", amqp.Publishing{Body: []byte("\xff\xfe")}},
		{"org.example.bad", amqp.Publishing{Body: []byte(`{"a":`)}},
		{"org.example.bad", amqp.Publishing{Body: []byte(`[1,2]`)}},
		{"org..bad", amqp.Publishing{Body: []byte(`{}`)}},
		{"com.example.outside", amqp.Publishing{Body: []byte(`{}`)}},
		{"org.example.bad", amqp.Publishing{Body: bytes.Repeat([]byte("x"), 4<<20)}},
		{"org.example.bad", amqp.Publishing{Body: []byte(`{}`), Headers: amqp.Table{"fedmsg-head": "{"}}},
		{"org.example.bad", amqp.Publishing{Body: []byte(`{"topic":"org.example.other","msg":{},"msg_id":"x","i":1,"timestamp":1,"username":""}`)}},
	}
	good := amqp.Publishing{Body: []byte(`{"x":1}`), Headers: amqp.Table{"deep": amqp.Table{"list": []any{int32(1)}}, "n": int64(4)}}
	for _, b := range bad {
		for topic, m := range map[string]amqp.Publishing{b.topic: b.Publishing, "org.example.good": good} {
			if err := ch.Publish("poison", topic, false, false, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	await(t, "the good ones", func() bool { return len(n.ReadAll(t)) >= len(bad) })
	t.Cleanup(func() {
		if t.Failed() {
			_, letters, err := n.Get(context.Background(), "/v1/dead")
			t.Logf("dead letters: %s, %v", letters, err)
		}
	})
	await(t, "the bad ones", func() bool { return sourceStatus(t, n, "in")["dead"].(float64) >= float64(len(bad)) })
	for _, e := range n.ReadAll(t) {
		if e.Topic != "org.example.good" {
			t.Errorf("the log has %s: %s", e.Topic, e.Envelope)
		}
	}
	n.Stop(t) // what it has not acknowledged comes back to the queue
	q, err := ch.QueueDeclarePassive("poison", true, false, false, false, nil)
	if err != nil || q.Messages != 0 {
		t.Errorf("there are %d messages in the queue, %v", q.Messages, err)
	}
}

// unroutableTest has a sink whose messages nobody is bound to: they count as delivered with a remark, or are given up.
func unroutableTest(t *testing.T, addr string) {
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(
		"[[sink]]\nname = \"report\"\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\n[[sink]]\nname = \"dead\"\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\n",
		amqpURI(addr, "exchange", "nobody"), amqpURI(addr, "exchange", "nobody", "unroutable", "dead"))})
	c := startConsumer(t, addr, "some", "")
	ch := amqpChannel(t, addr)
	await(t, "the exchange", func() bool { return sinkStatus(t, n, "dead")["state"] == "running" })
	publish(t, n, "nobody-1", 1) // makes the exchange
	await(t, "the first message", func() bool {
		return sinkStatus(t, n, "dead")["dead"] == 1.0 && sinkStatus(t, n, "report")["remarked"] == 1.0
	})
	if err := ch.QueueBind("some", topic, "nobody", false, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		text := fmt.Sprintf(`{"topic":"org.example.dev.test.nobody","id":"nobody-%d","msg":{}}`, i+2)
		if i%2 == 0 {
			text = string(submission(fmt.Sprintf("nobody-%d", i+2), i))
		}
		if _, err := n.Publish(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "both sinks to be done", func() bool {
		report, dead := sinkStatus(t, n, "report"), sinkStatus(t, n, "dead")
		return report["delivered"] == 201.0 && report["remarked"] == 101.0 && dead["delivered"] == 100.0 && dead["dead"] == 101.0
	})
	if s := sinkStatus(t, n, "report"); s["dead"] != 0.0 {
		t.Errorf("the sink that only reports says %v", s)
	}
	await(t, "what is bound", func() bool { return len(c.all(t)) >= 200 }) // by both sinks
	_, body, err := n.Get(t.Context(), "/v1/messages/nobody-3")
	if err != nil || !strings.Contains(string(body), "no queue is bound") {
		t.Errorf("of a message that nobody gets the node says %s, %v", body, err)
	}
	for _, m := range c.all(t) {
		if m.Key != topic {
			t.Errorf("a queue that is not bound to it got %s", m.Key)
		}
	}
}

// amqpScopeTest holds that a sink gives away its own topics only.
func amqpScopeTest(t *testing.T, addr string) {
	c := startConsumer(t, addr, "scope", "amq.topic", "#")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(
		"[[sink]]\nname = \"mine\"\nto = %q\ntopics = [\"org.example.dev.mine.*\"]\nstart = \"beginning\"\n", amqpURI(addr, "prefix", "org.example.")), Env: []string{fedmsgtest.AnyTopic}})
	var want [][32]byte
	for i := range 50 {
		for _, topic := range []string{"org.example.dev.mine.made", "org.example.dev.mine.made.not", "org.example.dev.other.made"} {
			if _, err := n.Publish(t.Context(), fmt.Appendf(nil, `{"topic":%q,"msg":{"n":%d}}`, topic, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range n.ReadAll(t) {
		if e.Topic == "org.example.dev.mine.made" {
			want = append(want, sha256.Sum256(e.Envelope))
		}
	}
	await(t, "the sink to be done", func() bool { return sinkStatus(t, n, "mine")["lag"] == 0.0 })
	var got [][32]byte
	await(t, "the last message", func() bool {
		got = nil
		for _, m := range c.all(t) {
			if m.Key == "dev.mine.made" || json.Valid(m.Body) && bytes.Contains(m.Body, []byte("org.example.dev.other")) {
				got = append(got, sha256.Sum256(m.Body))
			}
		}
		return len(got) >= len(want)
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the consumer has %d envelopes, want %d of the sink's topics", len(got), len(want))
	}
}

// fullQueueTest has a queue that refuses what it has no room for: nobody is at fault, and all arrives when there is room.
func fullQueueTest(t *testing.T, addr string) {
	const count, room = 60, 10
	ch := amqpChannel(t, addr)
	_, err := ch.QueueDeclare("full", true, false, false, false, amqp.Table{"x-max-length": int32(room), "x-overflow": "reject-publish"})
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind("full", topic, "amq.topic", false, nil); err != nil {
		t.Fatal(err)
	}
	defer ch.QueueDelete("full", false, false, false)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: amqpSink(amqpURI(addr), "answer_timeout = \"2s\"\n")})
	for i := range count {
		publish(t, n, fmt.Sprintf("full-%d", i), i)
	}
	await(t, "the node to say so", func() bool { return strings.Contains(n.Logs(), "as for a queue that is full") })
	seen := map[string]bool{}
	await(t, "all messages", func() bool {
		for {
			m, ok, err := ch.Get("full", true)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return len(seen) == count
			}
			seen[m.MessageId] = true
		}
	})
	if s := sinkStatus(t, n, "rabbit"); s["dead"] != 0.0 {
		t.Errorf("entries were given up: %v", s)
	}
}

// noQueueTest deletes the queue of a source: it says so and makes it again.
func noQueueTest(t *testing.T, addr string) {
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: fmt.Sprintf(
		"[[source]]\nname = \"in\"\nfrom = %q\ntopics = [\"org.example.#\"]\nverify = \"if-signed\"\n", amqpURI(addr, "exchange", "gone", "queue", "gone")), Env: []string{fedmsgtest.AnyTopic}})
	connected := func() bool { return sourceStatus(t, n, "in")["connected"] == true }
	await(t, "the source", connected)
	ch := amqpChannel(t, addr)
	if _, err := ch.QueueDelete("gone", false, false, false); err != nil {
		t.Fatal(err)
	}
	await(t, "it to say so", func() bool {
		return strings.Contains(fmt.Sprint(sourceStatus(t, n, "in")["last_error"]), "the queue was deleted")
	})
	await(t, "the source", connected)
	if err := ch.Publish("gone", "org.example.made", true, false, amqp.Publishing{Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	await(t, "the message", func() bool { return len(n.ReadAll(t)) == 1 })
}

// amqpChannel opens a channel of the test's own.
func amqpChannel(t *testing.T, addr string) *amqp.Channel {
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
