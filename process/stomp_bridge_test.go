package process

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSTOMPBothWays joins two nodes by a bus that both publish to and both take from, while ActiveMQ is killed and the nodes are.
// Each has all messages of both once, to the byte, and nothing goes round for ever.
func TestSTOMPBothWays(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	forms := map[string]string{"left": "envelope", "right": "body"}
	p := newPeers(t, []string{"left", "right"}, func(name string) string {
		to := stompURI(a.STOMP, "destination", "/topic/VirtualTopic.bus.{topic}", "format", forms[name])
		from := stompURI(a.STOMP, "destination", "/queue/Consumer."+name+".VirtualTopic.bus.>", "topic", "/topic/VirtualTopic.bus.{topic}")
		return stompSink(to, "") + fmt.Sprintf("[[source]]\nname = \"bus\"\nfrom = %q\ntopics = [\"#\"]\nretry_max = \"1s\"\n", from)
	})
	p.start()
	for _, name := range p.names { // whose queue is there from now on
		p.until("the source of "+name+" is connected", func() bool { return p.sources(name)[0].Connected })
	}
	count := fedmsgtest.Count(1500, 10_000)
	for round := range 4 {
		for _, name := range p.names {
			var lines bytes.Buffer
			for i := range count / 4 {
				lines.Write(append(submission(fmt.Sprintf("%s-%d-%d", name, round, i), i), '\n'))
			}
			p.submit(name, &lines, count/4)
		}
		victim := p.nodes[p.names[round%2]]
		switch {
		case round == 1:
			a.Kill9()
			if err := a.Start(); err != nil {
				t.Fatal(err)
			}
		case round < 3:
			victim.Kill9()
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	total := count / 4 * 8
	left := sums(t, p.await("left", total))
	same(t, "right", sums(t, p.await("right", total)), left)
	if len(left) != total {
		t.Errorf("left has %d messages, want %d", len(left), total)
	}
	for _, name := range p.names { // what comes back is known there, and goes nowhere
		p.until("nothing is under way at "+name, func() bool {
			s := p.sources(name)[0]
			return p.sinks(name)[0].Lag == 0 && s.InFlight == 0 && s.Connected
		})
		if s := p.sources(name)[0]; s.Dead > 0 || s.Refused > 0 {
			t.Errorf("the source of %s gave up messages: %+v", name, s)
		}
		if log := p.nodes[name].Log(t); log.Last != uint64(total) {
			t.Errorf("the log of %s goes up to %d, want %d", name, log.Last, total)
		}
	}
}

// TestSTOMPKilledNode kills a node at random points of what it takes from ActiveMQ. What the publisher got its receipt for is in the
// log, once, in order.
func TestSTOMPKilledNode(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: stompSource(stompURI(a.STOMP, "destination", "/queue/killed"), "")})
	p := startSTOMPPublisher(t, a.STOMP)
	const count = 1200
	for i := range count {
		line := fmt.Sprintf(`{"destination":"/queue/killed","headers":{"persistent":"true","fedmsg-topic":%q},"body":%q}`, topic, base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"n":%d}`, i)))
		p.Do("%s", line)
	}
	kills := 0
	for i := range count {
		p.Expect("sent")
		if i%150 == 149 {
			<-time.After(rand.N(30 * time.Millisecond)) // at any point of what is under way
			n.Kill9()
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
			kills++
		}
	}
	entries := n.Read(t, map[string][]string{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < count })
	for i, e := range entries {
		if want := fmt.Sprintf(`"msg":{"n":%d}`, i); !bytes.Contains(e.Envelope, []byte(want)) {
			t.Fatalf("entry %d is %s, want %s", i+1, e.Envelope, want)
		}
	}
	await(t, "nothing is under way", func() bool { return sourceStatus(t, n, "stomp")["in_flight"].(float64) == 0 })
	if last := n.Log(t).Last; last != count {
		t.Errorf("the log has %d entries, want %d", last, count)
	}
	t.Logf("killed %d times", kills)
}

// stompSource is a [[source]] named stomp that takes what nobody signed.
func stompSource(from, lines string) string {
	return fmt.Sprintf("[[source]]\nname = \"stomp\"\nfrom = %q\ntopics = [\"#\"]\nverify = \"if-signed\"\nretry_max = \"1s\"\n%s", from, lines)
}

// TestSTOMPPoison has messages come that nobody can read: they lie with the dead letters, with the reason, and those behind them come.
func TestSTOMPPoison(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{})
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{fedmsgtest.AnyTopic}, Config: stompSource(stompURI(a.STOMP, "destination", "/queue/Consumer.p.VirtualTopic.>"), "")})
	await(t, "the source is connected", func() bool { return sourceStatus(t, n, "stomp")["connected"] == true })
	p := startSTOMPPublisher(t, a.STOMP)
	poison := []struct {
		topic   string
		headers map[string]string
		body    string
		code    fedmsg.Code
	}{
		{"a.b", nil, "hello", fedmsg.CodeBadJSON},
		{"a.b", nil, `[1]`, fedmsg.CodeBadBody},
		{"a.b", nil, "{\"x\":\"\xff\"}", fedmsg.CodeBadJSON},
		{"a.b", nil, `{"x":1,"x":2}`, fedmsg.CodeDuplicateKey},
		{"a.b", nil, `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, fedmsg.CodeTooLarge},
		{"a b.c", nil, `{}`, fedmsg.CodeBadTopic},
		{"a.b", map[string]string{"big": strings.Repeat("x", 5000)}, `{}`, fedmsg.CodeTooLarge},
		{"a.b", map[string]string{"fedmsg-head": "{"}, `{}`, fedmsg.CodeBadEnvelope},
		{"a.b", nil, `{"topic":"other","msg":{},"msg_id":"1"}`, fedmsg.CodeBadTopic},
		{"a.b", map[string]string{"fedmsg-id": "é"}, `{}`, fedmsg.CodeBadID},
		{"a.b", map[string]string{"fedmsg-id": "same"}, `{"n":1}`, ""},
		{"a.b", map[string]string{"fedmsg-id": "same"}, `{"n":2}`, fedmsg.CodeIDConflict},
	}
	dead := 0
	for i, c := range poison {
		stompSend(t, p, "/topic/VirtualTopic."+c.topic, c.headers, []byte(c.body))
		if c.code != "" {
			dead++
		}
		next := fmt.Sprintf("next-%d", i)
		stompSend(t, p, "/topic/VirtualTopic.a.b", map[string]string{"fedmsg-id": next}, []byte(`{}`))
		await(t, next+" comes", func() bool {
			status, _, err := n.Get(t.Context(), "/v1/messages/"+next)
			return err == nil && status == 200
		})
		var answer struct {
			Dead []struct {
				Code   fedmsg.Code
				Reason string
			}
		}
		await(t, fmt.Sprintf("%d dead letters", dead), func() bool { // which may be written when those behind are there already
			_, body, err := n.Get(t.Context(), "/v1/dead")
			return err == nil && json.Unmarshal(body, &answer) == nil && len(answer.Dead) == dead
		})
		if c.code != "" && answer.Dead[dead-1].Code != c.code {
			t.Errorf("%.100q: %+v, want %s", c.body, answer.Dead[dead-1], c.code)
		}
	}
}

// TestSTOMPRecordedBus takes Red Hat's recorded messages from ActiveMQ through a node and back to it: what came is what is in the log and
// what goes out, the topic, the headers and each byte of the body.
func TestSTOMPRecordedBus(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{})
	out := startSTOMPConsumer(t, a.STOMP, "/queue/out")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{fedmsgtest.AnyTopic}, Config: stompSource(stompURI(a.STOMP, "destination", "/queue/Consumer.x.VirtualTopic.>", "wrap", "yes"), "") +
		stompSink(stompURI(a.STOMP, "destination", "/queue/out", "format", "body"), "")})
	await(t, "the source is connected", func() bool { return sourceStatus(t, n, "stomp")["connected"] == true })
	p := startSTOMPPublisher(t, a.STOMP)
	sent := umbMessages(t)
	for _, m := range sent {
		stompSend(t, p, m.Topic, m.Headers, m.Body)
	}
	await(t, "all have come", func() bool { return len(out.all(t)) >= len(sent) })
	entries := n.Read(t, map[string][]string{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < uint64(len(sent)) })
	for i, got := range out.all(t) {
		want := sent[i]
		topic := strings.TrimPrefix(want.Topic, "/topic/")
		if got.Headers["fedmsg-topic"] != topic || entries[i].Topic != topic {
			t.Errorf("%s came as %s, in the log %s", topic, got.Headers["fedmsg-topic"], entries[i].Topic)
		}
		body := want.Object
		if !bytes.Equal(got.Body, body) || !bytes.Contains(entries[i].Envelope, body) {
			t.Errorf("%s: the body came as\n%s\nin the log\n%s\nwant\n%s", topic, got.Body, entries[i].Envelope, body)
		}
		for name, value := range want.Headers {
			if got.Headers[name] != value {
				t.Errorf("%s: the header %s came as %q, want %q", topic, name, got.Headers[name], value)
			}
		}
		if t.Failed() {
			return
		}
	}
}

// umbMessage is one of Red Hat's messages as its publisher sent it.
type umbMessage struct {
	Topic   string
	Headers map[string]string
	Body    []byte
	Object  []byte // what a node makes of the body
}

// umbMessages gives the recorded ones, without the headers that the server adds.
func umbMessages(t *testing.T) []umbMessage {
	t.Helper()
	f, err := os.Open(fedmsgtest.Shared(t, "corpus", "umb-messages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []umbMessage
	lines := bufio.NewScanner(f)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var line struct {
			Message struct {
				Topic   string          `json:"topic"`
				Headers map[string]any  `json:"headers"`
				Msg     json.RawMessage `json:"msg"`
			} `json:"message"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		m := umbMessage{Topic: line.Message.Topic, Headers: map[string]string{}, Body: line.Message.Msg, Object: line.Message.Msg}
		var text string
		switch {
		case json.Unmarshal(m.Body, &text) == nil && text == "":
			m.Body, m.Object = nil, []byte("{}")
		case m.Body[0] != '{':
			m.Object = fmt.Appendf(nil, `{"value":%s}`, m.Body)
			if text != "" {
				m.Body = []byte(text)
			}
		}
		var compact bytes.Buffer // as a node makes it
		if err := json.Compact(&compact, m.Object); err != nil {
			t.Fatal(err)
		}
		m.Object = compact.Bytes()
		for name, v := range line.Message.Headers {
			if value, ok := v.(string); ok {
				m.Headers[name] = value
			}
		}
		maps.DeleteFunc(m.Headers, func(name, _ string) bool {
			switch name {
			case "destination", "original-destination", "message-id", "subscription", "content-length", "content-type", "expires", "priority", "timestamp", "persistent", "reply-to", "ack", "redelivered":
				return true
			}
			return strings.HasPrefix(name, "amq") || strings.HasPrefix(name, "JMS")
		})
		all = append(all, m)
	}
	return all
}
