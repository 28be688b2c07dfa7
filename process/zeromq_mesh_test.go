package process

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// oldPublisher is a publisher of the mesh on libzmq, with numbers and a replay server.
type oldPublisher struct {
	*fedmsgtest.Script
	uri, replay string
}

// startPublisher starts one, where it was before if that is given.
func startPublisher(t *testing.T, uris ...string) *oldPublisher {
	t.Helper()
	p := &oldPublisher{Script: fedmsgtest.StartScript(t, "testdata/publisher.py", uris...)}
	p.uri, p.replay, _ = strings.Cut(p.Expect("bound"), " ")
	return p
}

// then has it do something with numbers.
func (p *oldPublisher) then(verb string, first, last int) {
	p.Do("%s %d %d", verb, first, last)
	p.Expect("done")
}

// meshConfig lets the node take what the publisher of the mesh says.
const meshConfig = "[[publisher]]\nzeromq = \"old.host\"\ntopics = [\"org.example.dev.mesh.#\"]\n"

// meshNode starts a node that listens to one publisher, by its address.
func meshNode(t *testing.T, p *oldPublisher) *fedmsgtest.Node {
	t.Helper()
	return fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: meshConfig, Env: []string{"FEDMSG_ZEROMQ_SUBSCRIBE=" + p.uri + "?verify=insecure-off&name=old.host&replay=" + url.QueryEscape(p.replay)},
	})
}

// awaitNumbers waits until the node has the numbers up to last, and holds that it has them once, in order, and without those that
// are missing.
func awaitNumbers(t *testing.T, n *fedmsgtest.Node, last int, missing ...int) {
	t.Helper()
	id := func(k int) string { return fmt.Sprintf("2023-%036d", k) }
	await(t, fmt.Sprintf("message %d", last), func() bool {
		status, _, err := n.Get(t.Context(), "/v1/messages/"+id(last))
		return err == nil && status == 200
	})
	next := 1
	for _, e := range n.ReadAll(t) {
		for slices.Contains(missing, next) {
			next++
		}
		if e.ID != id(next) || e.Sender != "zeromq:old.host" {
			t.Fatalf("entry %s is %s of %s, want number %d", e.Position, e.ID, e.Sender, next)
		}
		next++
	}
	if next <= last {
		t.Fatalf("the last number is %d, want %d", next-1, last)
	}
}

// heardPeers waits until the node is connected to n publishers.
func heardPeers(t *testing.T, n *fedmsgtest.Node, want float64) {
	t.Helper()
	awaitMetric(t, n, "fedmsg_zeromq_peers", `kind="subscribe"`, want)
}

// TestMeshIntoNode has a node listen to an old publisher which loses messages on the way: the node asks the replay server for
// what is missing, keeps the order, and says what nobody can give; a node that was away, stopped or killed, asks for what it
// missed.
func TestMeshIntoNode(t *testing.T) {
	t.Parallel()
	p := startPublisher(t)
	n := meshNode(t, p)
	heardPeers(t, n, 1)
	await(t, "the first message", func() bool { // what is sent before the subscription has arrived there is lost, and asked for
		p.then("send", 1, 1)
		return n.Log(t).Last > 0
	})
	p.then("send", 2, 5)
	awaitNumbers(t, n, 5)
	p.then("lose", 6, 14)
	p.then("send", 15, 20)
	awaitNumbers(t, n, 20)

	n.Stop(t)
	p.then("send", 21, 25)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	awaitNumbers(t, n, 25)
	n.Kill9()
	p.then("send", 26, 30)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	awaitNumbers(t, n, 30)
	heardPeers(t, n, 1)

	p.then("stop", 1, 0) // the replay server
	p.then("lose", 31, 33)
	p.then("send", 34, 35)
	p.then("start", 1, 0)
	p.then("send", 36, 36)
	awaitNumbers(t, n, 36)

	p.then("forget", 37, 39)
	p.then("send", 40, 40)
	awaitNumbers(t, n, 40, 37, 38, 39)
	if lost := metric(t, n, "fedmsg_zeromq_gaps_total", `kind="subscribe"`); lost != 1 {
		t.Errorf("%v gaps are counted, want 1", lost)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if status, health, err := n.Get(ctx, "/healthz"); err != nil || status != 200 || !strings.Contains(string(health), "gap in old.host from 37 to 39") {
		t.Errorf("the health is %d %s %v", status, health, err)
	}
}

// TestMeshByFile has a node listen to whoever stands in an endpoints file, also when that changes, and one that is dead delays
// nobody.
func TestMeshByFile(t *testing.T) {
	t.Parallel()
	one, two := startPublisher(t), startPublisher(t)
	file := filepath.Join(t.TempDir(), "endpoints")
	write := func(lines ...string) {
		temp := file + ".new"
		if err := os.WriteFile(temp, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, file); err != nil {
			t.Fatal(err)
		}
	}
	dead := "dead.host tcp://127.0.0.1:" + fedmsgtest.FreePort()
	write("# publishers", "old.host "+one.uri+" replay="+one.replay, dead)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: meshConfig, Env: []string{"FEDMSG_ZEROMQ_SUBSCRIBE=file://" + file + "?verify=insecure-off"},
	})
	heardPeers(t, n, 1)
	await(t, "the first message", func() bool {
		one.then("send", 1, 1)
		return n.Log(t).Last > 0
	})
	await(t, "the health to name who is dead", func() bool {
		_, health, err := n.Get(t.Context(), "/healthz")
		return err == nil && strings.Contains(string(health), "1 of 2 publishers of file://"+file+" cannot be heard")
	})
	write("old.host "+two.uri+" replay="+two.replay, dead)
	await(t, "the message of the new place", func() bool {
		two.then("send", 2, 2)
		return n.Log(t).Last > 1
	})
	awaitNumbers(t, n, 2)
	if e := entryOf(t, n, fmt.Sprintf("2023-%036d", 2)); e.Sender != (fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: "old.host"}).String() {
		t.Errorf("the sender is %s", e.Sender)
	}
}
