package process

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// oldPeer is one ZeroMQ socket of libzmq, in a Python process that has nothing of this project.
type oldPeer struct {
	*fedmsgtest.Script
	t   *testing.T
	uri string // what it is bound or connects to
}

// startPeer starts a socket of the type (PUB, SUB, REQ …) that connects to the URI. The options are NAME=VALUE as setsockopt of
// pyzmq has them.
func startPeer(t *testing.T, kind, uri string, options ...string) *oldPeer {
	t.Helper()
	return runPeer(t, append([]string{kind, "connect", uri}, options...)...)
}

// runPeer starts testdata/peer.py of package zmtp.
func runPeer(t *testing.T, args ...string) *oldPeer {
	t.Helper()
	p := &oldPeer{Script: fedmsgtest.StartScript(t, "../zmtp/testdata/peer.py", args...), t: t}
	p.uri = p.Expect("ready")
	return p
}

// send has it send a message.
func (p *oldPeer) send(frames ...string) { p.t.Helper(); p.Do("send %s", hexed(frames)) }

// receive has it receive one message.
func (p *oldPeer) receive() []string {
	p.t.Helper()
	p.Do("recv 1")
	return p.received()
}

// received gives the next message that it was told to receive.
func (p *oldPeer) received() []string {
	p.t.Helper()
	return unhexed(p.t, p.Expect("got"))
}

// ask sends a request and gives the reply.
func (p *oldPeer) ask(frames ...string) []string {
	p.t.Helper()
	p.send(frames...)
	return p.receive()
}

func hexed(frames []string) string {
	words := make([]string, len(frames))
	for i, f := range frames {
		if words[i] = hex.EncodeToString([]byte(f)); f == "" {
			words[i] = "-"
		}
	}
	return strings.Join(words, " ")
}

func unhexed(t *testing.T, text string) []string {
	t.Helper()
	var frames []string
	for word := range strings.FieldsSeq(text) {
		b, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, string(b))
	}
	return frames
}

// startSub starts a subscriber of the node to topics with these beginnings, and returns when the node knows that it is one.
func startSub(t *testing.T, n *fedmsgtest.Node, uri string, prefixes []string, options ...string) *oldPeer {
	t.Helper()
	before := metric(t, n, "fedmsg_zeromq_subscriptions", "")
	p := startPeer(t, "SUB", uri, options...)
	for _, prefix := range prefixes {
		p.Do("subscribe %s", hexed([]string{prefix}))
		p.Expect("done")
	}
	awaitMetric(t, n, "fedmsg_zeromq_subscriptions", "", before+float64(len(prefixes)))
	return p
}

// startPub starts a publisher that connects to a socket of the node, as to the old relay, and returns when what it says arrives:
// ZeroMQ loses what is published before. Warm says on which topic it is tried.
func startPub(t *testing.T, n *fedmsgtest.Node, uri, warm string, options ...string) *oldPeer {
	t.Helper()
	p := startPeer(t, "PUB", uri, options...)
	p.warmUp(n, "relay_in", warm)
	return p
}

// warmUp publishes on a topic until a message has come to the node by a kind of endpoint, and all that was sent.
func (p *oldPeer) warmUp(n *fedmsgtest.Node, kind, topic string) {
	p.t.Helper()
	labels := fmt.Sprintf("kind=%q", kind)
	before := metric(p.t, n, "fedmsg_zeromq_received_total", labels)
	await(p.t, "a message of the publisher", func() bool {
		p.send(topic, fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":"warm"}`, topic))
		return metric(p.t, n, "fedmsg_zeromq_received_total", labels) > before
	})
}

// metric gives the sum of the node's metric over all rows that have the labels in them.
func metric(t *testing.T, n *fedmsgtest.Node, name, labels string) (sum float64) {
	t.Helper()
	for row, value := range metrics(t, n) {
		if strings.HasPrefix(row, name+"{") && strings.Contains(row, labels) {
			sum += value
		}
	}
	return sum
}

// metrics gives the node's metrics that have labels, by name and labels.
func metrics(t *testing.T, n *fedmsgtest.Node) map[string]float64 {
	t.Helper()
	_, body, err := n.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		row, value, labelled := strings.Cut(strings.TrimSpace(line), "} ")
		if !labelled || strings.HasPrefix(line, "#") {
			continue
		}
		if rows[row+"}"], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// awaitMetric waits until the metric has the value.
func awaitMetric(t *testing.T, n *fedmsgtest.Node, name, labels string, want float64) {
	t.Helper()
	await(t, fmt.Sprintf("%s{%s} = %v", name, labels, want), func() bool { return metric(t, n, name, labels) == want })
}

// await asks again and again until it is so.
func await(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !isSo(); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
