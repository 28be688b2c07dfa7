package process

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSTOMPServerDown takes ActiveMQ away under load.
func TestSTOMPServerDown(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	c := startSTOMPConsumer(t, a.STOMP, "/queue/Consumer.c.VirtualTopic.>")
	holdServerDown(t, a, "stomp", stompSink(stompURI(a.STOMP, "destination", "/topic/VirtualTopic.{topic}"), ""), c.wantInOrder)
}

// TestSTOMPFaults breaks connections in the middle of receipts, kills ActiveMQ, restarts it, freezes it, and kills the node. All
// that was accepted arrives, in order.
func TestSTOMPFaults(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	proxy := fedmsgtest.StartProxy(t, a.STOMP)
	c := startSTOMPConsumer(t, a.STOMP, "/queue/Consumer.c.VirtualTopic.>")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: stompSink(stompURI(proxy.Addr, "destination", "/topic/VirtualTopic.{topic}", "heartbeat", "500ms"), ""),
	})
	load := startSteadyLoad(t, n, 3*time.Millisecond)
	load.awaitMore(t, 100)
	load.throughCuts(t, proxy, 12, func(i int) int { return 25*(i+3) + 2*i }) // a receipt is 25 bytes or so
	a.Kill9()
	load.awaitMore(t, 20)
	load.through(t, a.Start, a.Restart)
	freeze(t, a, n, "stomp")
	load.awaitMore(t, 50)
	for range 3 {
		n.Kill9()
		load.through(t, n.Start)
	}
	load.end()
	c.wantInOrder(t, load.acked)
	holdNoDead(t, n, "sinks", "stomp")
	t.Logf("%d messages, %d in the consumer's file, %d cuts", len(load.acked), len(c.all(t)), proxy.Cuts())
}

// fullQueues has a server that keeps little of a queue in memory, less than a transaction has, and nothing on disk, and lets who sends
// more wait.
const fullQueues = `<destinationPolicy><policyMap><policyEntries><policyEntry queue=">" producerFlowControl="true" memoryLimit="100kb">
<pendingQueuePolicy><vmQueueCursor/></pendingQueuePolicy></policyEntry></policyEntries></policyMap></destinationPolicy>`

// TestSTOMPServerFull has a server whose memory is full take nothing for longer than the sink waits for answers, and over a restart of
// the node. When somebody takes from it, all that was accepted arrives, in order, and nothing was given up.
func TestSTOMPServerFull(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Elements: []string{fullQueues}})
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: stompSink(stompURI(a.STOMP, "destination", "/queue/full", "heartbeat", "300ms"), "answer_timeout = \"1s\"\n")})
	load := startSteadyLoad(t, n, 2*time.Millisecond)
	await(t, "the sink waits for the server", func() bool { return sinkStatus(t, n, "stomp")["lag"].(float64) > 250 })
	await(t, "the sink connects again after silence", func() bool { return sinkStatus(t, n, "stomp")["retried"].(float64) > 0 })
	if took := n.Stop(t); took > 10*time.Second {
		t.Errorf("a node whose server takes nothing stops within %s", took)
	}
	load.through(t, n.Start)
	c := startSTOMPConsumer(t, a.STOMP, "/queue/full")
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	holdNoDead(t, n, "sinks", "stomp")
	t.Logf("%d messages, %d in the consumer's file", len(load.acked), len(c.all(t)))
}
