package process

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// entryOf gives the stored message of an id.
func entryOf(t *testing.T, n *fedmsgtest.Node, id string) (e fedmsg.Entry) {
	t.Helper()
	status, body, err := n.Get(t.Context(), "/v1/messages/"+id)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d %s %v", id, status, body, err)
	}
	if err := e.UnmarshalJSON(body); err != nil {
		t.Fatal(err)
	}
	return e
}

func uid(t *testing.T) int { t.Helper(); return os.Getuid() }

// publishedOn gives where the node publishes in a format, of the sockets in the order of the configuration.
func publishedOn(t *testing.T, n *fedmsgtest.Node, format string) []string {
	t.Helper()
	var all []string
	for _, said := range n.Said("publishing on ") {
		if at, ok := strings.CutSuffix(said, " as "+format); ok {
			all = append(all, at)
		}
	}
	if len(all) == 0 {
		t.Fatalf("nothing is published as %s, but %q", format, n.Said("publishing on "))
	}
	return all
}

// TestThreeFormatsAtOnce reads one log on three sockets, each by an old subscriber of its own.
func TestThreeFormatsAtOnce(t *testing.T) {
	t.Parallel()
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Env: []string{"FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0?format=fedmsg1,tcp://127.0.0.1:0?format=fedpub1,tcp://127.0.0.1:0"},
	})
	subs := map[string]*oldPeer{}
	for _, format := range []string{"fedmsg1", "fedpub1", "fedmsg2"} {
		subs[format] = startSub(t, n, publishedOn(t, n, format)[0], []string{"org."})
	}
	for k := range 20 {
		id := fmt.Sprintf("id-%d", k)
		mustPublish(t, n, openTopic, id, "free")
		e := entryOf(t, n, id)
		if got := subs["fedmsg1"].receive(); len(got) != 2 || got[0] != openTopic || got[1] != string(e.Envelope) {
			t.Fatalf("as fedmsg1: %q, stored %s", got, e.Envelope)
		}
		if got := subs["fedmsg2"].receive(); len(got) != 4 || got[0] != openTopic || got[1] != "FEDMSG2" || got[2] != string(e.Envelope) || got[3] != string(e.Signatures) || len(e.Signatures) == 0 {
			t.Fatalf("as fedmsg2: %q, stored %s %s", got, e.Envelope, e.Signatures)
		}
		got := subs["fedpub1"].receive()
		var headers map[string]string
		if len(got) != 4 || got[0] != openTopic || got[1] != "FEDPUB1" || json.Unmarshal([]byte(got[2]), &headers) != nil || headers["fedmsg-id"] != id || got[3] != `{"text":"free"}` {
			t.Fatalf("as fedpub1: %q", got)
		}
	}
}

// TestScopeOnZeroMQ subscribes to everything, and to a secret by name, at sockets of each format that may show only the open
// topics.
func TestScopeOnZeroMQ(t *testing.T) {
	t.Parallel()
	formats := []string{"fedmsg1", "fedpub1", "fedmsg2"}
	var sockets []string
	for _, format := range formats {
		sockets = append(sockets, "tcp://127.0.0.1:0?format="+format+"&topics=org.example.dev.open.%23")
	}
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Env: []string{"FEDMSG_ZEROMQ_PUBLISH=" + strings.Join(sockets, ",")}})
	subs := map[string]*oldPeer{}
	for _, format := range formats {
		subs[format] = startSub(t, n, publishedOn(t, n, format)[0], []string{"", secretTopic, "org.example.dev.secret", "org.example.dev.open"})
	}
	for k := range 10 {
		mustPublish(t, n, secretTopic, fmt.Sprintf("secret-%d", k), marker)
		mustPublish(t, n, openTopic, fmt.Sprintf("open-%d", k), "free")
	}
	for format, sub := range subs {
		for k := range 10 {
			got := sub.receive()
			if text := strings.Join(got, " "); got[0] != openTopic || !strings.Contains(text, fmt.Sprintf("open-%d", k)) || strings.Contains(text, marker) || strings.Contains(text, "secret") {
				t.Errorf("as %s message %d is %q", format, k, got)
			}
		}
	}
}

// curveNode starts a node that lets in two clients by their keys, one of whom may read and publish open topics and one nothing.
func curveNode(t *testing.T) (n *fedmsgtest.Node, reader, nobody zmtp.CurvePair, server string) {
	t.Helper()
	reader, nobody = zmtp.NewCurvePair(), zmtp.NewCurvePair()
	n = fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: fmt.Sprintf("[[zeromq_client]]\nname = \"reader\"\nkey = %q\ntopics = [\"org.example.dev.open.#\"]\n"+
			"[[zeromq_client]]\nname = \"nobody\"\nkey = %q\n[[publisher]]\ncurve = \"reader\"\ntopics = [\"org.example.dev.open.#\"]\n",
			reader.Public, nobody.Public),
		Env: []string{"FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:0?curve=yes", "FEDMSG_ZEROMQ_SUBMIT=tcp://127.0.0.1:0?curve=yes", "FEDMSG_ZEROMQ_RELAY_IN=tcp://127.0.0.1:0?curve=yes&verify=insecure-off"},
	})
	shown := n.CLI(t, nil, "keys", "show", "--state", n.State, "--format", "json")
	var keys []struct {
		Kind, Algorithm string
		Key             string `json:"public_key"`
	}
	if err := json.Unmarshal([]byte(shown.Stdout), &keys); err != nil || len(keys) != 2 || keys[1].Kind != "curve" {
		t.Fatalf("%v %s", err, shown)
	}
	return n, reader, nobody, keys[1].Key
}

// curve is the options of a peer that proves itself by a pair.
func curve(server string, pair zmtp.CurvePair) []string {
	return []string{"CURVE_SERVERKEY=" + server, "CURVE_PUBLICKEY=" + pair.Public.String(), "CURVE_SECRETKEY=" + pair.Secret.Reveal()}
}

// TestCurveClients subscribes, submits and publishes by libzmq's CURVE: each client gets what it may and nothing more, and who has
// another key, or none, gets nothing.
func TestCurveClients(t *testing.T) {
	t.Parallel()
	n, reader, nobody, server := curveNode(t)
	pub := publishedOn(t, n, "fedmsg2")[0]
	sub := startSub(t, n, pub, []string{""}, curve(server, reader)...)
	blind := startSub(t, n, pub, []string{""}, append(curve(server, nobody), "RCVTIMEO=500")...)
	for _, c := range []struct {
		name    string
		options []string
	}{
		{"a key that nobody knows", curve(server, zmtp.NewCurvePair())},
		{"the key of another node", curve(zmtp.NewCurvePair().Public.String(), reader)},
		{"no key", nil},
		{"a password", []string{"PLAIN_USERNAME=reader", "PLAIN_PASSWORD=x"}},
	} {
		turnedAway := func() float64 {
			return metric(t, n, "fedmsg_zeromq_peers_refused_total", "") + metric(t, n, "fedmsg_zeromq_handshake_failures_total", "")
		}
		before := turnedAway()
		startPeer(t, "SUB", pub, c.options...).Do("subscribe -")
		await(t, c.name+" is turned away", func() bool { return turnedAway() > before })
	}
	mustPublish(t, n, secretTopic, "secret", marker)
	mustPublish(t, n, openTopic, "open", "free")
	if got := sub.receive(); got[0] != openTopic || !strings.Contains(got[2], `"open"`) {
		t.Errorf("the reader got %q", got)
	}
	if blind.Do("recv 1"); blind.Out.Scan() {
		t.Errorf("who may read nothing got %q", blind.Out.Text())
	}

	ask := startPeer(t, "REQ", onlyPlace(t, n, "taking submissions on "), append(curve(server, reader), "RCVTIMEO=30000")...)
	if got := askSubmit(t, ask, openTopic, `{"fedmsg-id":"mine"}`, "{}"); got.Result != "success" {
		t.Errorf("%+v", got)
	}
	if e := entryOf(t, n, "mine"); e.Sender != "curve:reader" {
		t.Errorf("the sender is %s", e.Sender)
	}
	if got := askSubmit(t, ask, secretTopic, "", "{}"); got.Code != "forbidden" {
		t.Errorf("%+v", got)
	}
	old := startPub(t, n, onlyPlace(t, n, "taking what old publishers send on "), openTopic, curve(server, reader)...)
	old.send(openTopic, fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":"by-relay"}`, openTopic))
	await(t, "what the publisher sent", func() bool {
		status, _, err := n.Get(t.Context(), "/v1/messages/by-relay")
		return err == nil && status == http.StatusOK
	})
	if e := entryOf(t, n, "by-relay"); e.Sender != "curve:reader" {
		t.Errorf("the sender is %s", e.Sender)
	}
}
