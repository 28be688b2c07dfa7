package process

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// relayNode starts a node with a socket for old publishers, which takes what is not signed, and one for old subscribers.
func relayNode(t *testing.T, env ...string) (n *fedmsgtest.Node, in, out string) {
	t.Helper()
	n = fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: append([]string{
		fedmsgtest.AnyTopic, "FEDMSG_ZEROMQ_RELAY_IN=tcp://127.0.0.1:0?verify=insecure-off", "FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0?format=fedmsg1",
	}, env...)})
	return n, onlyPlace(t, n, "taking what old publishers send on "), strings.TrimSuffix(onlyPlace(t, n, "publishing on "), " as fedmsg1")
}

// onlyPlace gives the one place of which the node says that it does this there.
func onlyPlace(t *testing.T, n *fedmsgtest.Node, does string) string {
	t.Helper()
	all := n.Said(does)
	if len(all) != 1 {
		t.Fatalf("%q in %q", does, all)
	}
	return all[0]
}

// frameCase is one message of the recorded ones, and what became of it at the old relay.
type frameCase struct {
	In  []string `json:"in_hex"`
	Out []string `json:"out_hex"`
}

// recordedFrames gives what went into the old relay.
func recordedFrames(t *testing.T) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/x06_relays.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Relay []frameCase }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors.Relay {
		var frames []string
		for _, f := range c.In {
			b, err := hex.DecodeString(f)
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, string(b))
		}
		all = append(all, frames)
	}
	return all
}

// strictRefusals names the recorded messages that this node refuses, by their first frame, where the old relay made something of
// them: it wrapped what is no envelope, let the topics differ, and split one frame at NUL.
func strictRefusals() map[string]fedmsg.Code {
	return map[string]fedmsg.Code{
		"t.nottopic": fedmsg.CodeBadTopic, "t.mismatch": fedmsg.CodeBadTopic, "t.notjson": fedmsg.CodeBadJSON, "t.list": fedmsg.CodeBadJSON,
		"t.int": fedmsg.CodeBadJSON, "t.null": fedmsg.CodeBadJSON, "t.empty": fedmsg.CodeBadJSON, "t.dup": fedmsg.CodeDuplicateKey,
		"nul\x00{\"topic\":\"nul\",\"msg\":1}": fedmsg.CodeBadEnvelope, "oneframe": fedmsg.CodeBadEnvelope, "a": fedmsg.CodeBadEnvelope,
		"\xff": fedmsg.CodeBadTopic, "t.badutf8": fedmsg.CodeBadJSON, "t.end": fedmsg.CodeBadBody,
	}
}

// TestOldRelayFrames has an old publisher send the recorded frames through a node to an old subscriber: what is an envelope comes
// out byte for byte, what is not is counted with its reason, and the next one comes.
func TestOldRelayFrames(t *testing.T) {
	t.Parallel()
	n, in, out := relayNode(t)
	sub := startSub(t, n, out, []string{"t.", "org.", "a", "nul", "oneframe", "\xff"})
	pub := startPub(t, n, in, "warm.up")
	refused := strictRefusals()
	for k, frames := range recordedFrames(t) {
		reasons := refusals(t, n, "relay_in")
		pub.send(frames...)
		next := fmt.Sprintf("t.next.%d", k)
		pub.send(next, fmt.Sprintf(`{"topic":%q,"msg":{"k":%d},"msg_id":"next-%d"}`, next, k, k))
		got := sub.receive()
		if code, is := refused[frames[0]]; is {
			await(t, fmt.Sprintf("%q is counted as %s", frames, code), func() bool { return refusals(t, n, "relay_in")[code] == reasons[code]+1 })
			if got[0] == next {
				continue
			}
			t.Errorf("%q is refused, and comes out as %q", frames, got)
		} else if len(got) != 2 || got[0] != frames[0] || got[1] != frames[1] {
			t.Errorf("%q\ncame out as\n%q", frames, got)
		}
		if got = sub.receive(); got[0] != next {
			t.Fatalf("behind %q came %q", frames, got)
		}
	}
}
