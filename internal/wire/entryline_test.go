package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// isEntry is the reference for what of the accepted lines is an entry.
func isEntry(line []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(line, &members) != nil {
		return false
	}
	_, envelope := members["envelope"]
	_, text := members["envelope_base64"]
	_, body := members["msg"]
	return (envelope || text) && !body
}

// holdEntryLine holds what is true of every accepted entry.
func holdEntryLine(t testing.TB, d *Decoder, line []byte, got Submitted) {
	t.Helper()
	slow, err := d.entry(trimmed(line))
	if slow.Copied = got.Copied; err != nil || !reflect.DeepEqual(slow, got) {
		t.Errorf("%q: as usual it is %+v, and otherwise %+v (%v)", line, got, slow, err)
	}
	var members map[string]json.RawMessage
	var text []byte
	if err := json.Unmarshal(line, &members); err != nil || members["envelope_base64"] != nil && json.Unmarshal(members["envelope_base64"], &text) != nil {
		t.Errorf("%q: encoding/json does not read it: %v", line, err)
	}
	if text == nil {
		text = members["envelope"]
	}
	if text = trimmed(text); !bytes.ContainsAny(text, "\n\t\r") && string(got.Envelope.Bytes) != string(text) {
		t.Errorf("%q: the envelope became %q", line, got.Envelope.Bytes)
	}
	mode := Strict
	if _, err := d.Envelope(got.Envelope.Bytes, Strict); err != nil {
		mode = Old
	}
	holdEnvelope(t, d, line, got.Envelope, mode)
	if !got.Whole || got.Signatures != nil && !bytes.Contains(line, []byte("signatures")) {
		t.Errorf("%q became %+v", line, got)
	}
}

// carriedEntry is an entry with all that counts of it.
func carriedEntry() fedmsg.Entry {
	return fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 9}, Received: time.Unix(1700000000, 5).UTC(), ID: "x", Topic: "a.b",
		Sender: "uid:1000", Signer: "shell/ann", Verdict: "ok", Envelope: []byte(`{"i":1,"msg":{"a":[1,"}\u00e9"]},"msg_id":"x","topic":"a.b"}`),
		Signatures: []byte(`[{"keyid":"k","sig":"AA=="}]`),
	}
}

// TestSubmittedEntry holds that a line which is an entry keeps its envelope, signatures and origin.
func TestSubmittedEntry(t *testing.T) {
	deep := strings.Repeat("[", 62) + strings.Repeat("]", 62)
	for name, change := range map[string]func(*fedmsg.Entry){
		"usual":               func(*fedmsg.Entry) {},
		"without signatures":  func(e *fedmsg.Entry) { e.Signatures = nil },
		"with an origin":      func(e *fedmsg.Entry) { e.Origin = fedmsg.Position{Log: "abcdefghijkl", Seq: 1} },
		"as deep as it may":   func(e *fedmsg.Entry) { e.Envelope = []byte(`{"i":1,"msg":{"a":` + deep + `},"topic":"a.b"}`) },
		"with little in it":   func(e *fedmsg.Entry) { e.Envelope = []byte(`{"msg":{},"topic":"a.b"}`) },
		"of the old wire":     func(e *fedmsg.Entry) { e.Envelope = []byte(`{"msg":[1],"topic":"/topic/a b"}`) },
		"what is not I-JSON":  func(e *fedmsg.Entry) { e.Envelope, e.NotIJSON = []byte(`{"msg":{"a":NaN},"topic":"a.b"}`), true },
		"with spaces":         func(e *fedmsg.Entry) { e.Envelope = []byte(`{ "i" : 1 , "msg" : { } , "topic" : "a.b" }`) },
		"with its own member": func(e *fedmsg.Entry) { e.Envelope = []byte(`{"envelope":{},"i":1,"msg":{},"topic":"a.b"}`) },
	} {
		e := carriedEntry()
		change(&e)
		line := e.AppendJSON(nil)
		got, err := newDecoder().Submitted(line)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		origin := e.Origin
		if origin.IsZero() {
			origin = e.Position
		}
		if !got.Whole || string(got.Envelope.Bytes) != string(e.Envelope) || string(got.Signatures) != string(e.Signatures) ||
			got.Origin != origin || got.Envelope.NotIJSON != e.NotIJSON {
			t.Errorf("%s: %+v", name, got)
		}
		holdEntryLine(t, newDecoder(), line, got)
		if _, usual := newDecoder().usualEntry(line); usual != !strings.Contains("of the old wire, what is not I-JSON", name) {
			t.Errorf("%s: the usual way is %v", name, usual)
		}
		broken := bytes.Replace(line, []byte("}]}"), []byte("}\n]}"), 1)
		if got, err := newDecoder().Submitted(broken); err != nil || string(got.Envelope.Bytes) != string(e.Envelope) {
			t.Errorf("%s, with a line break: %s (%v)", name, got.Envelope.Bytes, err)
		}
		if _, err := newDecoder().Submitted(reordered(t, line)); err != nil {
			t.Errorf("%s, in another order: %v", name, err)
		}
	}
}

// reordered is the line in another order of members, with layout.
func reordered(t *testing.T, line []byte) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		t.Fatal(err)
	}
	members["later"] = []byte(`[{}]`)
	var out []byte
	for name, value := range members {
		out = append(append(append(out, `,	"`+name+`" :`...), ' '), value...)
	}
	return append(append([]byte{'{'}, out[1:]...), " }"...)
}

// TestSubmittedEntryRefusals holds what is no entry.
func TestSubmittedEntryRefusals(t *testing.T) {
	big := strings.Repeat("A", 1900<<10)
	for _, test := range []struct {
		in   string
		want fedmsg.Code
	}{
		{`{"envelope":null}`, fedmsg.CodeBadEnvelope},
		{`{"envelope":[],"position":""}`, fedmsg.CodeBadEnvelope},
		{`{"envelope":{"msg":{},"topic":"a.b"},"envelope_base64":"e30="}`, fedmsg.CodeBadEnvelope},
		{`{"envelope":{"msg":{},"topic":"a.b"},"envelope":{"msg":{},"topic":"a.b"}}`, fedmsg.CodeDuplicateKey},
		{`{"envelope":{"msg":{},"topic":"a.b"},"position":"1","signatures":[]}`, fedmsg.CodeBadPosition},
		{`{"envelope":{"msg":{},"topic":"a.b"},"position":"k3v5q2m7x4ab-1","position":"k3v5q2m7x4ab-2"}`, fedmsg.CodeDuplicateKey},
		{`{"envelope":{"msg":{},"topic":"a.b"},"signatures":{}}`, fedmsg.CodeMalformedSignature},
		{`{"envelope":{"msg":{},"topic":"a.b"},"signatures":[{"keyid":"k","sig":"AA="}]}`, fedmsg.CodeMalformedSignature},
		{`{"envelope":{"msg":{}}}`, fedmsg.CodeBadTopic},
		{`{"envelope":{"msg":{},"msg":{},"topic":"a.b"}}`, fedmsg.CodeDuplicateKey},
		{`{"envelope":{"msg":NaN,"topic":"a.b"}}`, fedmsg.CodeBadJSON}, // the line itself must be JSON
		{`{"envelope_base64":"e30"}`, fedmsg.CodeMalformedSignature},
		{`{"envelope_base64":"` + big + `"}`, fedmsg.CodeTooLarge},
		{`{"envelope":{"a":"` + big[:1410<<10] + `","msg":{},"topic":"a.b"}}`, fedmsg.CodeTooLarge},
		{"{\"signatures\":[{\"keyid\":\"k\",\"sig\":\"AA==\"}],\"envelope\":{\"msg\":{},\n\"topic\":\"a.b\"}}", fedmsg.CodeBadEnvelope},
		{`{"topic":"a.b","msg":{},"envelope":{}}`, fedmsg.CodeBadEnvelope}, // a submission
	} {
		if _, err := newDecoder().Submitted([]byte(test.in)); fedmsg.CodeOf(err) != test.want {
			t.Errorf("%.80s: %v, want %s", test.in, err, test.want)
		}
	}
}

// TestEntryLineIsLeft overwrites the line, as a door does with its buffer: beside the envelope nothing may change.
func TestEntryLineIsLeft(t *testing.T) {
	e := fedmsg.Entry{Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 7}, ID: "2026-1", Topic: "org.example.dev.a.b",
		Envelope:   AppendEnvelope(nil, &Draft{Topic: "org.example.dev.a.b", ID: "2026-1", Body: []byte("{}")}),
		Signatures: []byte(`[{"keyid":"k","sig":"c2ln"}]`)}
	for _, origin := range []fedmsg.Position{{}, {Log: "abcdefghijkl", Seq: 9}} {
		e.Origin = origin
		line := e.AppendJSON(nil)
		s, err := newDecoder().Submitted(line)
		if err != nil {
			t.Fatal(err)
		}
		for i := range line {
			line[i] = '!'
		}
		want := origin
		if want.IsZero() {
			want = e.Position
		}
		if s.Origin != want || s.Envelope.ID != e.ID || s.Envelope.Topic != e.Topic || string(s.Signatures) != string(e.Signatures) {
			t.Errorf("when its line was overwritten it is of %s, %s on %s, signed %s", s.Origin, s.Envelope.ID, s.Envelope.Topic, s.Signatures)
		}
	}
}
