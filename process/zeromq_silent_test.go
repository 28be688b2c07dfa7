package process

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// silentClients opens connections to a TCP socket and says nothing on them, or only the beginning of a greeting.
func silentClients(t *testing.T, uri string, count int) {
	t.Helper()
	for k := range count {
		nc, err := net.Dial("tcp", strings.TrimPrefix(uri, "tcp://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		if k%2 == 1 {
			if _, err := nc.Write([]byte("\xff\x00\x00\x00")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSilentZeroMQClients opens 1,000 connections to each socket of a node that say nothing: what is published, submitted and
// asked then passes within a second, and so do those who come later.
func TestSilentZeroMQClients(t *testing.T) {
	t.Parallel()
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{
		"FEDMSG_ZEROMQ_SUBMIT=tcp://127.0.0.1:0", "FEDMSG_ZEROMQ_RELAY_IN=tcp://127.0.0.1:0", "FEDMSG_ZEROMQ_REPLAY=tcp://127.0.0.1:0", "FEDMSG_ZEROMQ_SEQ_ID=here.host",
	}})
	pub, submit := publishedOn(t, n, "fedmsg2")[0], onlyPlace(t, n, "taking submissions on ")
	relay, replay := onlyPlace(t, n, "taking what old publishers send on "), onlyPlace(t, n, "replaying on ")
	sub, req := startSub(t, n, pub, []string{"org."}), startPeer(t, "REQ", submit, "RCVTIMEO=30000")
	old := startPub(t, n, relay, openTopic)
	before := startPeer(t, "REQ", replay, "RCVTIMEO=30000")
	if got := askSubmit(t, req, openTopic, `{"fedmsg-id":"first"}`, "{}"); got.Result != "success" {
		t.Fatalf("%+v", got)
	}
	var clients sync.WaitGroup
	for _, uri := range []string{pub, submit, relay, replay} {
		clients.Go(func() { silentClients(t, uri, 1000) })
	}
	clients.Wait()

	await(t, "the subscriber's first message", func() bool { return strings.Contains(sub.receive()[2], `"first"`) })
	pass := func(who string, sub, req, old, ask *oldPeer) {
		t.Helper()
		start := time.Now()
		if got := askSubmit(t, req, openTopic, fmt.Sprintf(`{"fedmsg-id":"submitted-%s"}`, who), "{}"); got.Result != "success" {
			t.Errorf("%+v", got)
		}
		old.send(openTopic, fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":"relayed-%s"}`, openTopic, who))
		for _, id := range []string{"submitted-" + who, "relayed-" + who} {
			for got := sub.receive(); !strings.Contains(got[2], id); got = sub.receive() {
				if strings.Contains(got[2], "submitted") || strings.Contains(got[2], "relayed") {
					t.Fatalf("where %s was awaited came %q", id, got)
				}
			}
		}
		if got := ask.ask(`{"seq_id":1}`); len(got) != 1 || !strings.Contains(got[0], `"seq_id":1`) {
			t.Errorf("replayed: %q", got)
		}
		t.Logf("measured: all of it %s: %s", who, time.Since(start).Round(time.Millisecond))
	}
	pass("before", sub, req, old, before)
	pass("behind", startSub(t, n, pub, []string{"org."}), startPeer(t, "REQ", submit, "RCVTIMEO=30000"),
		startPub(t, n, relay, openTopic), startPeer(t, "REQ", replay, "RCVTIMEO=30000"))
	if status, _, err := n.Get(t.Context(), "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("ready: %d %v", status, err)
	}
}

// TestStopWithZeroMQ stops the node by SIGTERM in the middle of submitters, old publishers and subscribers: it ends within its
// deadline with status 0, and what it answered for is there, and was published in order.
func TestStopWithZeroMQ(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{"FEDMSG_ZEROMQ_RELAY_IN=tcp://127.0.0.1:0?verify=insecure-off"}})
	var slowest time.Duration
	for round := range fedmsgtest.Count(3, 20) {
		sub := startSub(t, n, publishedOn(t, n, "fedmsg2")[0], []string{"org."})
		old := startPub(t, n, onlyPlace(t, n, "taking what old publishers send on "), openTopic)
		old.Do("burst 1000000 %s", hexed([]string{openTopic, fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":"burst"}`, openTopic)}))
		var answered []string
		req := startPeer(t, "REQ", submitSocket(n), "RCVTIMEO=30000")
		for k := range 1 + rnd.IntN(50) {
			id := fmt.Sprintf("stop-%d-%d", round, k)
			if got := askSubmit(t, req, openTopic, fmt.Sprintf(`{"fedmsg-id":%q}`, id), "{}"); got.Result != "success" {
				t.Fatalf("%+v", got)
			}
			answered = append(answered, id)
		}
		req.send("FSUBMIT1", openTopic, "", "{}") // is under way
		slowest = max(slowest, n.Stop(t))
		sub.Do("recv %d", len(answered))
		for k := 0; k < len(answered); {
			got := sub.received()
			if strings.Contains(got[2], `"warm"`) || strings.Contains(got[2], `"burst"`) {
				sub.Do("recv 1")
				continue
			}
			if !strings.Contains(got[2], `"`+answered[k]+`"`) {
				t.Fatalf("where %s was awaited came %q", answered[k], got)
			}
			k++
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		for _, id := range answered {
			entryOf(t, n, id)
		}
	}
	t.Logf("measured: slowest stop under load %s", slowest.Round(time.Millisecond)) // behind its deadline its status is not 0
}
