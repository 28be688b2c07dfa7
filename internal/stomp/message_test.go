package stomp

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestTopicsOfFrames reads topics from where messages were sent to. A header of the publisher counts only where the destination cannot
// say it, since servers watch over destinations alone.
func TestTopicsOfFrames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options, frame, server, want string // "!" is an error
	}{
		{"destination=/topic/a", "destination:/topic/org.x", "ActiveMQ/5", "org.x"},
		{"destination=/topic/a", "destination:/topic/org.x\nfedmsg-topic:org.stolen", "ActiveMQ/5", "org.x"},
		{"destination=/topic/a", "destination:/topic/a_b._\nfedmsg-topic:a b.>", "ActiveMQ/5", "a b.>"},
		{"destination=/topic/a", "destination:/topic/x\noriginal-destination:/topic/org.x", "ActiveMQ/5", "x"},
		{"destination=/queue/Consumer.a.VirtualTopic.b.>", "destination:/queue/q\noriginal-destination:/topic/VirtualTopic.b.x", "ActiveMQ/5", "VirtualTopic.b.x"},
		{"destination=/queue/Consumer.a.b.VirtualTopic.*.c", "destination:/queue/q\noriginal-destination:/topic/VirtualTopic.b.c", "ActiveMQ/5", "VirtualTopic.b.c"},
		{"destination=/queue/Consumer.a.VirtualTopic.b.>", "destination:/queue/q\noriginal-destination:/topic/VirtualTopic.stolen", "ActiveMQ/5", "q"},
		{"destination=/queue/Consumer.a.VirtualTopic.b.>", "destination:/queue/q\noriginal-destination:/queue/VirtualTopic.b.x", "ActiveMQ/5", "q"},
		{"destination=/queue/Consumer.a.VirtualTopic.b.*", "destination:/queue/q\noriginal-destination:/topic/VirtualTopic.b.x.y", "ActiveMQ/5", "q"},
		{"destination=/queue/Consumer.a.VirtualTopic.b", "destination:/queue/Consumer.a.VirtualTopic.b\noriginal-destination:/topic/VirtualTopic.b.x", "ActiveMQ/5", ""},
		{"destination=/queue/Consumer.a.b.>,/queue/z", "destination:/queue/q\noriginal-destination:/topic/b.c", "ActiveMQ/5", "b.c"},
		{"destination=/queue/a", "destination:/queue/a\nfedmsg-topic:org.x", "ActiveMQ/5", "org.x"},
		{"destination=/queue/a", "destination:/queue/a", "ActiveMQ/5", ""},
		{"destination=/queue/Consumer.a.org.x", "destination:/queue/Consumer.a.org.x\noriginal-destination:/topic/org.x\nfedmsg-topic:org.stolen", "ActiveMQ/5", "org.x"},
		{"destination=/queue/a&topic=/topic/V.{topic}", "destination:/topic/V.org.x", "ActiveMQ/5", "org.x"},
		{"destination=/queue/a&topic=/topic/V.{topic}", "destination:/topic/org.x", "ActiveMQ/5", "!"},
		{"destination=/queue/a&topic=/topic/V.{topic}", "destination:/topic/V.", "ActiveMQ/5", "!"},
		{"destination=/queue/a&topic=/topic/V.{topic}&prefix=org.y", "destination:/topic/V.x", "ActiveMQ/5", "org.y.x"},
		{"destination=/topic/a&prefix=org.y", "destination:/exchange/amq.direct/x", "RabbitMQ/3", "org.y.x"},
		{"destination=/topic/a&prefix=org.y", "destination:/topic/a_b\nfedmsg-topic:org.y.a b", "ActiveMQ/5", "org.y.a b"},
		{"destination=/topic/a&prefix=org.y", "destination:/topic/org.z\nfedmsg-topic:org.z", "ActiveMQ/5", "org.y.org.z"},
		{"destination=/queue/a&prefix=org.y", "destination:/queue/a\nfedmsg-topic:org.y.z", "ActiveMQ/5", "org.y.z"},
		{"destination=/queue/a&prefix=org.y", "destination:/queue/a\nfedmsg-topic:org.z", "ActiveMQ/5", "!"},
		{"destination=/topic/a", "destination:/topic/a%20b", "RabbitMQ/3", "a b"},
		{"destination=/topic/a", "destination:/topic/a%20b", "ActiveMQ/5", "a%20b"},
		{"destination=/topic/a", "destination:plain", "ActiveMQ/5", "plain"},
	} {
		source, err := NewSource(receive.Config{Name: "x", From: "stomp://localhost/?" + c.options}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		f, err := readerOf("MESSAGE\n"+c.frame+"\n\n{}\x00", 100).next()
		if err != nil {
			t.Fatal(err)
		}
		item := source.(*Source).item(&conn{server: c.server}, f, nil)
		if c.want == "!" {
			if fedmsg.CodeOf(item.Bad) != fedmsg.CodeBadTopic || string(item.Message.Body) != "{}" {
				t.Errorf("%+v: %v, %+v", c, item.Bad, item.Message)
			}
		} else if item.Bad != nil || item.Message.Topic != c.want {
			t.Errorf("%+v: %q, %v", c, item.Message.Topic, item.Bad)
		}
	}
}

// TestPrefixedEnvelopes lets an envelope have the topic of its destination, with the prefix or without, and no other.
func TestPrefixedEnvelopes(t *testing.T) {
	t.Parallel()
	source, err := NewSource(receive.Config{Name: "x", From: "stomp://localhost/?destination=/topic/a&prefix=org.y"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	for topic, taken := range map[string]bool{"a.b": true, "org.y.a.b": true, "org.y.stolen": false, "stolen": false, "org.y.org.y.a.b": false} {
		envelope := `{"i":1,"msg":{},"msg_id":"2026-1","timestamp":1700000000,"topic":"` + topic + `"}`
		f, err := readerOf("MESSAGE\ndestination:/topic/a.b\nfedmsg-origin:bbbbbbbbbbbb-1\n\n"+envelope+"\x00", 1000).next()
		if err != nil {
			t.Fatal(err)
		}
		item := source.(*Source).item(&conn{server: "ActiveMQ/5"}, f, nil)
		if item.Bad != nil {
			t.Fatal(item.Bad)
		}
		if _, err := d.Carried(&item.Message); (err == nil) != taken || err != nil && fedmsg.CodeOf(err) != fedmsg.CodeBadTopic {
			t.Errorf("%s on /topic/a.b: %v", topic, err)
		}
	}
}

// TestUsers believes who a publisher is of the server alone that watches over it.
func TestUsers(t *testing.T) {
	t.Parallel()
	source, err := NewSource(receive.Config{Name: "x", From: "stomp://localhost/?destination=/topic/a"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for server, want := range map[string]string{"ActiveMQ/5.17.2": "ralph", "ActiveMQ-Artemis/2.30": "", "RabbitMQ/3.10": "", "": ""} {
		f, err := readerOf("MESSAGE\ndestination:/topic/a\nJMSXUserID:ralph\n\n{}\x00", 100).next()
		if err != nil {
			t.Fatal(err)
		}
		if got := source.(*Source).item(&conn{server: server}, f, nil).Message.Username; got != want {
			t.Errorf("%s says that it is %q, want %q", server, got, want)
		}
	}
}

// TestWrapped makes objects of what is none, where that is asked for.
func TestWrapped(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"a":1}`: `{"a":1}`, ` {`: ` {`, "": "", " ": " ", "[1]": `{"value":[1]}`, "7": `{"value":7}`, `"x"`: `{"value":"x"}`,
		"two words": `{"value":"two words"}`, "\xff": "\xff",
	} {
		if got := string(wrapped([]byte(body))); got != want {
			t.Errorf("%q becomes %q, want %q", body, got, want)
		}
	}
}

// TestTooLong gives a message up whose body was not kept, and knows it by its headers.
func TestTooLong(t *testing.T) {
	t.Parallel()
	source, err := NewSource(receive.Config{Name: "x", From: "stomp://localhost/?destination=/topic/a"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	f, err := readerOf("MESSAGE\ndestination:/topic/org.x\nmessage-id:ID:1\n\n"+strings.Repeat("x", 200)+"\x00", 100).next()
	if err != nil {
		t.Fatal(err)
	}
	item := source.(*Source).item(&conn{}, f, nil)
	if fedmsg.CodeOf(item.Bad) != fedmsg.CodeTooLarge || item.Message.Topic != "org.x" || item.Message.ID != "ID:1" || item.Message.Body != nil {
		t.Errorf("%v, %+v", item.Bad, item.Message)
	}
}
