package process

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestSpoolOfSecondNode has a message wait for the usual node of a user while another node of the user runs: that leaves it alone, and has
// a spool of its own, for itself and for commands with its configuration.
func TestSpoolOfSecondNode(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := []string{"XDG_STATE_HOME=" + home, "STATE_DIRECTORY=" + filepath.Join(home, "fedmsg")} // whoever runs the test
	usual := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: filepath.Join(home, "fedmsg"), Env: env})
	usual.Stop(t)
	second := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{Env: env})
	precious := usual.Command(nil, "publish", "--topic", topic, "--message", "precious")
	precious.Env = append(precious.Env, "FEDMSG_SPOOL_DIRECTORY="+filepath.Join(home, "fedmsg", "spool"))
	if r, err := precious.Run(); err != nil || r.Status != fedmsg.CodeQueued.ExitStatus() {
		t.Fatalf("publish without a node: %v %s", err, r)
	}
	// Not Command, which sets the spool.
	tried := exec.CommandContext(t.Context(), fedmsgtest.Binary(t), "publish", "--topic", topic, "--message", "tried out")
	tried.Env = append(env, "FEDMSG_STATE="+second.State, "FEDMSG_NODE=unix://"+second.Socket)
	if out, err := tried.CombinedOutput(); tried.ProcessState.ExitCode() != fedmsg.CodeQueued.ExitStatus() {
		t.Fatalf("publish without a node: %v %s", err, out)
	}
	for _, take := range []struct {
		node *fedmsgtest.Node
		text string
	}{{second, "tried out"}, {usual, "precious"}} {
		if err := take.node.Start(); err != nil {
			t.Fatal(err)
		}
		first := take.node.Read(t, url.Values{"after": {"0"}}, func(e *fedmsg.Entry) bool { return e.Position.Seq < 1 })
		if len(first) != 1 || !strings.Contains(string(first[0].Envelope), take.text) {
			t.Errorf("the first message of %s is %s, want %q", take.node.State, first[0].Envelope, take.text)
		}
		take.node.Stop(t)
	}
}
