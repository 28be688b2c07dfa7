package amqp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const uuid = "1f4a0bd5-3f4f-4ac5-8d12-2d6a3c1bd4a1"

// delivered is how a message comes back that was published.
func delivered(p publishing) *amqp.Delivery {
	m := p.message
	headers := maps.Clone(m.Headers)
	headers["x-death"] = []any{amqp.Table{"count": int64(1)}} // what a server may have added
	headers["x-first-death-queue"] = "q"
	return &amqp.Delivery{
		Headers: headers, RoutingKey: p.key, MessageId: m.MessageId, Timestamp: m.Timestamp, Priority: m.Priority, Body: m.Body,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding,
	}
}

// TestFedoraShape holds each property and header that the library looks at.
func TestFedoraShape(t *testing.T) {
	t.Parallel()
	s := &server{fedora: true}
	e := entryOf(1, "org.example.prod.bodhi.update.comment", "2023-"+uuid,
		`{"fedora_messaging_rpm_bash": "true", "fedora_messaging_schema": "bodhi.update.comment.v1", "fedora_messaging_severity": "30", "fedora_messaging_user_true": "no", "mine": "true", "priority": "4"}`,
		`{"a":  1}`)
	p, err := s.publishing(e, defaultFrame)
	if err != nil {
		t.Fatal(err)
	}
	m := p.message
	want := amqp.Table{
		"fedora_messaging_rpm_bash": true, "fedora_messaging_schema": "bodhi.update.comment.v1", "fedora_messaging_severity": int32(30),
		"fedora_messaging_user_true": "no", "mine": "true", "priority": int32(4), "sent-at": "2023-11-14T22:13:20+00:00",
	}
	for name, value := range want {
		if m.Headers[name] != value {
			t.Errorf("header %s is %#v, want %#v", name, m.Headers[name], value)
		}
	}
	got := fmt.Sprint(p.key, m.MessageId, m.ContentType, m.ContentEncoding, m.DeliveryMode, m.Priority, string(m.Body), p.remark)
	if want := fmt.Sprint(e.Topic, uuid, "application/json", "utf-8", 2, 4, `{"a":  1}`, ""); got != want {
		t.Errorf("the properties are %s, want %s", got, want)
	}
	p, err = s.publishing(entryOf(1, "org.example.dev.x", "some-id", "{}", "{}"), defaultFrame)
	if err != nil {
		t.Fatal(err)
	}
	m = p.message
	if m.MessageId != "some-id" || m.Headers[headerSchema] != "base.message" || m.Headers[headerSeverity] != int32(20) || m.Priority != 0 {
		t.Errorf("without headers it is %q, %v", m.MessageId, m.Headers)
	}
}

// TestCommands sends a server headers of a publisher that mean something to it: they stay inside, and the entry is delivered.
func TestCommands(t *testing.T) {
	t.Parallel()
	r := theServer(t)
	made, err := NewSink(deliver.Config{Name: "it", To: address("amqp", r.Addr, "", "format", "fedora")}, nil)
	try(t, err)
	h := &heard{}
	s, err := made.(*Sink).open(t.Context(), h)
	try(t, err)
	e := entryOf(1, "org.example.dev.x", "x", `{"CC": "a", "bcc": "b", "BCC": "c", "x-delay": "d", "X-match": "e", "mine": "f"}`, "{}")
	p, err := s.sink.publishing(e, defaultFrame)
	try(t, err)
	for name := range p.message.Headers {
		if isCommand(name) || name == "x-delay" {
			t.Errorf("the header %s goes to the server", name)
		}
	}
	if p.message.Headers["mine"] != "f" || !bytes.Equal(s.sink.item(delivered(p)).Message.Envelope, e.Envelope) {
		t.Errorf("the headers are %v, the entry does not come back", p.message.Headers)
	}
	try(t, s.Send(t.Context(), e))
	try(t, s.Flush(t.Context()))
	await(t, "an answer", func() bool { return h.String() != "" })
	try(t, s.Close())
	if !strings.HasPrefix(h.String(), "through 1") {
		t.Errorf("it tells %q", h)
	}
}

// TestLossless has entries come back to the byte in both shapes, with what servers add on the way.
func TestLossless(t *testing.T) {
	t.Parallel()
	for _, s := range []*server{{}, {fedora: true}, {fedora: true, prefix: "org."}, {prefix: "org.example.dev."}} {
		for _, headers := range []string{"{}", `{"fedora_messaging_severity": "10", "x": "é"}`} {
			e := entryOf(7, "org.example.dev.x", "2023-"+uuid, headers, "{\"b\": \"\u00e9\",\"a\":[1, 2]}")
			e.Signatures = json.RawMessage(`[{"keyid":"x","sig":"eA=="}]`)
			p, err := s.publishing(e, defaultFrame)
			if err != nil {
				t.Fatal(err)
			}
			item := s.item(delivered(p))
			if item.Bad != nil {
				t.Fatalf("%+v: %v", s, item.Bad)
			}
			m := item.Message
			if !bytes.Equal(m.Envelope, e.Envelope) || string(m.Signatures) != string(e.Signatures) || m.Origin != e.Position || m.Topic != e.Topic {
				t.Errorf("%+v: it came back as %+v", s, m)
			}
		}
	}
}

// TestForeign takes what a program made that knows nothing of fedmsg, and gives it back as it was.
func TestForeign(t *testing.T) {
	t.Parallel()
	s := &server{fedora: true}
	headers := amqp.Table{
		"fedora_messaging_schema": "koji.tag.v1", "fedora_messaging_severity": int32(20), "sent-at": "2019-12-31T23:12:22-05:00",
		"fedora_messaging_rpm_bash": true, "priority": int64(3),
	}
	d := &amqp.Delivery{Headers: headers, RoutingKey: "org.example.prod.buildsys.tag", MessageId: uuid, Body: []byte(`{"x":1}`), Priority: 3}
	m := s.item(d).Message
	if m.Envelope != nil || m.Topic != d.RoutingKey || string(m.Body) != `{"x":1}` {
		t.Fatalf("it came as %+v", m)
	}
	if m.ID != "2020-"+uuid { // the year in UTC
		t.Errorf("the id is %s", m.ID)
	}
	again := s.item(delivered(publishing{key: d.RoutingKey, message: amqp.Publishing{
		Headers: headers, MessageId: d.MessageId, Priority: d.Priority, Body: d.Body,
	}})).Message
	if again.ID != m.ID || string(again.Headers) != string(m.Headers) {
		t.Errorf("the second time it is %s %s, the first %s %s", again.ID, again.Headers, m.ID, m.Headers)
	}
	e := entryOf(1, m.Topic, m.ID, string(m.Headers), string(m.Body))
	p, err := s.publishing(e, defaultFrame)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range headers {
		if fmt.Sprint(p.message.Headers[name]) != fmt.Sprint(want) {
			t.Errorf("header %s comes out as %#v, want %#v", name, p.message.Headers[name], want)
		}
	}
	if p.message.MessageId != uuid || p.message.Priority != 3 {
		t.Errorf("it comes out with the id %s and priority %d", p.message.MessageId, p.message.Priority)
	}
	plain := s.item(&amqp.Delivery{RoutingKey: "a.b", MessageId: "42", Body: []byte("{}"), UserId: "ralph"}).Message
	if plain.ID != "42" || plain.Username != "ralph" {
		t.Errorf("the id 42 became %q, the user ralph %q", plain.ID, plain.Username)
	}
	timeless := s.item(&amqp.Delivery{RoutingKey: "a.b", MessageId: uuid, Body: []byte("{}")}).Message
	if len(timeless.ID) != len("2023-"+uuid) {
		t.Errorf("without a time the id is %q", timeless.ID)
	}
}

// TestManyIndexes has a message about hundreds of packages fit into an envelope and come out again.
func TestManyIndexes(t *testing.T) {
	t.Parallel()
	s := &server{fedora: true}
	headers := amqp.Table{headerSchema: "koji.tag.v1", headerSeverity: int32(20), "sent-at": "2019-07-30T19:12:22+00:00"}
	for i := range 400 {
		headers[fmt.Sprintf("fedora_messaging_rpm_package-of-some-length-%d", i)] = true
		headers[fmt.Sprintf("fedora_messaging_user_user_%d", i)] = true
	}
	headers["fedora_messaging_group_two words"] = true
	m := s.item(&amqp.Delivery{Headers: headers, RoutingKey: "a.b", MessageId: uuid, Body: []byte("{}")}).Message
	var kept map[string]string
	if err := json.Unmarshal(m.Headers, &kept); err != nil {
		t.Fatal(err)
	}
	limits := fedmsg.DefaultLimits()
	if len(kept) > limits.Headers {
		t.Errorf("there are %d headers, %d are allowed", len(kept), limits.Headers)
	}
	for name, value := range kept {
		if len(name)+len(value) > limits.HeaderBytes {
			t.Errorf("header %s has %d bytes", name, len(value))
		}
	}
	p, err := s.publishing(entryOf(1, "a.b", m.ID, string(m.Headers), "{}"), defaultFrame)
	if err != nil {
		t.Fatal(err)
	}
	for name := range p.message.Headers {
		if strings.HasPrefix(name, ownHeader) {
			delete(p.message.Headers, name)
		}
	}
	if fmt.Sprint(p.message.Headers) != fmt.Sprint(headers) {
		t.Errorf("out came %v", p.message.Headers)
	}
}

// TestRoom holds that the headers fit into their frame, and that what does not is told of.
func TestRoom(t *testing.T) {
	t.Parallel()
	text := func(n int) string {
		var list []string
		for i := range n / 1000 {
			list = append(list, fmt.Sprintf(`"name-%d": %q`, i, strings.Repeat("x", 1000)))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	for _, s := range []*server{{}, {fedora: true}} {
		for _, size := range []int{1000, 20_000, 30_000, 60_000, 70_000, 130_000, 300_000} {
			e := entryOf(1, "org.example.dev.x", "2023-"+uuid, text(size), `{"a":1}`)
			e.Signatures = json.RawMessage(`["` + strings.Repeat("s", size/4) + `"]`)
			p, err := s.publishing(e, defaultFrame)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for name, value := range p.message.Headers {
				total += len(name) + len(fmt.Sprint(value)) + 6
			}
			if total+600 > defaultFrame {
				t.Errorf("fedora %v, %d bytes of headers in the envelope: %d bytes in the frame", s.fedora, size, total)
			}
			whole := s.item(delivered(p)).Message.Envelope != nil && bytes.Equal(s.item(delivered(p)).Message.Envelope, e.Envelope)
			if s.fedora && whole != (p.remark == "") && size < 50_000 {
				t.Errorf("%d bytes: whole is %v and the remark %q", size, whole, p.remark)
			}
			if size <= 20_000 && (!whole || p.remark != "") || s.fedora && size >= 130_000 && p.remark == "" {
				t.Errorf("fedora %v, %d bytes: whole is %v and the remark %q", s.fedora, size, whole, p.remark)
			}
		}
	}
}

// TestRefusedTopics are the entry's own fault.
func TestRefusedTopics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prefix, topic string }{{"org.", "com.example.x"}, {"org.x", "org.x"}, {"", strings.Repeat("x", 256)}} {
		if _, err := (&server{prefix: c.prefix}).publishing(entryOf(1, c.topic, "x", "{}", "{}"), defaultFrame); fedmsg.CodeOf(err) != fedmsg.CodeBadTopic {
			t.Errorf("prefix %q, topic %.40q: %v", c.prefix, c.topic, err)
		}
	}
}
