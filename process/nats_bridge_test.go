package process

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestNATSBothWays joins two nodes over a stream in both directions, in both forms at once, while one of them is killed: nothing is
// lost, nothing goes round, and each node has each envelope to the byte, with its signature and where it came from.
func TestNATSBothWays(t *testing.T) {
	t.Parallel()
	const each = 2000
	s, js := natsStream(t, "org.>")
	p := newPeers(t, []string{"alpha", "beta"}, func(name string) string {
		return natsSink(s.Addr, map[string]string{"alpha": "", "beta": "&format=body"}[name]) + natsSource(s.Addr, name, "#")
	})
	p.start()
	for _, name := range p.names {
		await(t, "the source of "+name, func() bool { return sourceStatus(t, p.nodes[name], "in")["connected"] == true })
	}
	p.publishAll(each, p.names...)
	p.nodes["beta"].Kill9()
	if err := p.nodes["beta"].Start(); err != nil {
		t.Fatal(err)
	}
	for _, name := range p.names {
		var lines bytes.Buffer
		for i := range each {
			lines.Write(append(submission(fmt.Sprintf("%s-more-%d", name, i), i), '\n'))
		}
		p.submit(name, &lines, each)
	}
	p.holdTwins(4*each, "nats", "in")
	for _, name := range p.names {
		await(t, "the stream to be taken", func() bool {
			c, err := js.Consumer(t.Context(), "bus", name)
			return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
		})
	}
}

// TestNATSPoison publishes what no node can take between what it can: the first goes to the dead letters, the second into the log,
// and the consumer owes the stream nothing.
func TestNATSPoison(t *testing.T) {
	t.Parallel()
	s, js := natsStream(t, "org.>", "com.>")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: natsSource(s.Addr, "poison", "org.example.#") + "verify = \"if-signed\"\n", Env: []string{fedmsgtest.AnyTopic}})
	bad := []struct{ topic, body, header string }{
		{"org.example.bad", "\xff\xfe", ""},
		{"org.example.bad", `{"a":`, ""},
		{"org.example.bad", `[1,2]`, ""},
		{"org.ä.bad", `{}`, ""},
		{"com.example.outside", `{}`, ""},
		{"org.example.bad", `{"x":"` + strings.Repeat("x", 1000*1000) + `","x":1}`, ""},
		{"org.example.bad", `{}`, "{"},
		{"org.example.bad", `{"topic":"org.example.other","msg":{},"msg_id":"x","i":1,"timestamp":1,"username":""}`, ""},
	}
	script := fedmsgtest.StartScript(t, natsScripts+"publisher.py", s.Addr, "stream")
	for i, b := range bad {
		natsSend(t, script, b.topic, b.body, b.header)
		natsSend(t, script, "org.example.good", fmt.Sprintf(`{"n":%d}`, i), "")
	}
	await(t, "the good ones", func() bool { return len(n.ReadAll(t)) >= len(bad) })
	await(t, "the bad ones", func() bool { return sourceStatus(t, n, "in")["dead"].(float64) >= float64(len(bad)) })
	for _, e := range n.ReadAll(t) {
		if e.Topic != "org.example.good" {
			t.Errorf("the log has %s: %s", e.Topic, e.Envelope)
		}
	}
	await(t, "the consumer to owe nothing", func() bool {
		c, err := js.Consumer(t.Context(), "bus", "poison")
		return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
	})
	if got := len(n.ReadAll(t)); got != len(bad) {
		t.Errorf("the log has %d entries, want %d", got, len(bad))
	}
}
