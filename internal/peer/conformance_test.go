package peer

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/deliver/delivertest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/receive/receivetest"
)

// other is a real node at the other end, over TCP with somebody between.
type other struct {
	node   *fedmsgtest.Node
	proxy  *fedmsgtest.Proxy
	silent bool
	seen   []delivertest.Arrival // while it cannot be asked
}

// startOther starts a node that looks at no signature, as the suite makes some of its own.
func startOther(t *testing.T) *other {
	t.Helper()
	address := "127.0.0.1:" + fedmsgtest.FreePort() // the same after each start
	return &other{
		node: fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
			Env: []string{"FEDMSG_HTTP_LISTEN=http://" + address, "FEDMSG_VERIFY=insecure-off"},
		}),
		proxy: fedmsgtest.StartProxy(t, address),
	}
}

func (o *other) stop(*testing.T) { o.node.Kill9() }

func (o *other) start(t *testing.T) {
	t.Helper()
	if err := o.node.Start(); err != nil {
		t.Fatal(err)
	}
}

func (o *other) pause(t *testing.T) {
	t.Helper()
	if o.silent = true; o.node.Pause() != nil {
		t.Fatal("the node cannot be paused")
	}
}

func (o *other) resume(t *testing.T) {
	t.Helper()
	if o.silent = false; o.node.Resume() != nil {
		t.Fatal("the node cannot be resumed")
	}
}

// arrived gives what its log has.
func (o *other) arrived(t *testing.T) []delivertest.Arrival {
	t.Helper()
	if !o.silent && o.node.Running() {
		o.seen = nil
		for _, e := range o.node.ReadAll(t) {
			o.seen = append(o.seen, delivertest.Arrival{ID: e.ID, Topic: e.Topic, Envelope: e.Envelope, Signatures: e.Signatures})
		}
	}
	return o.seen
}

func TestSinkConforms(t *testing.T) {
	t.Parallel()
	delivertest.Run(t, delivertest.Target{
		Features: delivertest.Features{Ordered: true, Once: true, Batches: true, Lossless: true, MaxBody: 900 << 10},
		New: func(t *testing.T) *delivertest.Destination {
			o := startOther(t)
			sink, err := NewSink(deliver.Config{Name: "other", To: "http://" + o.proxy.Addr}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return &delivertest.Destination{
				Sink: sink, InFlight: 64, Arrived: o.arrived, Stop: o.stop, Start: o.start, Pause: o.pause, Resume: o.resume,
				Cut: func(*testing.T) { o.proxy.Cut() },
				Poison: func(e *fedmsg.Entry) {
					e.Envelope = fmt.Appendf(nil, `{"msg_id":%q,"msg":{}}`, e.ID)
				},
			}
		},
	})
}

// publish puts messages into its log as entries of a third node, whose signatures are of nobody.
func (o *other) publish(t *testing.T, messages ...receivetest.Message) {
	t.Helper()
	var lines []byte
	for _, m := range messages {
		e := fedmsg.Entry{Position: at(1), ID: m.ID, Topic: m.Topic, Envelope: m.Envelope, Signatures: m.Signatures}
		lines = append(e.AppendJSON(lines), '\n')
	}
	taken := 0
	err := o.node.PublishLines(t.Context(), bytes.NewReader(lines), func(_ int, out fedmsg.Outcome) {
		if out.Err != nil {
			t.Errorf("publishing: %s", out.Err)
		}
		taken++
	})
	if err != nil || taken != len(messages) {
		t.Fatalf("%d of %d messages were published: %v", taken, len(messages), err)
	}
}

func TestSourceConforms(t *testing.T) {
	t.Parallel()
	receivetest.Run(t, receivetest.Target{
		Features: receivetest.Features{Ordered: true, Kept: true, Lossless: true, MaxBody: 900 << 10},
		New: func(t *testing.T) *receivetest.Origin {
			o, dir := startOther(t), t.TempDir()
			return &receivetest.Origin{
				InFlight: 64, Publish: o.publish, Stop: o.stop, Start: o.start, Pause: o.pause, Resume: o.resume,
				Cut: func(*testing.T) { o.proxy.Cut() },
				Source: func(t *testing.T) receive.Source {
					source, err := NewSource(receive.Config{Name: "other", From: "http://" + o.proxy.Addr, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}},
						dir, slog.New(slog.DiscardHandler))
					if err != nil {
						t.Fatal(err)
					}
					return source
				},
			}
		},
	})
}
