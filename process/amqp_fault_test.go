package process

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// steadyLoad publishes a few hundred messages in a second until it is stopped, and remembers what was accepted.
type steadyLoad struct {
	mu    sync.Mutex
	acked []string // guarded by mu: ids, in order of acceptance
	last  time.Duration
	wait  sync.WaitGroup
	stop  context.CancelFunc
}

// startSteadyLoad starts it. Lines that the node did not take are published again, so that it may be restarted meanwhile.
func startSteadyLoad(t *testing.T, n *fedmsgtest.Node, each time.Duration) *steadyLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &steadyLoad{stop: cancel}
	t.Cleanup(l.end)
	l.wait.Go(func() {
		next := time.NewTicker(each)
		defer next.Stop()
		for i := 0; ctx.Err() == nil; {
			start := time.Now()
			if _, err := n.Publish(context.Background(), submission(fmt.Sprintf("steady-%06d", i), i)); err == nil {
				l.mu.Lock()
				l.acked, l.last = append(l.acked, fmt.Sprintf("steady-%06d", i)), max(l.last, time.Since(start))
				l.mu.Unlock()
				i++
			}
			<-next.C
		}
	})
	return l
}

// end stops it and waits.
func (l *steadyLoad) end() {
	l.stop()
	l.wait.Wait()
}

func (l *steadyLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// slowest is the longest time that a publisher waited.
func (l *steadyLoad) slowest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// awaitMore waits until so many more were accepted.
func (l *steadyLoad) awaitMore(t *testing.T, n int) {
	t.Helper()
	want := l.count() + n
	await(t, fmt.Sprintf("%d accepted messages", want), func() bool { return l.count() >= want })
}

// wantInOrder waits until the consumer has every id, and holds that their first appearances are in that order.
func (c *amqpConsumer) wantInOrder(t *testing.T, ids []string) {
	t.Helper()
	await(t, fmt.Sprintf("%d messages in the consumer's file", len(ids)), func() bool {
		list := c.all(t)
		return slices.ContainsFunc(list, func(m consumed) bool { return m.ID == ids[len(ids)-1] })
	})
	seen := make(map[string]bool)
	var first []string
	for _, m := range c.all(t) {
		if !seen[m.ID] {
			seen[m.ID], first = true, append(first, m.ID)
		}
	}
	if slices.Equal(first, ids) {
		return
	}
	for i, id := range ids {
		if i >= len(first) || first[i] != id {
			t.Fatalf("the consumer has %d messages of %d; number %d is %q, want %q", len(first), len(ids), i, first[min(i, len(first)-1)], id)
		}
	}
	t.Fatalf("the consumer has %d messages, %d were accepted", len(first), len(ids))
}

// sinkStatus reads the status of a sink from the node.
func sinkStatus(t *testing.T, n *fedmsgtest.Node, name string) map[string]any {
	t.Helper()
	_, body, err := n.Get(t.Context(), "/v1/sinks")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Sinks []map[string]any `json:"sinks"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, s := range answer.Sinks {
		if s["name"] == name {
			return s
		}
	}
	t.Fatalf("no sink %s in %s", name, body)
	return nil
}

// amqpSinkConfig is a node with a sink to RabbitMQ and one to a node beside it.
func amqpSinkConfig(to string, extra ...string) string {
	return fmt.Sprintf("[[sink]]\nname = \"rabbit\"\nto = %q\ntopics = [\"#\"]\nstart = \"beginning\"\nretry_max = \"1s\"\n%s", to, strings.Join(extra, "\n"))
}

// outage is how long the server is away.
func outage() time.Duration {
	if fedmsgtest.Long() {
		return 5 * time.Minute
	}
	return 20 * time.Second
}

// TestAMQPServerDown takes the server away under load. All that was accepted arrives once it is back, in order; until then
// another sink and the publisher notice nothing, and the node's memory stays what it was.
func TestAMQPServerDown(t *testing.T) {
	t.Parallel()
	r := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{})
	beside := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: "verify = \"insecure-off\"\n"})
	c := startConsumer(t, r.Addr, "down", "amq.topic", "#")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: amqpSinkConfig(amqpURI(r.Addr), fmt.Sprintf(
		"[[sink]]\nname = \"beside\"\nto = \"unix://%s\"\ntopics = [\"#\"]\nstart = \"beginning\"\n", beside.Socket))})
	load := startSteadyLoad(t, n, 4*time.Millisecond)
	load.awaitMore(t, 200)
	before, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(outage()); time.Now().Before(end); {
		had := load.count()
		load.awaitMore(t, 50)
		if err := awaitEntries(beside, uint64(had)); err != nil {
			t.Fatalf("the other sink waits for the one whose server is away: %v", err)
		}
	}
	s := sinkStatus(t, n, "rabbit")
	if s["state"] != "waiting" || s["last_error"] == nil || s["lag"].(float64) < 100 {
		t.Errorf("without its server the sink says of itself %v", s)
	}
	if err := r.Start(); err != nil {
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

// TestAMQPFaults kills the server, restarts it, has it refuse everything by its memory alarm, over a restart of the node, and
// breaks connections in the middle of confirms. All that was accepted arrives, in order.
func TestAMQPFaults(t *testing.T) {
	t.Parallel()
	r := fedmsgtest.StartRabbitMQ(t, fedmsgtest.RabbitMQOptions{})
	proxy := fedmsgtest.StartProxy(t, r.Addr)
	c := startConsumer(t, r.Addr, "faults", "amq.topic", "#")
	keepQueue(t, r.Addr, "kept") // nobody takes from it: what it has at the end was on the server's disk when it was killed
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: amqpSinkConfig(amqpURI(proxy.Addr))})
	load := startSteadyLoad(t, n, 3*time.Millisecond)
	load.awaitMore(t, 100)
	for i := range 8 { // an ack is 21 bytes
		proxy.CutAfter(21*(i+3) + 2*i)
		want := proxy.Cuts() + 1
		await(t, "a cut in the middle of a confirm", func() bool { return proxy.Cuts() >= want })
		load.awaitMore(t, 20)
	}
	r.Kill9()
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	refuse(t, r, n, load)
	load.awaitMore(t, 100)
	load.end()
	c.wantInOrder(t, load.acked)
	startConsumer(t, r.Addr, "kept", "amq.topic", "#").wantInOrder(t, load.acked)
	s := sinkStatus(t, n, "rabbit")
	if s["dead"].(float64) != 0 {
		t.Errorf("entries were given up: %v", s)
	}
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
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if _, err := r.Ctl("set_vm_memory_high_watermark", "0.4"); err != nil {
		t.Fatal(err)
	}
}
