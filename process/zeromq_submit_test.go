package process

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// submitted is what a submitter is told.
type submitted struct {
	Publisher string  `json:"publisher"`
	Result    string  `json:"result"`
	Reason    *string `json:"reason"`
	Code      string  `json:"code"`
	ID        string  `json:"fedmsg-id"`
	Position  string  `json:"position"`
}

// ask submits topic, headers and body, and gives the answer.
func askSubmit(t *testing.T, p *oldPeer, topic, headers, body string) submitted {
	t.Helper()
	reply := p.ask("FSUBMIT1", topic, headers, body)
	var all []submitted
	if len(reply) != 2 || reply[0] != "FSUBMIT1" || json.Unmarshal([]byte(reply[1]), &all) != nil || len(all) != 1 {
		t.Fatalf("the reply is %q", reply)
	}
	return all[0]
}

// submitSocket is where a node takes submissions unless it is told otherwise.
func submitSocket(n *fedmsgtest.Node) string {
	return "ipc://" + strings.TrimSuffix(n.Socket, ".sock") + "-submit.sock"
}

// TestSubmittedSurvivesKill kills the node right behind its answers: what it answered for is there, once, also when it is
// submitted again by its id.
func TestSubmittedSurvivesKill(t *testing.T) {
	t.Parallel()
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	p := startPeer(t, "REQ", submitSocket(n), "RCVTIMEO=30000", "SNDTIMEO=30000")
	const topic = "org.example.dev.bugs.bug.close"
	last := n.Log(t).Last
	for round := range fedmsgtest.Count(3, 50) {
		id := fmt.Sprintf("kept-%d", round)
		headers, body := fmt.Sprintf(`{"fedmsg-id":%q,"color":"red"}`, id), fmt.Sprintf(`{"round":%d}`, round)
		first := askSubmit(t, p, topic, headers, body)
		n.Kill9()
		if first.Result != "success" || first.Reason != nil || first.ID != id || first.Publisher == "" {
			t.Fatalf("%+v", first)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		e := entryOf(t, n, id)
		if e.Position.String() != first.Position || e.Sender != fmt.Sprintf("uid:%d", uid(t)) || e.Topic != topic || !strings.Contains(string(e.Envelope), body) || strings.Contains(string(e.Envelope), "fedmsg-id") {
			t.Errorf("stored as %s %s %s %s, answered as %+v", e.Position, e.Sender, e.Topic, e.Envelope, first)
		}
		again := askSubmit(t, p, topic, headers, body)
		if again.Result != "success" || again.Position != first.Position || again.ID != id {
			t.Errorf("again it got %+v, and first %+v", again, first)
		}
		if last++; n.Log(t).Last != last {
			t.Errorf("%d entries, want %d", n.Log(t).Last, last)
		}
	}
}

// TestSubmittedRefusals holds that each refusal is an answer with its reason and code, what is no submission is answered as the
// old service did, and the next submission is taken.
func TestSubmittedRefusals(t *testing.T) {
	t.Parallel()
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	p := startPeer(t, "REQ", submitSocket(n), "RCVTIMEO=30000")
	const topic = "org.example.dev.bugs.bug.close"
	for _, c := range []struct{ topic, headers, body, code string }{
		{"a b", "", "{}", "bad_topic"},
		{"\xff", "", "{}", "bad_topic"},
		{topic, "", "[]", "bad_body"},
		{topic, "", "{", "bad_json"},
		{topic, `{"a":1}`, "{}", "bad_envelope"},
		{topic, "", `{"a":1,"a":2}`, "duplicate_key"},
		{topic, `{"fedmsg-id":"a b"}`, "{}", "bad_id"},
		{"org.debian.prod.bts.bug.close", "", "{}", "wrong_topic"},
	} {
		got := askSubmit(t, p, c.topic, c.headers, c.body)
		if got.Result != "failure" || got.Code != c.code || got.Reason == nil || *got.Reason == "" || got.Position != "" {
			t.Errorf("%q %q %q: %+v, want the code %s", c.topic, c.headers, c.body, got, c.code)
		}
	}
	for _, frames := range [][]string{
		{"FSUBMIT1", topic, ""}, {"FSUBMIT1", topic, "", "{}", ""}, {"FSUBMIT2", topic, "", "{}"}, {"FSUBMIT1"}, {""}, {topic + "\x00{}"},
	} {
		if got := p.ask(frames...); len(got) != 2 || got[0] != "FSUBMIT1" || got[1] != "ERROR_MALFORMED" {
			t.Errorf("%q: %q", frames, got)
		}
	}
	if got := askSubmit(t, p, topic, "", ""); got.Result != "success" || got.ID == "" { // empty frames are empty objects
		t.Errorf("%+v", got)
	}
	if last := n.Log(t).Last; last != 1 {
		t.Errorf("the log has %d entries, want 1", last)
	}
}
