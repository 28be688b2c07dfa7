package process

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestAMQPServerDown takes RabbitMQ away under load.
func TestAMQPServerDown(t *testing.T) {
	t.Parallel()
	r := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{})
	c := startConsumer(t, r.Addr, "down", "amq.topic", "#")
	holdServerDown(t, r, "rabbit", amqpSink(amqpURI(r.Addr), ""), c.wantInOrder)
}

// TestAMQPFaults kills the server, restarts it, has it refuse everything by its memory alarm, over a restart of the node, and
// breaks connections in the middle of confirms. All that was accepted arrives, in order.
func TestAMQPFaults(t *testing.T) {
	t.Parallel()
	r := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{})
	proxy := fedmsgtest.StartProxy(t, r.Addr)
	c := startConsumer(t, r.Addr, "faults", "amq.topic", "#")
	keepQueue(t, r.Addr, "kept") // nobody takes from it: what it has at the end was on the server's disk when it was killed
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: amqpSink(amqpURI(proxy.Addr), "")})
	load := startSteadyLoad(t, n, 3*time.Millisecond)
	load.awaitMore(t, 100)
	load.throughCuts(t, proxy, 8, func(i int) int { return 21*(i+3) + 2*i }) // an ack is 21 bytes
	r.Kill9()
	load.through(t, r.Start, r.Restart)
	refuse(t, r, n, load)
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	startConsumer(t, r.Addr, "kept", "amq.topic", "#").wantInOrder(t, load.acked)
	holdNoDead(t, n, "sinks", "rabbit")
	t.Logf("%d messages, %d in the consumer's file, %d cuts", len(load.acked), len(c.all(t)), proxy.Cuts())
}

// keepQueue makes a durable queue for all topics.
func keepQueue(t *testing.T, addr, name string) {
	t.Helper()
	ch := amqpChannel(t, addr)
	if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(name, "#", "amq.topic", false, nil); err != nil {
		t.Fatal(err)
	}
}

// refuse has the server take nothing for a while, in which the node is restarted.
func refuse(t *testing.T, r *fedmsgtest.RabbitMQ, n *fedmsgtest.Node, load *steadyLoad) {
	t.Helper()
	if _, err := r.Ctl("set_vm_memory_high_watermark", "absolute", "1MB"); err != nil {
		t.Fatal(err)
	}
	await(t, "the sink to wait for the server", func() bool { return sinkStatus(t, n, "rabbit")["lag"].(float64) > 400 })
	if !strings.Contains(n.Logs(), "takes nothing for now") {
		t.Error("the node's log does not say that the server takes nothing")
	}
	if took := n.Stop(t); took > 10*time.Second {
		t.Errorf("a node whose server takes nothing stops within %s", took)
	}
	load.through(t, n.Start)
	if _, err := r.Ctl("set_vm_memory_high_watermark", "0.4"); err != nil {
		t.Fatal(err)
	}
}
