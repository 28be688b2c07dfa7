package daemon

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestBusPlaceTaken holds that a node whose ZeroMQ socket somebody else has does not start, names the key and the cure, and leaves
// nothing open.
func TestBusPlaceTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := setup(t)
	c.ZeroMQ.RelayIn = []string{"tcp://" + taken.Addr().String()}
	n, err := New(c, Options{Getenv: env()})
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), "zeromq.relay_in") || !strings.Contains(err.Error(), "set another zeromq.relay_in") {
		t.Errorf("%v %v", n, err)
	}
	if _, err := os.Stat(strings.TrimPrefix(c.ZeroMQ.Submit[0], "ipc://")); err == nil {
		t.Error("the socket for submissions is still there")
	}
	c.ZeroMQ.RelayIn = nil
	r := start(t, c, Options{})
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(strings.TrimPrefix(c.ZeroMQ.Submit[0], "ipc://")); err == nil {
		t.Error("the socket for submissions is still there when the node has stopped")
	}
}

// TestBusIsTold holds that the operator is told what the node does over ZeroMQ, and what its doors there ask of signatures.
func TestBusIsTold(t *testing.T) {
	t.Parallel()
	c := setup(t)
	c.ZeroMQ.Publish = []string{"tcp://127.0.0.1:0", "tcp://127.0.0.1:0?format=fedmsg1"}
	c.ZeroMQ.RelayIn = []string{"tcp://127.0.0.1:0?verify=insecure-off"}
	c.ZeroMQ.Subscribe = []string{"file:///nowhere/endpoints?verify=if-signed"}
	n, err := New(c, Options{Getenv: env()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	}()
	said := strings.Join(n.Bus(), "\n")
	for _, want := range []string{
		"publishing on tcp://127.0.0.1:", " as fedmsg2\n", " as fedmsg1\n", "taking submissions on " + c.ZeroMQ.Submit[0] + "\n",
		"taking what old publishers send on tcp://127.0.0.1:", "subscribed to file:///nowhere/endpoints",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nobody is told %q:\n%s", want, said)
		}
	}
	ways := map[string]fedmsg.VerifyMode{}
	for _, e := range n.endpoints() {
		ways[e.Name] = e.Verify
	}
	if ways["file:///nowhere/endpoints"] != fedmsg.VerifyIfSigned || len(ways) != 5 {
		t.Errorf("the doors are %v", ways)
	}
	insecure := insecureChecks(c.Insecure())()
	if len(insecure) != 1 || insecure[0].Status != ops.Warning || !strings.Contains(insecure[0].Text, "zeromq.relay_in tcp://127.0.0.1:0 verify=insecure-off") {
		t.Errorf("the health says %v", insecure)
	}
}
