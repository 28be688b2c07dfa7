package client

import (
	"bytes"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestEntriesAreMessages holds that an entry of a node can be handed in as a message: it stays what it is, also where no other form
// could bring it, and is not signed by whoever passes it on.
func TestEntriesAreMessages(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, SigningKey: signingKey(t, "ed25519")})
	at := fedmsg.Position{Log: "abcdefghijkl", Seq: 7}
	for i, e := range []fedmsg.Entry{
		{ID: "1", Topic: "a.b", Envelope: []byte(`{"msg":{},"msg_id":"1","topic":"a.b"}`), Signatures: []byte(`[{"keyid":"k","sig":"AA=="}]`)},
		{ID: "2", Topic: "a.b", Envelope: []byte(`{"msg":[NaN],"msg_id":"2","topic":"a.b"}`), NotIJSON: true},
		{ID: "3", Topic: "a.b", Envelope: []byte(`{"msg":{},"msg_id":"3","topic":"a.b"}`), Origin: fedmsg.Position{Log: "bbbbbbbbbbbb", Seq: 1}},
	} {
		e.Position = at
		line := e.AppendJSON(nil)
		if _, err := c.PublishEnvelope(t.Context(), append(bytes.Replace(line, []byte(`,"seq"`), []byte(",\n\"seq\""), 1), '\n')); err != nil {
			t.Fatal(err)
		}
		_, sent, err := NewDecoder().Decode(line)
		var got fedmsg.Entry
		if err == nil {
			err = got.UnmarshalJSON(sent)
		}
		if err != nil || !bytes.Equal(sent, n.lines[i]) || bytes.ContainsAny(sent, "\n") {
			t.Fatalf("%s is sent on as %s and as %s (%v)", line, sent, n.lines[i], err)
		}
		origin := e.Origin
		if origin.IsZero() {
			origin = at
		}
		if string(got.Envelope) != string(e.Envelope) || string(got.Signatures) != string(e.Signatures) || got.Position != origin || got.ID != e.ID || got.NotIJSON != e.NotIJSON {
			t.Errorf("%s became %s", line, sent)
		}
	}
	if len(n.log) != 3 || string(n.log[1].Envelope) != `{"msg":[NaN],"msg_id":"2","topic":"a.b"}` || n.log[2].Signatures != nil {
		t.Errorf("the node has %+v", n.log)
	}
}
