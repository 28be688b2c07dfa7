package stomp

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
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

// faults is what can be done to a server. Each second end is a kill -9, the first too.
type faults struct {
	broker
	kill bool
}

func must(t *testing.T, err error) {
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
	must(t, f.Stop())
}

// TestActiveMQ runs the suites against a real server, one behind the other, as they end it.
func TestActiveMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	n := 0
	f := &faults{broker: server}
	t.Run("sink", func(t *testing.T) {
		delivertest.Run(t, sinkTarget(f, server.STOMP, func() (to, from string, headers []string) {
			n++
			before := fmt.Sprintf("VirtualTopic.t%d.", n)
			return "/topic/" + before, "/queue/Consumer.c." + before + ">", nil
		}))
	})
	t.Run("source", func(t *testing.T) { receivetest.Run(t, sourceTarget(f, server.STOMP)) })
}

// TestRabbitMQ is the same with the other server. It takes several seconds to start, so that TestThereAndBack is here too.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{STOMP: true})
	n := 0
	f := &faults{broker: server}
	t.Run("there and back", func(t *testing.T) {
		thereAndBack(t, server.STOMP, [][2]string{
			{"/topic/%23", "/topic/{topic}&format=body"}, {"/exchange/amq.topic/%23", "/exchange/amq.topic/{topic}"}, {"/queue/back", "/queue/back&format=body"},
		})
	})
	t.Run("sink", func(t *testing.T) {
		delivertest.Run(t, sinkTarget(f, server.STOMP, func() (to, from string, headers []string) {
			n++
			before := fmt.Sprintf("/exchange/amq.topic/t%d.", n)
			return before, before + "#", []string{"durable=true", "auto-delete=false", fmt.Sprintf("x-queue-name=t%d", n)}
		}))
	})
	t.Run("source", func(t *testing.T) { receivetest.Run(t, sourceTarget(f, server.STOMP)) })
}

func sinkTarget(f *faults, addr string, names func() (to, from string, headers []string)) delivertest.Target {
	return delivertest.Target{
		Features: delivertest.Features{Ordered: true, Batches: true, Lossless: true},
		New: func(t *testing.T) *delivertest.Destination {
			to, from, headers := names()
			c := consume(t, addr, from, headers...)
			proxy := fedmsgtest.StartProxy(t, addr)
			sink, err := NewSink(deliver.Config{
				Name: "conform", To: "stomp://" + proxy.Addr + "/?destination=" + to + "{topic}", Credentials: secret(t, "guest:guest"),
			}, quiet())
			must(t, err)
			var arrived []delivertest.Arrival
			return &delivertest.Destination{
				Sink: sink, InFlight: SinkInFlight,
				Arrived: func(t *testing.T) []delivertest.Arrival {
					for _, m := range c.taken(t)[len(arrived):] {
						arrived = append(arrived, arrival(t, &m, to[strings.LastIndexByte(to, 't'):]))
					}
					return slices.Clip(arrived)
				},
				Stop: f.end, Start: func(t *testing.T) { must(t, f.broker.Start()) }, Cut: func(*testing.T) { proxy.Cut() },
				Pause: func(t *testing.T) { must(t, f.broker.Pause()) }, Resume: func(t *testing.T) { must(t, f.broker.Resume()) },
			}
		},
	}
}

func arrival(t *testing.T, m *taken, before string) delivertest.Arrival {
	t.Helper()
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
	return delivertest.Arrival{ID: envelope.ID, Topic: topic, Envelope: m.Body, Signatures: m.carried(t, carry.HeaderSignatures)}
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

func sourceTarget(f *faults, addr string) receivetest.Target {
	n := 0
	return receivetest.Target{
		Features: receivetest.Features{Ordered: true, Kept: true, Lossless: true},
		New: func(t *testing.T) *receivetest.Origin {
			n++
			queue := fmt.Sprintf("/queue/t%d", n)
			proxy := fedmsgtest.StartProxy(t, addr)
			p := publish(t, addr)
			return &receivetest.Origin{
				InFlight: SourceInFlight,
				Source: func(t *testing.T) receive.Source {
					source, err := NewSource(receive.Config{
						Name: "conform", From: "stomp://" + proxy.Addr + "/?destination=" + queue, Credentials: secret(t, "guest:guest"),
					}, quiet())
					must(t, err)
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
				Stop:       f.end, Start: func(t *testing.T) { must(t, f.broker.Start()) }, Cut: func(*testing.T) { proxy.Cut() },
				Pause: func(t *testing.T) { must(t, f.broker.Pause()) }, Resume: func(t *testing.T) { must(t, f.broker.Resume()) },
			}
		},
	}
}
