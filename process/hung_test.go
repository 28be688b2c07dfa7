package process

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// publishDeadline is within what a one-shot publish must return when its node hangs; its own deadline is shorter.
const publishDeadline = 30 * time.Second

// publishCLI runs `fedmsg publish` with a body that carries n.
func publishCLI(node *fedmsgtest.Node, n int) (fedmsgtest.Result, error) {
	return node.Command(nil, "publish", "--topic", topic, "--json-input", "--message", fmt.Sprintf(`{"n":%d}`, n)).Run()
}

// TestHungNode freezes the node: publish returns within its deadline with status 75 and the message in the spool, and the
// next ones queue behind it. When the node goes on, the next publish drains the spool in order before its own message, and
// what the frozen node had received already is not stored twice.
func TestHungNode(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	if r, err := publishCLI(node, 0); err != nil || r.Status != 0 {
		t.Fatalf("publish to a running node: %v %s", err, r)
	}
	if err := node.Pause(); err != nil {
		t.Fatal(err)
	}
	const queued = 3
	for n := 1; n <= queued; n++ {
		r, err := publishCLI(node, n)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != fedmsg.CodeQueued.ExitStatus() || !strings.Contains(r.Stderr, "spool") {
			t.Fatalf("publish %d to a hung node: %s; want status %d and a word of the spool", n, r, fedmsg.CodeQueued.ExitStatus())
		}
		if r.Elapsed > publishDeadline {
			t.Errorf("publish %d to a hung node returned after %s", n, r.Elapsed)
		}
	}
	if err := node.Resume(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := node.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := publishCLI(node, queued+1); err != nil || r.Status != 0 {
		t.Fatalf("publish after the node went on: %v %s", err, r)
	}
	entries := node.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool {
		return !strings.Contains(string(e.Envelope), fmt.Sprintf(`{"n":%d}`, queued+1))
	})
	if len(entries) != queued+2 {
		t.Fatalf("the log holds %d entries, want %d, each once", len(entries), queued+2)
	}
	for n, e := range entries {
		if !strings.Contains(string(e.Envelope), fmt.Sprintf(`{"n":%d}`, n)) {
			t.Errorf("entry %d is %s; the spool was not drained in order", n, e.Envelope)
		}
	}
}

// TestSpoolDrainedByStart spools while there is no node, and starts one: it takes the messages in order.
func TestSpoolDrainedByStart(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{})
	const queued = 5
	for n := range queued {
		r, err := publishCLI(node, n)
		if err != nil || r.Status != fedmsg.CodeQueued.ExitStatus() {
			t.Fatalf("publish without a node: %v %s", err, r)
		}
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	entries := node.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < queued })
	for n, e := range entries {
		if !strings.Contains(string(e.Envelope), fmt.Sprintf(`{"n":%d}`, n)) {
			t.Errorf("entry %d is %s; the spool was not drained in order", n, e.Envelope)
		}
	}
	r, err := node.Command(nil, "publish", "--no-spool", "--topic", topic, "--message", "now").Run()
	if err != nil || r.Status != 0 {
		t.Errorf("publish --no-spool to a running node: %v %s", err, r)
	}
	node.Stop(t)
	r, err = node.Command(nil, "publish", "--no-spool", "--topic", topic, "--message", "never").Run()
	if err != nil || r.Status != fedmsg.CodeUnavailable.ExitStatus() {
		t.Errorf("publish --no-spool without a node: %v %s; want status %d", err, r, fedmsg.CodeUnavailable.ExitStatus())
	}
}
