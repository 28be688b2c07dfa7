package process

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// oldPeer is one ZeroMQ socket of libzmq, in a Python process that has nothing of this project.
type oldPeer struct {
	t   *testing.T
	uri string // what it is bound or connects to
	in  io.WriteCloser
	out *bufio.Scanner
}

// python is the interpreter that has the system's packages, libzmq's among them.
func python(t *testing.T) string {
	t.Helper()
	const name = "/usr/bin/python3"
	if exec.Command(name, "-c", "import zmq").Run() != nil {
		fedmsgtest.Missing(t, "the package python3-zmq")
	}
	return name
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
	cmd := exec.Command(python(t), append([]string{"../zmtp/testdata/peer.py"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var diag bytes.Buffer
	cmd.Stderr = &diag
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		guard.Stop()
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() && diag.Len() > 0 {
			t.Logf("%v: %s", args, diag.String())
		}
	})
	p := &oldPeer{t: t, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, 64<<20)
	p.uri = p.expect("ready")
	return p
}

// do has it carry a line out.
func (p *oldPeer) do(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads a line that begins with the word, and gives the rest.
func (p *oldPeer) expect(word string) string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("the peer ended where %q was awaited: %v", word, p.out.Err())
	}
	got, rest, _ := strings.Cut(p.out.Text(), " ")
	if got != word {
		p.t.Fatalf("the peer said %q where %q was awaited", p.out.Text(), word)
	}
	return rest
}

// send has it send a message.
func (p *oldPeer) send(frames ...string) { p.t.Helper(); p.do("send %s", hexed(frames)) }

// receive has it receive one message.
func (p *oldPeer) receive() []string {
	p.t.Helper()
	p.do("recv 1")
	return p.received()
}

// received gives the next message that it was told to receive.
func (p *oldPeer) received() []string {
	p.t.Helper()
	return unhexed(p.t, p.expect("got"))
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
		p.do("subscribe %s", hexed([]string{prefix}))
		p.expect("done")
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
