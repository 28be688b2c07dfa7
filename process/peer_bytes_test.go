package process

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// oldEnvelopes are what the old wire brings and JSON does not know, or writes otherwise.
func oldEnvelopes() (all [][]byte) {
	for i, msg := range []string{
		`{"ratio": NaN, "worst": -Infinity, "best": Infinity}`,
		`{"half": "\ud83d", "halves": "\udc00\ud83d", "whole": "\ud83d\ude00"}`,
		`{"number": 1.0e+5, "long": 123456789012345678901234567890.5, "zero": -0.0}`,
		`{"slash": "\/", "tag": "<b>&amp;</b>", "line": "\u2028", "nul": "\u0000"}`,
		`[1, "a body that is no object"]`,
		`"` + strings.Repeat("x", 900<<10) + `"`,
	} {
		all = append(all, fmt.Appendf(nil, `{"i": %d, "msg": %s, "msg_id": "old-%d", "timestamp": %d, "topic": "org.example.dev.else.old.wire", "username": "apache"}`,
			i, msg, i, time.Now().Unix()))
	}
	// Without an id it is known by its hash.
	return append(all, []byte(`{"i":1,"msg":{"v":NaN},"timestamp":1400000000,"topic":"org.example.dev.else.old.nameless","username":null}`))
}

// TestPeerBytes passes messages of every form through three nodes, pushed to the second and pulled by the third: signed in the
// old X.509 form and the newer ones, with OpenPGP, unsigned, and what only the old wire has. Each has the same bytes, signatures,
// id, signer and verdict everywhere.
func TestPeerBytes(t *testing.T) {
	t.Parallel()
	k := newTrustKit(t)
	g := topology{ways: append(pushes("a", "b"), pulls("b", "c")...)}
	p := newPeers(t, g.names(), func(name string) string { return "verify = \"if-signed\"\n" + g.config(name) + k.config() })
	p.start()

	var lines bytes.Buffer
	count := 0
	add := func(line []byte) {
		lines.Write(append(line, '\n'))
		count++
	}
	for i, r := range []verdictRow{
		{form: "x509", kind: "good"}, {form: "cert", kind: "good"}, {form: "gpg", kind: "good"}, {form: "none", kind: "none"},
		{form: "dsse", kind: "good"}, {form: "dsse", kind: "p256"}, {form: "dsse", kind: "rsa"},
	} {
		line, _ := k.message(t, r, fmt.Sprintf("form-%d", i))
		add(line)
	}
	old := oldEnvelopes()
	for _, envelope := range old { // as a node gives what came by its old doors
		e := fedmsg.Entry{Position: fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: 1}, Envelope: envelope, NotIJSON: true}
		add(e.AppendJSON(nil))
	}
	p.submit("a", &lines, count)
	first := p.await("a", count)
	for i, want := range old {
		if got := first[count-len(old)+i].Envelope; !bytes.Equal(got, want) {
			t.Fatalf("the first node has %.200s, want %.200s", got, want)
		}
	}
	for _, name := range []string{"b", "c"} {
		for i, e := range p.await(name, count) {
			holdSame(t, name, e, first[i])
			if t.Failed() {
				return
			}
		}
	}
}

// holdSame fails the test unless another node has an entry as the first one has it.
func holdSame(t *testing.T, where string, e, first fedmsg.Entry) {
	t.Helper()
	want := first
	want.Position, want.Received, want.Sender = e.Position, e.Received, e.Sender
	if want.Origin.IsZero() {
		want.Origin = first.Position
	}
	if first.Signer != e.Signer && strings.HasPrefix(first.Signer, "a") { // the first node itself, which others know by their root of that name
		want.Signer = e.Signer
		if !strings.HasPrefix(e.Signer, "a/") {
			t.Errorf("%s has %s by %q, want it of the root a", where, e.ID, e.Signer)
		}
	}
	if got, want := e.AppendJSON(nil), want.AppendJSON(nil); !bytes.Equal(got, want) {
		t.Errorf("%s has\n%.2000s\nwant\n%.2000s", where, got, want)
	}
}

// TestPeerCorpus passes the real messages of the corpus through the same three nodes, without looking at signatures.
func TestPeerCorpus(t *testing.T) {
	t.Parallel()
	var messages [][]byte
	for _, file := range []string{"fedora-messages.jsonl", "umb-messages.jsonl"} {
		messages = append(messages, corpusMessages(t, fedmsgtest.Shared(t, "corpus", file))...)
	}
	g := topology{ways: append(pushes("a", "b"), pulls("b", "c")...)}
	p := newPeers(t, g.names(), func(name string) string { return "verify = \"insecure-off\"\n" + g.config(name) })
	p.start()
	sendAll(t, p.nodes["a"], messages)
	first := p.nodes["a"].ReadAll(t)
	if len(first) < len(messages)/2 {
		t.Fatalf("the first node took %d of %d messages", len(first), len(messages))
	}
	for _, name := range []string{"b", "c"} {
		for i, e := range p.await(name, len(first)) {
			if first[i].Signer, first[i].Verdict = e.Signer, e.Verdict; e.Verdict != fedmsg.VerdictUnchecked {
				t.Errorf("%s has the verdict %q on %s", name, e.Verdict, e.ID)
			}
			if holdSame(t, name, e, first[i]); t.Failed() {
				return
			}
		}
	}
}
