package ingest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/sign"
)

// relayed is one case of x06: what went into an old relay and what came out.
type relayed struct {
	In  []string `json:"in_hex"`
	Out []string `json:"out_hex"`
}

func (r *relayed) frames(t *testing.T) (in [][]byte) {
	t.Helper()
	for _, text := range r.In {
		frame, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, frame)
	}
	return in
}

// relays reads x06.
func relays(t *testing.T) (all struct {
	Relay   []relayed
	Signing []relayed `json:"signing_relay"`
	Gateway []relayed
},
) {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/x06_relays.json"))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all.Relay) != 20 || len(all.Signing) != 20 || len(all.Gateway) != 20 {
		t.Fatalf("x06 has %d, %d and %d cases (%v)", len(all.Relay), len(all.Signing), len(all.Gateway), err)
	}
	return all
}

// relayOutcomes is what becomes of each frame that x06 sent to the old daemons. What they passed on and this door refuses, it
// refuses on purpose: a relay that makes a message out of what is none, or out of two that disagree, makes one that nobody
// published.
func relayOutcomes() [20]string {
	return [...]string{
		0: "new", 1: "new",
		2:  "bad_topic", // no topic: wrapped into a new message by the old relay, as 4 to 8
		3:  "bad_topic", // the topic in front is another: what subscribers chose by and what they got disagreed
		4:  "bad_json",  // text
		5:  "bad_json",  // a list
		6:  "bad_json",  // a number
		7:  "bad_json",  // null
		8:  "bad_json",  // nothing
		9:  "new",       // NaN
		10: "duplicate_key",
		11: "new",
		12: "new",                                                               // lone surrogates
		13: "bad_envelope",                                                      // one frame with NUL, which nobody has sent since 2013
		14: "bad_envelope", 15: "bad_envelope", 16: "bad_topic", 17: "bad_json", // these the old relay dropped too
		18: "new",
		19: "bad_body", // no msg
	}
}

// old is an entrance for messages that were signed long ago.
func old(d *Door) *Door { return d.With(Passage{Replaying: true, Sign: true}) }

// TestRelayedFrames has what x06 sent to the old daemons come through the door: accepted with the same bytes, or refused by
// name, all in one batch and each alone.
func TestRelayedFrames(t *testing.T) {
	file := relays(t)
	for _, cases := range [][]relayed{file.Relay, file.Signing, file.Gateway} {
		log, alone := newMemLog(), newMemLog()
		var messages [][][]byte
		for i := range cases {
			messages = append(messages, cases[i].frames(t))
		}
		out, err := old(newDoor(log, nil)).SubmitPublished(t.Context(), root, messages...).Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entries := log.all()
		for i, m := range messages {
			if want := relayOutcomes()[i]; word(out[i]) != want {
				t.Errorf("%d, %.100q: %v, want %s", i, m, out[i], want)
			}
			single, err := old(newDoor(alone, nil)).SubmitPublished(t.Context(), root, m).Wait(t.Context())
			if err != nil || word(single[0]) != word(out[i]) {
				t.Errorf("%d alone: %v (%v)", i, single, err)
			}
			if out[i].Err != nil {
				continue
			}
			if !bytes.Equal(entries[0].Envelope, m[1]) || entries[0].Topic != string(m[0]) || entries[0].Made {
				t.Errorf("%d: entry is %+v, of %q", i, entries[0], m)
			}
			entries = entries[1:]
		}
	}
}

// TestSigningRelay has what the old signing relay signed signed by this node with the same key: signature and certificate are
// the same to the byte, and nothing else changes.
func TestSigningRelay(t *testing.T) {
	file := relays(t)
	log := newMemLog()
	d := old(newDoor(log, func(c *Config) { c.Signer, c.Verify = relaySigner(t), fedmsg.VerifyRequire }))
	for i := range file.Signing {
		in := file.Signing[i].frames(t)
		out, err := d.SubmitPublished(t.Context(), root, in).Wait(t.Context())
		if want := relayOutcomes()[i]; err != nil || word(out[0]) != want {
			t.Errorf("%d: %v (%v), want %s", i, out, err, want)
			continue
		}
		if out[0].Err != nil || i == 18 { // the old one signed it a second time, which made it invalid
			continue
		}
		var want struct{ Crypto, Signature, Certificate json.RawMessage }
		old, err := hex.DecodeString(file.Signing[i].Out[1])
		if err != nil {
			t.Fatal(err)
		}
		// encoding/json knows no NaN.
		if err := json.Unmarshal(bytes.Replace(old, []byte("NaN"), []byte("0"), 1), &want); err != nil {
			t.Fatal(err)
		}
		got := log.all()[len(log.all())-1].Envelope
		rest := got
		for _, member := range []string{`"crypto":` + string(want.Crypto), `"signature":` + string(want.Signature), `"certificate":` + string(want.Certificate)} {
			if n := bytes.Count(rest, []byte(member)); n != 1 {
				t.Errorf("%d: %d times %s in %s", i, n, member, got)
			}
			rest = bytes.Replace(rest, []byte(","+member), nil, 1)
		}
		if !bytes.Equal(rest, in[1]) {
			t.Errorf("%d: without what was added it is %s, was %s", i, rest, in[1])
		}
	}
	if all := log.all(); !bytes.Equal(all[len(all)-1].Envelope, file.Signing[18].frames(t)[1]) {
		t.Error("what was signed did not keep its bytes")
	}
}

// relaySigner signs everything as the old signing relay of x06.
func relaySigner(t *testing.T) *sign.Signer {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "interop/vectors/pki/relay-vm.example.com.key"))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sign.Open(sign.Config{
		Forms: []sign.Form{sign.X509}, Dir: t.TempDir(), Now: func() time.Time { return start },
		Settings: sign.Settings{
			Name: "relay", Topics: patterns("#"), X509Key: key,
			X509Certificate: fedmsgtest.Shared(t, "interop/vectors/pki/relay-vm.example.com.crt"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFramesBelongToCaller holds that the frames may be used again as soon as the door has returned, whatever their form, also
// where they wait for others to be judged.
func TestFramesBelongToCaller(t *testing.T) {
	forms := []string{
		`node.a|{"topic":"node.a","msg":{},"msg_id":"1"}`,
		`node.a|{"topic":"node.a","msg":{},"msg_id":"2","timestamp":1795262400,"signature":"ok:a"}`,
		`node.a|FEDMSG2|{"topic":"node.a","msg":{},"msg_id":"3"}|[]`,
		`node.a|FEDMSG2|{"topic":"node.a","msg":{},"msg_id":"4","timestamp":1795262400}|[{"keyid":"ok:b","sig":"AA=="}]`,
		`node.a|FEDPUB1|{"fedmsg-id":"5","h":"v"}|{"k":"v"}`,
	}
	for _, together := range []bool{true, false} {
		log := newMemLog()
		log.hold()
		d := newDoor(log, func(c *Config) { c.Signer, c.Verify = &fakeSigner{}, fedmsg.VerifyRequire })
		var messages [][][]byte
		for _, f := range forms {
			messages = append(messages, split(f))
		}
		var tickets []fedmsg.Ticket
		if together {
			tickets = append(tickets, d.SubmitPublished(t.Context(), root, messages...))
		} else {
			for _, m := range messages {
				tickets = append(tickets, d.SubmitPublished(t.Context(), root, m))
			}
		}
		for _, m := range messages {
			for _, f := range m {
				for i := range f {
					f[i] = '!'
				}
			}
		}
		log.release()
		for _, ticket := range tickets {
			if out, err := ticket.Wait(t.Context()); err != nil || out[0].Err != nil {
				t.Fatal(out, err)
			}
		}
		all := log.all()
		for i, e := range all {
			want := split(forms[i])
			switch len(want) {
			case 2:
				if string(e.Envelope) != string(want[1]) {
					t.Errorf("%s", e.Envelope)
				}
			default:
				if v := parse(t, e); i == 4 && (v.ID != "5" || string(v.Headers) != `{"h":"v"}` || string(v.Body) != `{"k":"v"}` || !e.Made) {
					t.Errorf("%s", e.Envelope)
				} else if i < 4 && string(e.Envelope) != string(want[2]) {
					t.Errorf("%s", e.Envelope)
				}
			}
			if strings.Contains(string(e.Signatures)+e.Signer+e.Topic+e.ID, "!") {
				t.Errorf("%+v", e)
			}
		}
	}
}

// split makes frames of what | separates.
func split(text string) (all [][]byte) {
	for _, f := range strings.Split(text, "|") {
		all = append(all, []byte(f))
	}
	return all
}

// TestFrameSignatures holds that publications of nodes are judged by their signatures, and repeated ones are repetitions.
func TestFrameSignatures(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) {
		c.Verify = fedmsg.VerifyRequire
		c.Publishers = []Publisher{{Signer: "peer", Topics: patterns("p.#")}}
	})
	way := fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: "mesh"}
	for _, test := range []struct{ in, want string }{
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"1","timestamp":1795262400}|[{"keyid":"ok:peer","sig":"AA=="}]`, "new"},
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"1","timestamp":1795262400}|[{"keyid":"ok:peer","sig":"AA=="}]`, "duplicate"},
		{`p.a|{"topic":"p.a","msg":{},"msg_id":"2","timestamp":1795262400,"signature":"ok:peer"}`, "new"},
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"3","timestamp":1795262400}|[{"keyid":"bad_signature:peer","sig":"AA=="}]`, "bad_signature"},
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"3","timestamp":1795262400}|[{"keyid":"ok:other","sig":"AA=="}]`, "forbidden"},
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"3","timestamp":1795262400}|[]`, "forbidden"},
		{`p.a|FEDMSG2|{"topic":"p.a","msg":{},"msg_id":"3","timestamp":1700000000}|[{"keyid":"ok:peer","sig":"AA=="}]`, "stale"},
		{`p.a|FEDPUB1|{}|{}`, "forbidden"},
		{`q.a|FEDMSG2|{"topic":"q.a","msg":{},"msg_id":"3","timestamp":1795262400}|[{"keyid":"ok:peer","sig":"AA=="}]`, "forbidden"},
	} {
		out, err := d.SubmitPublished(t.Context(), way, split(test.in)).Wait(t.Context())
		if err != nil || word(out[0]) != test.want {
			t.Errorf("%s: %v (%v), want %s", test.in, out, err, test.want)
		}
	}
	if all := log.all(); len(all) != 2 || all[0].Sender != "zeromq:mesh" || string(all[0].Signatures) != `[{"keyid":"ok:peer","sig":"AA=="}]` {
		t.Errorf("%+v", all)
	}
}

// TestParts has submissions in frames, a retry among them.
func TestParts(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, nil)
	out, err := d.SubmitParts(t.Context(), root,
		split(`a.b||`), split(`a.b|{"fedmsg-id":"x"}|{"k":1}`), split(`a.b`), split(`a.b|{"fedmsg-id":"x"}|{"k":1}`), split(`a.b|{"fedmsg-id":"x"}|{"k":2}`),
	).Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(words(out), " "); got != "new new bad_envelope duplicate id_conflict" {
		t.Error(got, out)
	}
	all := log.all()
	if v := parse(t, all[0]); len(all) != 2 || v.ID != out[0].Receipt.ID || string(v.Body) != "{}" || *v.Username != "root" {
		t.Errorf("%s", all[0].Envelope)
	}
}
