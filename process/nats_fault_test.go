package process

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestNATSServerDown takes nats-server away under load. Each message is in its stream once.
func TestNATSServerDown(t *testing.T) {
	t.Parallel()
	s, _ := natsStream(t, "org.>")
	c := startNATSConsumer(t, s.Addr)
	holdServerDown(t, s, "nats", natsSink(s.Addr, ""), c.wantOnce)
}

// TestNATSFaults breaks connections in the middle of acknowledgements, kills, restarts and freezes the server, and kills the node.
// All that was accepted is in the stream, in order and once.
func TestNATSFaults(t *testing.T) {
	t.Parallel()
	s, _ := natsStream(t, "org.>")
	proxy := fedmsgtest.StartProxy(t, s.Addr)
	c := startNATSConsumer(t, s.Addr)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: natsSink(proxy.Addr, "") + "answer_timeout = \"2s\"\n"})
	load := startSteadyLoad(t, n, 3*time.Millisecond)
	load.awaitMore(t, 100)
	load.throughCuts(t, proxy, 12, func(i int) int { return 1000 + 37*i }) // some 90 bytes an acknowledgement, behind 900 of the handshake
	s.Kill9()
	load.awaitMore(t, 50)
	load.through(t, s.Start)
	n.Kill9()
	load.through(t, n.Start, s.Restart)
	freeze(t, s, n, "nats")
	load.awaitMore(t, 100)
	load.end()
	c.wantOnce(t, load.acked)
	holdNoDead(t, n, "sinks", "nats")
	t.Logf("%d messages, %d cuts", len(load.acked), proxy.Cuts())
}
