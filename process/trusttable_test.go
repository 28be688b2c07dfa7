package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// verdictRow is one kind of message in one form, and what becomes of it by what a door asks for: "!CODE" when it is refused,
// else its verdict and signer.
type verdictRow struct {
	form, kind string
	require    string
	off        string // empty: unchecked
	ifSigned   string // empty: as require
	silent     string // at a node that asks for signatures and signs nothing itself; empty: as require
	offSigning string // where nothing is looked at and the node signs; empty: as off
	ifSigning  string // at a door that is if-signed, where the node signs; empty: as ifSigned
	replayed   string // at the spool, unless it is off; empty: as elsewhere
}

// verdictTable is every kind of message in every form that it can have. An OpenPGP signature has no topic to be bound to, and a
// bare key is revoked by taking its file away.
func verdictTable(k *trustKit) []verdictRow {
	pgp := "topic_not_covered pgp/" + k.gpg["good"]
	return []verdictRow{
		{form: "none", kind: "submission", require: "ok here", silent: "!unsigned", ifSigned: "unsigned", ifSigning: "ok here", offSigning: "ok here"},
		{form: "none", kind: "envelope", require: "ok here", silent: "!unsigned", ifSigned: "unsigned", ifSigning: "ok here"},
		{form: "none", kind: "elsewhere", require: "!wrong_topic", silent: "!unsigned", ifSigned: "unsigned"},

		{form: "dsse", kind: "good", require: "ok bts"},
		{form: "dsse", kind: "p256", require: "ok bts"},
		{form: "dsse", kind: "rsa", require: "ok bts"},
		{form: "dsse", kind: "bad", require: "!bad_signature"},
		{form: "dsse", kind: "moved", require: "!bad_signature"},
		{form: "dsse", kind: "wrong topic", require: "!wrong_topic"},
		{form: "dsse", kind: "expired", require: "!expired"},
		{form: "dsse", kind: "unknown", require: "!unknown_signer"},
		{form: "dsse", kind: "stale", require: "!stale", replayed: "ok bts"},
		{form: "dsse", kind: "future", require: "!from_future"},

		{form: "cert", kind: "good", require: "ok pki/good.example.org"},
		{form: "cert", kind: "bad", require: "!bad_signature"},
		{form: "cert", kind: "moved", require: "!bad_signature"},
		{form: "cert", kind: "wrong topic", require: "!wrong_topic"},
		{form: "cert", kind: "policy", require: "!wrong_topic"},
		{form: "cert", kind: "revoked", require: "!revoked"},
		{form: "cert", kind: "expired", require: "!expired"},
		{form: "cert", kind: "unknown", require: "!unknown_signer"},
		{form: "cert", kind: "stale", require: "!stale", replayed: "ok pki/good.example.org"},
		{form: "cert", kind: "future", require: "!from_future"},

		{form: "x509", kind: "good", require: "ok pki/good.example.org"},
		{form: "x509", kind: "bad", require: "!bad_signature"},
		{form: "x509", kind: "moved", require: "!bad_signature"},
		{form: "x509", kind: "wrong topic", require: "!wrong_topic"},
		{form: "x509", kind: "policy", require: "!wrong_topic"},
		{form: "x509", kind: "revoked", require: "!revoked"},
		{form: "x509", kind: "expired", require: "!expired"},
		{form: "x509", kind: "unknown", require: "!unknown_signer"},
		{form: "x509", kind: "stale", require: "!stale", replayed: "ok pki/good.example.org"},
		{form: "x509", kind: "future", require: "!from_future"},

		{form: "gpg", kind: "good", require: pgp},
		{form: "gpg", kind: "bad", require: "!bad_signature"},
		{form: "gpg", kind: "wrong topic", require: "!wrong_topic"},
		{form: "gpg", kind: "revoked", require: "!revoked"},
		{form: "gpg", kind: "expired", require: "!expired"},
		{form: "gpg", kind: "unknown", require: "!unknown_signer"},
		{form: "gpg", kind: "stale", require: "!stale", replayed: pgp},
		{form: "gpg", kind: "future", require: "!from_future"},
	}
}

// doorsOf says what each door of a node asks for.
type doorsOf struct {
	name                string
	config              string
	socket, tcp, stream fedmsg.VerifyMode
	spool               fedmsg.VerifyMode
	listen, local       string // what stands in the query of the endpoints
	signs               bool
	env                 []string
}

func configurations() []doorsOf {
	const require, ifSigned, off = fedmsg.VerifyRequire, fedmsg.VerifyIfSigned, fedmsg.VerifyInsecureOff
	return []doorsOf{
		{name: "require", socket: require, tcp: require, stream: require, spool: require, signs: true},
		{name: "require and sign nothing", config: "sign = []\n", socket: require, tcp: require, stream: require, spool: require},
		{name: "if-signed", config: "verify = \"if-signed\"\nsign = []\n", socket: ifSigned, tcp: ifSigned, stream: ifSigned, spool: ifSigned},
		{name: "insecure-off", config: "verify = \"insecure-off\"\nsign = []\n", socket: off, tcp: off, stream: off, spool: off},
		{name: "of each door", socket: ifSigned, tcp: off, stream: ifSigned, spool: require, listen: "verify=insecure-off", local: "verify=if-signed", signs: true},
		{name: "of each door, the other way", config: "verify = \"insecure-off\"\nsign = []\n", socket: off, tcp: require, stream: off, spool: off, listen: "verify=require"},
	}
}

// want is what a door makes of a row.
func (r verdictRow) want(mode fedmsg.VerifyMode, signs, replaying bool) string {
	first := func(all ...string) string { return all[slices.IndexFunc(all, func(s string) bool { return s != "" })] }
	switch {
	case mode == fedmsg.VerifyInsecureOff && signs:
		return first(r.offSigning, r.off, "unchecked")
	case mode == fedmsg.VerifyInsecureOff:
		return first(r.off, "unchecked")
	case replaying && r.replayed != "":
		return r.replayed
	case mode == fedmsg.VerifyIfSigned && signs:
		return first(r.ifSigning, r.ifSigned, r.require)
	case mode == fedmsg.VerifyIfSigned:
		return first(r.ifSigned, r.require)
	case !signs:
		return first(r.silent, r.require)
	}
	return r.require
}

// message makes the message of a row with the given id, and the envelope that must be stored of it; nil where the node makes it.
func (k *trustKit) message(t *testing.T, r verdictRow, id string) (line, envelope []byte) {
	t.Helper()
	topics := map[string]string{"none": otherTopic, "dsse": bareTopic, "cert": certTopic, "x509": certTopic, "gpg": gpgTopic}
	topic, kind, now := topics[r.form], r.kind, time.Now()
	switch r.kind {
	case "wrong topic":
		topic, kind = otherTopic, "good"
	case "policy":
		topic, kind = policyTopic, "good"
	case "elsewhere":
		topic = farTopic
	case "stale":
		now, kind = now.Add(-2*time.Hour), "good"
	case "future":
		now, kind = now.Add(10*time.Minute), "good"
	case "bad", "moved":
		kind = "good"
	}
	members := map[string]any{
		"topic": topic, "msg_id": id, "timestamp": now.Unix(), "i": 1, "username": "somebody", "msg": json.RawMessage(gpgBody),
	}
	switch {
	case r.kind == "submission":
		return fmt.Appendf(nil, `{"topic":%q,"id":%q,"msg":%s}`, topic, id, gpgBody), nil
	case r.form == "none":
		envelope = marshalled(t, members)
		return envelope, envelope
	case r.form == "gpg":
		members["crypto"], members["signature"] = "gpg", k.body[kind]
	case r.form == "x509":
		k.embedded(t, members, kind)
	}
	covered := marshalled(t, members)
	switch r.kind {
	case "bad":
		members["msg"] = json.RawMessage(strings.Replace(gpgBody, "1", "2", 1))
	case "moved":
		members["msg_id"] = id + "-moved"
	}
	envelope = marshalled(t, members)
	switch r.form {
	case "dsse":
		return dsse(t, envelope, covered, k.keys[kind], nil), envelope
	case "cert":
		key := k.keys["certified"]
		return dsse(t, envelope, covered, key, k.certs[fmt.Sprintf("%s-%T", kind, key)]), envelope
	}
	return envelope, envelope
}

// TestVerdictOfEveryDoor sends every kind of message in every form through every door of nodes with every configuration, and
// holds what becomes of each, who is shown as its signer, and that its bytes are stored as they were signed.
func TestVerdictOfEveryDoor(t *testing.T) {
	t.Parallel()
	k := newTrustKit(t)
	rows := verdictTable(k)
	for _, c := range configurations() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			mesh := runPeer(t, "PUB", "bind", "tcp://127.0.0.1:*") // its node asks of the mesh what it does on the socket, and of the relay what it does on tcp
			c.config += "[[publisher]]\nzeromq = \"mesh\"\ntopics = [\"#\"]\n"
			c.env = append(c.env, "FEDMSG_ZEROMQ_SUBSCRIBE="+mesh.uri+strings.TrimSuffix("?name=mesh&"+c.local, "&"),
				"FEDMSG_ZEROMQ_RELAY_IN=tcp://127.0.0.1:0"+strings.TrimSuffix("?"+c.listen, "?"))
			upstream := startUpstream(t) // a source signs nothing for those whose messages it brings, whatever the node signs for its own
			c.config += fmt.Sprintf("[[source]]\nname = \"upstream\"\nfrom = %q\ntopics = [\"#\"]\nverify = %q\n", upstream.URL, c.tcp)
			n := k.startNode(t, c)
			token := newToken(t, n.Node, "ci", "--publish", "#")
			for _, d := range []struct {
				name string
				mode fedmsg.VerifyMode
				send func(*testing.T, [][]byte) []fedmsg.Outcome
			}{
				{"socket", c.socket, func(t *testing.T, lines [][]byte) []fedmsg.Outcome {
					return postAll(t, n.HTTP, "http://localhost", "", lines)
				}},
				{"tcp", c.tcp, func(t *testing.T, lines [][]byte) []fedmsg.Outcome {
					return postAll(t, http.DefaultClient, n.URL, token, lines)
				}},
				{"stream", c.stream, func(t *testing.T, lines [][]byte) []fedmsg.Outcome { return sendAll(t, n.Node, lines) }},
				{"relay", c.tcp, func(t *testing.T, lines [][]byte) []fedmsg.Outcome {
					p := startPub(t, n.Node, onlyPlace(t, n.Node, "taking what old publishers send on "), "warm.up")
					return p.publishAll(n.Node, "relay_in", lines)
				}},
				{"mesh", c.socket, func(t *testing.T, lines [][]byte) []fedmsg.Outcome {
					mesh.warmUp(n.Node, "subscribe", "warm.up")
					return mesh.publishAll(n.Node, "subscribe", lines)
				}},
				{"submit", c.socket, func(t *testing.T, lines [][]byte) []fedmsg.Outcome { return submitAll(t, n.Node, lines) }},
				{"source", c.tcp, func(t *testing.T, lines [][]byte) []fedmsg.Outcome { return upstream.giveAll(t, n.Node, lines) }},
				{"spool", c.spool, func(t *testing.T, lines [][]byte) []fedmsg.Outcome { return spoolAll(t, n.spool, lines) }},
			} {
				lines, envelopes := make([][]byte, len(rows)), make([][]byte, len(rows))
				for i, r := range rows {
					lines[i], envelopes[i] = k.message(t, r, fmt.Sprintf("%s-%d", d.name, i))
				}
				got := d.send(t, lines)
				for i, r := range rows {
					if d.name == "submit" && r.kind != "submission" {
						continue // it makes its messages of topic, headers and body
					}
					if d.name == "source" && r.kind == "submission" {
						continue // it follows a node, which has whole envelopes
					}
					want := r.want(d.mode, c.signs && d.name != "source", d.name == "spool" || d.name == "source")
					if found := judged(t, n.Node, got[i].Err, envelopes[i], fmt.Sprintf("%s-%d", d.name, i)); found != want {
						t.Errorf("%s (%s), %s, %s: %s, want %s (%v)", d.name, d.mode, r.form, r.kind, found, want, got[i].Err)
					}
				}
			}
		})
	}
}

// trustNode is a node that trusts the kit's roots.
type trustNode struct {
	*fedmsgtest.Node
	spool string // directory
}

// startNode starts a node that trusts the kit's roots, with a spool of its own.
func (k *trustKit) startNode(t *testing.T, c doorsOf) trustNode {
	t.Helper()
	dir := publicDir(t) // short, for the socket
	n := trustNode{spool: filepath.Join(dir, "spool")}
	if err := os.Mkdir(n.spool, 0o700); err != nil {
		t.Fatal(err)
	}
	query := func(q string) string { return strings.TrimSuffix("?"+q, "?") }
	socket := filepath.Join(dir, "s")
	n.Node = fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{
		Config: c.config + fmt.Sprintf("[signing]\nname = \"here\"\n[spool]\ndirectory = %q\ninterval = \"100ms\"\n", n.spool) + k.config(),
		Env:    append(c.env, "FEDMSG_HTTP_LISTEN=http://127.0.0.1:0"+query(c.listen), "FEDMSG_HTTP_SOCKET=unix://"+socket+query(c.local)),
	})
	n.Socket = socket
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// newToken makes a token of the node and waits until it is known.
func newToken(t *testing.T, n *fedmsgtest.Node, args ...string) string {
	t.Helper()
	c := n.Command(nil, append([]string{"token", "new"}, args...)...)
	c.Env = append(c.Env, "FEDMSG_STATE="+n.State)
	r, err := c.Run()
	if err != nil || r.Status != 0 {
		t.Fatalf("token new: %v %s", err, r)
	}
	secret := secretIn(r.Stdout)
	awaitToken(t, n, secret)
	return secret
}

// judged says what became of a message: the code it was refused with, or verdict and signer of its entry.
func judged(t *testing.T, n *fedmsgtest.Node, refused error, envelope []byte, id string) string {
	t.Helper()
	if strings.Contains(string(envelope), id+"-moved") {
		id += "-moved"
	}
	status, body, err := n.Get(t.Context(), "/v1/messages/"+id)
	if err != nil {
		t.Fatal(err)
	}
	if refused != nil {
		if status != http.StatusNotFound {
			t.Errorf("%s was refused (%v) and is stored all the same: status %d %s", id, refused, status, body)
		}
		return "!" + string(fedmsg.CodeOf(refused))
	}
	var e fedmsg.Entry
	if err := e.UnmarshalJSON(body); err != nil || status != http.StatusOK {
		t.Errorf("%s was accepted and is not there: status %d %s", id, status, body)
		return "lost"
	}
	if envelope != nil && !bytes.Equal(e.Envelope, envelope) {
		t.Errorf("%s is stored as\n%s\nand was signed as\n%s", id, e.Envelope, envelope)
	}
	return strings.TrimSpace(string(e.Verdict) + " " + e.Signer)
}

// postAll sends each message in a request of its own, and holds that the status of the answer is that of the code.
func postAll(t *testing.T, c *http.Client, base, token string, lines [][]byte) []fedmsg.Outcome {
	t.Helper()
	all := make([]fedmsg.Outcome, len(lines))
	for i, line := range lines {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/messages", bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[i] = fedmsgtest.ParseOutcome(body)
		want := http.StatusCreated
		if all[i].Err != nil {
			want = fedmsg.CodeOf(all[i].Err).HTTPStatus()
		}
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d: %s", resp.StatusCode, want, body)
		}
	}
	return all
}

// spoolAll leaves the messages in the node's spool, waits until it has fetched them, and gives what it says of those that it
// moved away. An outcome without an error has no receipt.
func spoolAll(t *testing.T, dir string, lines [][]byte) []fedmsg.Outcome {
	t.Helper()
	s := spool.New(dir, spool.Options{})
	for _, err := range s.WriteAll(lines) {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		pending, err := s.Pending()
		if err != nil {
			t.Fatal(err)
		}
		if !pending {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the spool is not fetched within %s", patience)
		}
	}
	return rejectedOf(t, dir, lines)
}

// rejectedOf gives what became of messages that a spool had: an error for each that was moved away, and nothing for others.
func rejectedOf(t *testing.T, dir string, lines [][]byte) []fedmsg.Outcome {
	t.Helper()
	all := make([]fedmsg.Outcome, len(lines))
	reasons, err := filepath.Glob(filepath.Join(dir, "rejected", "*.reason"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range reasons {
		reason, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rejected, err := os.ReadFile(strings.TrimSuffix(path, ".reason"))
		if err != nil {
			t.Fatal(err)
		}
		code, text, _ := strings.Cut(strings.TrimSpace(string(reason)), ": ")
		i := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Equal(line, rejected) })
		if i < 0 {
			t.Fatalf("%s was never sent: %s", path, rejected)
		}
		all[i].Err = fedmsg.Errorf(fedmsg.Code(code), "%s", text)
	}
	return all
}
