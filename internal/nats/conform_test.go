package nats

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/carry"
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

// TestSinks holds the promises of sinks, for core NATS and JetStream, in both forms.
func TestSinks(t *testing.T) {
	for _, kind := range []string{"core", "stream"} {
		for _, format := range []string{"envelope", "body"} {
			t.Run(kind+" "+format, func(t *testing.T) {
				t.Parallel()
				delivertest.Run(t, delivertest.Target{
					New:      func(t *testing.T) *delivertest.Destination { return destination(t, kind, format) },
					Features: delivertest.Features{Ordered: true, Batches: true, Lossless: true, Once: kind == "stream"},
				})
			})
		}
	}
}

// destination starts a server with a consumer.
func destination(t *testing.T, kind, format string) *delivertest.Destination {
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	p := fedmsgtest.StartProxy(t, s.Addr)
	to, name := "nats://"+p.Addr+"?format="+format, ">"
	if kind == "stream" {
		_, js := admin(t, s.Addr)
		makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
		to, name = to+"&jetstream=yes&stream=all", "all"
	}
	sink, err := NewSink(deliver.Config{Name: "it", To: to}, nil)
	try(t, err)
	c := consume(t, s.Addr, kind, name)
	d := &delivertest.Destination{
		Sink: sink, InFlight: SinkInFlight,
		Arrived: func(t *testing.T) []delivertest.Arrival { return arrivals(t, c) },
		Cut:     func(*testing.T) { p.Cut() },
		Pause:   func(t *testing.T) { try(t, s.Pause()) },
		Resume:  func(t *testing.T) { try(t, s.Resume()) },
		Poison:  func(e *fedmsg.Entry) { e.Topic = "org.>" },
	}
	if kind == "stream" { // core NATS keeps nothing for a consumer that is not there
		d.Stop = func(t *testing.T) { try(t, s.Stop()) }
		d.Start = func(t *testing.T) { try(t, s.Start()) }
	}
	return d
}

// arrivals reads what the consumer wrote down.
func arrivals(t *testing.T, c *consumer) []delivertest.Arrival {
	t.Helper()
	var all []delivertest.Arrival
	for _, m := range c.taken(t) {
		a := delivertest.Arrival{ID: m.header("Nats-Msg-Id"), Topic: m.Subject, Envelope: m.Body, Signatures: m.carried(t, carry.HeaderSignatures)}
		if head := m.carried(t, carry.HeaderHead); head != nil {
			a.Envelope = []byte(string(head) + string(m.Body) + string(m.carried(t, carry.HeaderTail)))
		}
		all = append(all, a)
	}
	return all
}

// carried reads a header that may be in base64.
func (m *taken) carried(t *testing.T, name string) []byte {
	t.Helper()
	text := m.header(name)
	if text == "" {
		return nil
	}
	coded, ok := strings.CutPrefix(text, "base64:")
	if !ok {
		return []byte(text)
	}
	data, err := base64.StdEncoding.DecodeString(coded)
	try(t, err)
	return data
}

// TestSources holds the promises of sources, for core NATS and JetStream.
func TestSources(t *testing.T) {
	for _, kind := range []string{"core", "stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			receivetest.Run(t, receivetest.Target{
				New:      func(t *testing.T) *receivetest.Origin { return origin(t, kind) },
				Features: receivetest.Features{Ordered: true, Kept: kind == "stream", Lossless: true},
			})
		})
	}
}

// origin starts a server with a publisher.
func origin(t *testing.T, kind string) *receivetest.Origin {
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	p := fedmsgtest.StartProxy(t, s.Addr)
	from := "nats://" + p.Addr + "?subject=org.>"
	if kind == "stream" {
		_, js := admin(t, s.Addr)
		makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
		from += "&jetstream=yes&stream=all"
	}
	publisher := publish(t, s.Addr, kind)
	o := &receivetest.Origin{
		Source: func(t *testing.T) receive.Source {
			source, err := NewSource(receive.Config{Name: "it", From: from}, nil)
			try(t, err)
			return source
		},
		InFlight: 256,
		Publish: func(t *testing.T, messages ...receivetest.Message) {
			for _, m := range messages {
				var headers [][2]string
				if len(m.Signatures) > 0 {
					text := "base64:" + base64.StdEncoding.EncodeToString(m.Signatures)
					if json.Valid(m.Signatures) && !strings.ContainsFunc(string(m.Signatures), func(r rune) bool { return r < ' ' || r > '~' }) {
						text = string(m.Signatures)
					}
					headers = append(headers, [2]string{carry.HeaderSignatures, text})
				}
				publisher.send(t, m.Topic, m.Envelope, headers...)
			}
		},
		PublishBad: func(t *testing.T) {
			publisher.send(t, "org.example.bad", []byte("no envelope"), [2]string{carry.HeaderHead, "half of one"})
		},
		Cut:    func(*testing.T) { p.Cut() },
		Pause:  func(t *testing.T) { try(t, s.Pause()) },
		Resume: func(t *testing.T) { try(t, s.Resume()) },
	}
	if kind == "stream" {
		o.Stop = func(t *testing.T) { s.Kill9() }
		o.Start = func(t *testing.T) { try(t, s.Start()) }
	}
	return o
}
