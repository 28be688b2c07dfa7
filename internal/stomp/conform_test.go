package stomp

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/deliver/delivertest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/receive/receivetest"
)

// broker is a server that a suite stops and starts.
type broker interface {
	Start() error
	Stop() error
	Kill9()
	Pause() error
	Resume() error
}

// faults gives what can be done to a server and to the connections over a proxy before it. Each second end is a kill -9.
type faults struct {
	broker
	proxy *fedmsgtest.Proxy
	kill  bool
}

func (f *faults) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *faults) end(t *testing.T) {
	t.Helper()
	if f.kill = !f.kill; f.kill {
		f.Kill9()
		return
	}
	f.must(t, f.Stop())
}

// TestSinkOnActiveMQ and the next three run the suites against the real servers.
func TestSinkOnActiveMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	n := 0
	delivertest.Run(t, sinkTarget(server, server.STOMP, func() (to, from string, headers []string) {
		n++
		before := fmt.Sprintf("VirtualTopic.t%d.", n)
		return "/topic/" + before, "/queue/Consumer.c." + before + ">", nil
	}))
}

// TestSinkOnRabbitMQ is the same with the other server.
func TestSinkOnRabbitMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{STOMP: true})
	n := 0
	delivertest.Run(t, sinkTarget(server, server.STOMP, func() (to, from string, headers []string) {
		n++
		before := fmt.Sprintf("/exchange/amq.topic/t%d.", n)
		return before, before + "#", []string{"durable=true", "auto-delete=false", fmt.Sprintf("x-queue-name=t%d", n)}
	}))
}

func sinkTarget(server broker, addr string, names func() (to, from string, headers []string)) delivertest.Target {
	return delivertest.Target{
		Features: delivertest.Features{Ordered: true, Batches: true, Lossless: true},
		New: func(t *testing.T) *delivertest.Destination {
			to, from, headers := names()
			c := consume(t, addr, from, headers...)
			f := &faults{broker: server, proxy: fedmsgtest.StartProxy(t, addr)}
			sink, err := NewSink(deliver.Config{
				Name: "conform", To: "stomp://" + f.proxy.Addr + "/?destination=" + to + "{topic}", Credentials: secret(t, "guest:guest"),
			}, quiet())
			f.must(t, err)
			return &delivertest.Destination{
				Sink: sink, InFlight: SinkInFlight, Arrived: func(t *testing.T) []delivertest.Arrival { return arrivals(t, c, to[strings.LastIndexByte(to, 't'):]) },
				Stop: f.end, Start: func(t *testing.T) { f.must(t, f.broker.Start()) }, Cut: func(*testing.T) { f.proxy.Cut() },
				Pause: func(t *testing.T) { f.must(t, f.broker.Pause()) }, Resume: func(t *testing.T) { f.must(t, f.broker.Resume()) },
			}
		},
	}
}

func arrivals(t *testing.T, c *consumer, before string) []delivertest.Arrival {
	t.Helper()
	var all []delivertest.Arrival
	for _, m := range c.taken(t) {
		var envelope struct {
			ID string `json:"msg_id"`
		}
		if err := json.Unmarshal(m.Body, &envelope); err != nil {
			t.Fatalf("%v: %q", err, m.Body)
		}
		topic := m.topic(before)
		if told := m.Headers[carry.HeaderTopic]; told != "" {
			topic = told
		}
		all = append(all, delivertest.Arrival{ID: envelope.ID, Topic: topic, Envelope: m.Body, Signatures: m.carried(t, carry.HeaderSignatures)})
	}
	return all
}

// secret writes a file of credentials.
func secret(t *testing.T, text string) string {
	t.Helper()
	name := t.TempDir() + "/secret"
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSourceOnActiveMQ is the suite of sources.
func TestSourceOnActiveMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	receivetest.Run(t, sourceTarget(server, server.STOMP))
}

// TestSourceOnRabbitMQ is the same with the other server.
func TestSourceOnRabbitMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{STOMP: true})
	receivetest.Run(t, sourceTarget(server, server.STOMP))
}

func sourceTarget(server broker, addr string) receivetest.Target {
	n := 0
	return receivetest.Target{
		Features: receivetest.Features{Ordered: true, Kept: true, Lossless: true},
		New: func(t *testing.T) *receivetest.Origin {
			n++
			queue := fmt.Sprintf("/queue/t%d", n)
			f := &faults{broker: server, proxy: fedmsgtest.StartProxy(t, addr)}
			p := publish(t, addr)
			return &receivetest.Origin{
				InFlight: SourceInFlight,
				Source: func(t *testing.T) receive.Source {
					source, err := NewSource(receive.Config{
						Name: "conform", From: "stomp://" + f.proxy.Addr + "/?destination=" + queue, Credentials: secret(t, "guest:guest"),
					}, quiet())
					f.must(t, err)
					return source
				},
				Publish: func(t *testing.T, messages ...receivetest.Message) {
					for _, m := range messages {
						headers := map[string]string{"persistent": "true", carry.HeaderTopic: m.Topic}
						spread(headers, carry.HeaderSignatures, m.Signatures)
						p.send(queue, headers, m.Envelope)
					}
				},
				PublishBad: func(*testing.T) { p.send(queue, map[string]string{"persistent": "true"}, []byte("neither\x00nor")) },
				Stop:       f.end, Start: func(t *testing.T) { f.must(t, f.broker.Start()) }, Cut: func(*testing.T) { f.proxy.Cut() },
				Pause: func(t *testing.T) { f.must(t, f.broker.Pause()) }, Resume: func(t *testing.T) { f.must(t, f.broker.Resume()) },
			}
		},
	}
}
