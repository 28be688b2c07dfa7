package process

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestNATSServerDown takes the server away under load. All that was accepted is in its stream once it is back, in order and once;
// until then no publisher notices, and the node's memory stays what it was.
func TestNATSServerDown(t *testing.T) {
	t.Parallel()
	s, _ := natsStream(t, "org.>")
	c := startNATSConsumer(t, s.Addr)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: natsSink(s.Addr, "")})
	load := startSteadyLoad(t, n, 4*time.Millisecond)
	load.awaitMore(t, 200)
	before, err := n.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(outage()); time.Now().Before(end); {
		load.awaitMore(t, 50)
	}
	if st := sinkStatus(t, n, "nats"); st["state"] != "waiting" || st["last_error"] == nil || st["lag"].(float64) < 100 {
		t.Errorf("without its server the sink says of itself %v", st)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	load.end()
	c.wantOnce(t, load.acked)
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
	t.Logf("%d messages over an outage of %s; %d to %d MiB; the slowest publish took %s",
		len(load.acked), outage(), before>>20, after>>20, load.slowest())
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
	for i := range 12 {
		proxy.CutAfter(1000 + 37*i) // some 90 bytes an acknowledgement, behind some 900 of the handshake
		want := proxy.Cuts() + 1
		await(t, "a cut in the middle of an acknowledgement", func() bool { return proxy.Cuts() >= want })
		load.awaitMore(t, 20)
	}
	s.Kill9()
	load.awaitMore(t, 50)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	n.Kill9()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	await(t, "the sink to call that silent", func() bool { return sinkStatus(t, n, "nats")["state"] == "waiting" })
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	load.awaitMore(t, 100)
	load.end()
	c.wantOnce(t, load.acked)
	if st := sinkStatus(t, n, "nats"); st["dead"].(float64) != 0 {
		t.Errorf("entries were given up: %v", st)
	}
	t.Logf("%d messages, %d cuts", len(load.acked), proxy.Cuts())
}
