package process

import (
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSTOMPServerDown takes ActiveMQ away under load. All that was accepted arrives once it is back, in order; until then another
// sink and the publisher notice nothing, and the node's memory stays what it was.
func TestSTOMPServerDown(t *testing.T) {
	t.Parallel()
	a := fedmsgtest.StartActiveMQ(t, fedmsgtest.ActiveMQOptions{Persistent: true})
	beside := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: "verify = \"insecure-off\"\n"})
	c := startSTOMPConsumer(t, a.STOMP, "/queue/Consumer.c.VirtualTopic.>")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: stompSink(stompURI(a.STOMP, "destination", "/topic/VirtualTopic.{topic}"),
		fmt.Sprintf("[[sink]]\nname = \"beside\"\nto = \"unix://%s\"\ntopics = [\"#\"]\nstart = \"beginning\"\n", beside.Socket))})
	load := startSteadyLoad(t, n, 4*time.Millisecond)
	load.awaitMore(t, 200)
	before, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(outage()); time.Now().Before(end); {
		had := load.count()
		load.awaitMore(t, 50)
		if err := awaitEntries(beside, uint64(had)); err != nil {
			t.Fatalf("the other sink waits for the one whose server is away: %v", err)
		}
	}
	s := sinkStatus(t, n, "stomp")
	if s["state"] != "waiting" || s["last_error"] == nil || s["lag"].(float64) < 100 {
		t.Errorf("without its server the sink says of itself %v", s)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	after, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if after > before+40<<20 {
		t.Errorf("the node grew from %d to %d MiB", before>>20, after>>20)
	}
	if slow := load.slowest(); slow > 5*time.Second {
		t.Errorf("a publisher waited for %s", slow)
	}
	t.Logf("%d messages over an outage of %s, %d in the consumer's file; %d to %d MiB; the slowest publish took %s",
		len(load.acked), outage(), len(c.all(t)), before>>20, after>>20, load.slowest())
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
	for i := range 12 { // a receipt is 25 bytes or so
		proxy.CutAfter(25*(i+3) + 2*i)
		want := proxy.Cuts() + 1
		await(t, "a cut in the middle of a receipt", func() bool { return proxy.Cuts() >= want })
		load.awaitMore(t, 20)
	}
	a.Kill9()
	load.awaitMore(t, 20)
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if err := a.Restart(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if err := a.Pause(); err != nil {
		t.Fatal(err)
	}
	await(t, "the sink says that it hears nothing", func() bool { return sinkStatus(t, n, "stomp")["state"] == "waiting" })
	if err := a.Resume(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		load.awaitMore(t, 50)
		n.Kill9()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	if s := sinkStatus(t, n, "stomp"); s["dead"].(float64) != 0 {
		t.Errorf("entries were given up: %v", s)
	}
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
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	c := startSTOMPConsumer(t, a.STOMP, "/queue/full")
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	if s := sinkStatus(t, n, "stomp"); s["dead"].(float64) != 0 {
		t.Errorf("entries were given up: %v", s)
	}
	t.Logf("%d messages, %d in the consumer's file", len(load.acked), len(c.all(t)))
}
