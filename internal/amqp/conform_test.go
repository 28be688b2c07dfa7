package amqp

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/deliver/delivertest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/receive/receivetest"
)

// try fails the test on an error.
func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSinks holds the promises of sinks in both shapes. The server is stopped in one of them: it takes seconds to come back.
func TestSinks(t *testing.T) {
	for _, format := range []string{"plain", "fedora"} {
		t.Run(format, func(t *testing.T) {
			delivertest.Run(t, delivertest.Target{
				New:      func(t *testing.T) *delivertest.Destination { return destination(t, format) },
				Features: delivertest.Features{Ordered: true, Batches: true, Lossless: true},
			})
		})
	}
}

// destination is an exchange and a queue of its own, with a consumer.
func destination(t *testing.T, format string) *delivertest.Destination {
	fedmsgtest.NeedPika(t)
	r := theServer(t)
	p := fedmsgtest.StartProxy(t, r.Addr)
	name := unique(t)
	try(t, channelOf(t, r.Addr).ExchangeDeclare(name, "topic", true, false, false, false, nil))
	file := filepath.Join(t.TempDir(), "consumed")
	fedmsgtest.StartScript(t, "testdata/consumer.py", r.Addr, "/", name, file, name, "#").Expect("ready")
	to := url.URL{Scheme: "amqp", Host: p.Addr, Path: "/", RawQuery: url.Values{"exchange": {name}, "format": {format}, "heartbeat": {"1s"}}.Encode()}
	sink, err := NewSink(deliver.Config{Name: "it", To: to.String()}, nil)
	try(t, err)
	d := &delivertest.Destination{
		Sink: sink, InFlight: 256,
		Arrived: func(t *testing.T) []delivertest.Arrival { return arrivals(t, file) },
		Cut:     func(*testing.T) { p.Cut() },
		Pause:   func(t *testing.T) { try(t, r.Pause()) },
		Resume:  func(t *testing.T) { try(t, r.Resume()) },
		Poison:  func(e *fedmsg.Entry) { e.Topic = "org." + strings.Repeat("x", 260) },
	}
	if format == "plain" {
		d.Stop = func(t *testing.T) { r.Kill9() }
		d.Start = func(t *testing.T) { try(t, r.Start()) }
	}
	return d
}

// arrivals reads what the consumer wrote down.
func arrivals(t *testing.T, file string) (all []delivertest.Arrival) {
	t.Helper()
	text, err := os.ReadFile(file)
	try(t, err)
	for l := range bytes.Lines(text) {
		var m struct {
			Key                  string
			Envelope, Signatures []byte
		}
		var inside struct {
			ID string `json:"msg_id"`
		}
		if !bytes.HasSuffix(l, []byte("\n")) {
			break // it is being written
		}
		try(t, json.Unmarshal(l, &m))
		try(t, json.Unmarshal(m.Envelope, &inside))
		all = append(all, delivertest.Arrival{ID: inside.ID, Topic: m.Key, Envelope: m.Envelope, Signatures: m.Signatures})
	}
	return all
}

// TestSources holds the promises of sources.
func TestSources(t *testing.T) {
	receivetest.Run(t, receivetest.Target{
		New:      origin,
		Features: receivetest.Features{Ordered: true, Kept: true, Lossless: true},
	})
}

// origin is an exchange and a queue of its own, with a publisher.
func origin(t *testing.T) *receivetest.Origin {
	fedmsgtest.NeedPika(t)
	r := theServer(t)
	p := fedmsgtest.StartProxy(t, r.Addr)
	name := unique(t)
	ch := channelOf(t, r.Addr)
	try(t, ch.ExchangeDeclare(name, "topic", true, false, false, false, nil))
	_, err := ch.QueueDeclare(name, true, false, false, false, nil)
	try(t, err)
	try(t, ch.QueueBind(name, "#", name, false, nil))
	publisher := fedmsgtest.StartScript(t, "testdata/publisher.py", r.Addr, name)
	publish := func(topic, id string, body []byte, headers map[string]string) {
		line, err := json.Marshal(map[string]any{"topic": topic, "id": id, "body": body, "headers": headers})
		try(t, err)
		publisher.Do("%s", line)
		publisher.Expect("published")
	}
	from := url.URL{Scheme: "amqp", Host: p.Addr, Path: "/", RawQuery: url.Values{"exchange": {name}, "queue": {name}, "heartbeat": {"1s"}}.Encode()}
	return &receivetest.Origin{
		Source: func(t *testing.T) receive.Source {
			s, err := NewSource(receive.Config{Name: "it", From: from.String(), Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}, nil)
			try(t, err)
			return s
		},
		InFlight: 256,
		Publish: func(t *testing.T, messages ...receivetest.Message) {
			for _, m := range messages {
				headers := map[string]string{}
				if len(m.Signatures) > 0 {
					headers["fedmsg-signatures"] = string(m.Signatures)
				}
				publish(m.Topic, m.ID, m.Envelope, headers)
			}
		},
		PublishBad: func(t *testing.T) {
			publish("org.example.bad", "x", []byte("no envelope"), map[string]string{"fedmsg-head": "half of one"})
		},
		Stop:   func(t *testing.T) { r.Kill9() },
		Start:  func(t *testing.T) { try(t, r.Start()) },
		Cut:    func(*testing.T) { p.Cut() },
		Pause:  func(t *testing.T) { try(t, r.Pause()) },
		Resume: func(t *testing.T) { try(t, r.Resume()) },
	}
}
