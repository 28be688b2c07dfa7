package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// replayNode starts a node that numbers what it makes and answers the old replay protocol, with more of the environment.
func replayNode(t *testing.T, env ...string) (n *fedmsgtest.Node, replay string) {
	t.Helper()
	n = fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Env: append([]string{fedmsgtest.AnyTopic, "FEDMSG_ZEROMQ_SEQ_ID=here.host", "FEDMSG_ZEROMQ_REPLAY=tcp://127.0.0.1:0"}, env...),
	})
	return n, onlyPlace(t, n, "replaying on ")
}

// TestReplayVectors asks a node, whose first five messages have the ids of the recorded ones, what was asked the old replay server:
// it answers in the same way, but for the range of numbers, which never worked there, and what killed that server.
func TestReplayVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/x08_replay.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			Query  string   `json:"query"`
			Frames []string `json:"frames_text"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Cases) < 15 {
		t.Fatal(len(vectors.Cases), err)
	}
	n, replay := replayNode(t)
	stored := map[int]string{}
	for k := 1; k <= 5; k++ {
		id := fmt.Sprintf("2023-%036d", k)
		if _, err := n.Publish(t.Context(), fmt.Appendf(nil, `{"topic":"t.%d","id":%q,"msg":{"n":%d}}`, k, id, k)); err != nil {
			t.Fatal(err)
		}
		stored[k] = string(entryOf(t, n, id).Envelope)
	}
	p := startPeer(t, "REQ", replay, "RCVTIMEO=30000")
	for _, c := range vectors.Cases {
		want := wantReplay(c.Query, c.Frames, stored)
		if got := p.ask(c.Query); !slices.Equal(got, want) {
			t.Errorf("%s\n%q, want\n%q", c.Query, got, want)
		}
	}
	for _, deadly := range []string{"[1]", "not json", "", "null", "5", `{"seq_id":1`} {
		if got := p.ask(deadly); len(got) != 1 || !strings.HasPrefix(got[0], "error: '") {
			t.Errorf("%q is answered by %q", deadly, got)
		}
	}
	if got := p.ask(`{"seq_id":3}`); len(got) != 1 || got[0] != stored[3] {
		t.Errorf("behind all that came %q", got)
	}
}

// wantReplay turns the old server's answer into that of a node with the envelopes of its own. Times are those of the envelopes,
// which are now.
func wantReplay(query string, frames []string, stored map[int]string) []string {
	switch query {
	case `{"seq_id_range":[2,4]}`:
		return []string{stored[2], stored[3], stored[4]}
	case `{"time":[1700000002,1700000003]}`:
		return []string{"error: 'There was no match for the given query'"}
	}
	var want []string
	for _, f := range frames {
		var e struct {
			SeqID int `json:"seq_id"`
		}
		if json.Unmarshal([]byte(f), &e) == nil {
			f = stored[e.SeqID]
		}
		want = append(want, f)
	}
	return want
}

// TestReplayScope asks a socket that may show only the open topics for secret ones, in every way: they do not exist.
func TestReplayScope(t *testing.T) {
	t.Parallel()
	n, replay := replayNode(t, "FEDMSG_ZEROMQ_REPLAY=tcp://127.0.0.1:0?topics=org.example.dev.open.%23")
	mustPublish(t, n, secretTopic, "secret-1", marker)
	mustPublish(t, n, openTopic, "open-2", "free")
	mustPublish(t, n, secretTopic, "secret-3", marker)
	p := startPeer(t, "REQ", replay, "RCVTIMEO=30000")
	now := time.Now().Unix()
	for _, query := range []string{
		`{}`, `{"seq_ids":[1,2,3]}`, `{"seq_id_range":[1,3]}`, `{"msg_ids":["secret-1","open-2","secret-3"]}`, fmt.Sprintf(`{"time":[%d,%d]}`, now-100, now+100),
	} {
		if got := p.ask(query); len(got) != 1 || !strings.Contains(got[0], `"open-2"`) {
			t.Errorf("%s: %q", query, got)
		}
	}
	for _, pair := range [][2]string{{`{"seq_id":1}`, `{"seq_id":99}`}, {`{"msg_id":"secret-3"}`, `{"msg_id":"none"}`}} {
		if secret, none := p.ask(pair[0]), p.ask(pair[1]); !slices.Equal(secret, none) {
			t.Errorf("a secret is answered by %q, and what is not there by %q", secret, none)
		}
	}
}

// TestNodeReadByMesh subscribes as a member of the mesh to a node that numbers what it makes: everything comes, once and in order,
// what was published while nobody listened and while the node was killed and started again included.
func TestNodeReadByMesh(t *testing.T) {
	t.Parallel()
	socket := "tcp://127.0.0.1:" + fedmsgtest.FreePort()
	answers := "tcp://127.0.0.1:" + fedmsgtest.FreePort()
	n, _ := replayNode(t, "FEDMSG_ZEROMQ_PUBLISH="+socket, "FEDMSG_ZEROMQ_REPLAY="+answers)
	publish := func(first, last int) {
		for k := first; k <= last; k++ {
			mustPublish(t, n, openTopic, fmt.Sprintf("id-%d", k), "free")
		}
	}
	publish(1, 20)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	next := uint64(6)
	step := map[uint64]func(){
		20: func() { publish(21, 40) },
		40: func() {
			n.Kill9()
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
			publish(41, 60)
		},
		60: cancel,
	}
	o := mesh.SubscribeOptions{
		Services: []mesh.Service{{Name: "here.host", Addresses: []string{socket}, Replay: answers}}, Replay: true,
		After: map[string]uint64{"here.host": 5},
	}
	for m, err := range mesh.Subscribe(ctx, o) {
		if err != nil {
			t.Fatal(err)
		}
		if m.SeqID != next || m.Topic != openTopic || !strings.Contains(string(m.Frames[len(m.Frames)-1])+string(m.Frames[1])+string(m.Frames[min(2, len(m.Frames)-1)]), fmt.Sprintf(`"id-%d"`, next)) {
			t.Fatalf("number %d %q, want %d", m.SeqID, m.Frames, next)
		}
		if do := step[next]; do != nil {
			do()
		}
		next++
	}
	if next != 61 {
		t.Errorf("the last number is %d, want 60", next-1)
	}
}
