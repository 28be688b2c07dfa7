package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// frames makes the frames of a message, which are separated by |.
func frames(text string) [][]byte {
	var all [][]byte
	for _, f := range strings.Split(text, "|") {
		all = append(all, []byte(f))
	}
	return all
}

const signatureText1 = `[{"keyid":"k","sig":"AA=="}]`

func TestPublishedEnvelopes(t *testing.T) {
	for _, test := range []struct{ in, envelope, signatures string }{
		{`a.b|{"topic":"a.b","msg":{}}`, `{"topic":"a.b","msg":{}}`, ""},
		{"a b!|{ \"topic\" : \"a b!\" ,\t\"msg\" : NaN }\n", `{ "topic" : "a b!" , "msg" : NaN }`, ""},
		{"a.b|{\"topic\":\"a.b\",\n\"msg\":{},\"signature\":\"s\"}", `{"topic":"a.b", "msg":{},"signature":"s"}`, ""},
		{`a.b|FEDMSG2|{"topic":"a.b","msg":{}}|[]`, `{"topic":"a.b","msg":{}}`, ""},
		{`a.b|FEDMSG2|{"topic":"a.b","msg":{}}| [ ] `, `{"topic":"a.b","msg":{}}`, ""},
		{`a.b|FEDMSG2|{ "topic":"a.b","msg":{}}|` + signatureText1, `{ "topic":"a.b","msg":{}}`, signatureText1},
		{`a.b|FEDMSG2|{"topic":"a.b","msg":{}}|[ {"sig":"AA==", "keyid":"k" } ]`, `{"topic":"a.b","msg":{}}`, signatureText1},
	} {
		got, err := newDecoder().Published(frames(test.in))
		if err != nil || !got.Whole || got.Copied || string(got.Envelope.Bytes) != test.envelope || string(got.Signatures) != test.signatures || (got.Signatures == nil) != (test.signatures == "") {
			t.Errorf("%q: %+v (%v)", test.in, got, err)
		}
	}
}

func TestPublishedRefusals(t *testing.T) {
	const envelope = `{"topic":"a.b","msg":{}}`
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{`a.c|` + envelope, fedmsg.CodeBadTopic, `"a.c" and the one in it "a.b"`},
		{"\xff|" + envelope, fedmsg.CodeBadTopic, "not UTF-8"},
		{`|` + envelope, fedmsg.CodeBadTopic, "must be the same"},
		{`a.b|{"x":1}`, fedmsg.CodeBadTopic, "topic is missing"},
		{`a.b|{"topic":"a.b"}`, fedmsg.CodeBadBody, "msg is missing"},
		{`a.b|[1]`, fedmsg.CodeBadJSON, "object"},
		{`a.b|hello`, fedmsg.CodeBadJSON, "object"},
		{`a.b|`, fedmsg.CodeBadJSON, "object"},
		{"a.b|\xff", fedmsg.CodeBadJSON, "object"},
		{"a.b|{\"topic\":\"a.b\",\"msg\":\"\xff\"}", fedmsg.CodeBadJSON, "UTF-8"},
		{`a.b|{"topic":"a.b","msg":{},"a":1,"a":2}`, fedmsg.CodeDuplicateKey, `"a"`},
		{`a.b|` + envelope + `{}`, fedmsg.CodeBadJSON, "the end"},
		{`a.b`, fedmsg.CodeBadEnvelope, "1 frames"},
		{"a.b\x00" + envelope, fedmsg.CodeBadEnvelope, "NUL"},
		{`a.b|` + envelope + `|x`, fedmsg.CodeBadEnvelope, "3 frames"},
		{`a.b|FEDMSG2|` + envelope + `|[]|x`, fedmsg.CodeBadEnvelope, "5 frames"},
		{`a.b|FEDMSG3|` + envelope + `|[]`, fedmsg.CodeBadEnvelope, `"FEDMSG3"`},
		{`a.c|FEDMSG2|` + envelope + `|[]`, fedmsg.CodeBadTopic, "must be the same"},
		{`a b|FEDMSG2|{"topic":"a b","msg":{}}|[]`, fedmsg.CodeBadTopic, "' '"},
		{`a.b|FEDMSG2|{"topic":"a.b","msg":NaN}|[]`, fedmsg.CodeBadJSON, "NaN"},
		{`a.b|FEDMSG2|{"topic":"a.b","msg":[]}|[]`, fedmsg.CodeBadBody, "object"},
		{`a.b|FEDMSG2|` + envelope + `|`, fedmsg.CodeMalformedSignature, "signatures: signatures must be an array"},
		{`a.b|FEDMSG2|` + envelope + `|[{"keyid":"k"}]`, fedmsg.CodeMalformedSignature, "no sig"},
		{`a.b|FEDMSG2|` + envelope + `|[{"sig":"AB=="}]`, fedmsg.CodeMalformedSignature, "canonical"},
		{`a.b|FEDMSG2|` + envelope + `|[]x`, fedmsg.CodeBadJSON, "the end"},
		{`a.b|FEDMSG2|` + envelope + `|[` + strings.Repeat(" ", 1<<20) + `]`, fedmsg.CodeMalformedSignature, "at most"},
		{"a.b|FEDMSG2|{\"topic\":\"a.b\",\n\"msg\":{}}|" + signatureText1, fedmsg.CodeBadEnvelope, "one line"},
		{`a.b|FEDMSG2| ` + envelope + `|[]`, fedmsg.CodeBadEnvelope, "one line"},
	} {
		_, err := newDecoder().Published(frames(test.in))
		wantRefusal(t, test.in, err, test.code, test.words)
	}
	_, err := newDecoder().Published(nil)
	wantRefusal(t, "no frames", err, fedmsg.CodeBadEnvelope, "0 frames")
}

func TestParts(t *testing.T) {
	for _, test := range []struct {
		in, id, headers, body string
	}{
		{`a.b||`, "", "", `{}`},
		{`a.b|{}|{}`, "", "", `{}`},
		{"a.b| \n{ } |\t{ \"k\" : \" \" } ", "", "", `{"k":" "}`},
		{`a.b|{"a":"1"}|{"k":{"k":[1]}}`, "", `{"a":"1"}`, `{"k":{"k":[1]}}`},
		{`a.b|{"fedmsg-id":"x:1"}|`, "x:1", "", `{}`},
		{`a.b|{"fedmsg-id":"x","a":"1"}|`, "x", `{"a":"1"}`, `{}`},
		{`a.b|{ "fedmsg-id" : "x" , "a" : "1," }|`, "x", `{"a":"1,"}`, `{}`},
		{`a.b|{"a":"1","fedmsg-id":"x"}|`, "x", `{"a":"1"}`, `{}`},
		{`a.b|{"a":"1","\u0066edmsg-id":"\u0078","b":"2"}|`, "x", `{"a":"1","b":"2"}`, `{}`},
		{`a.b|{"é\u00e9\"":"ü"}|`, "", `{"é\u00e9\"":"ü"}`, `{}`},
	} {
		in := frames(test.in)
		for _, read := range []func(*Decoder) (Submitted, error){
			func(d *Decoder) (Submitted, error) { return d.Parts(in) },
			func(d *Decoder) (Submitted, error) {
				return d.Published([][]byte{in[0], []byte(FrameParts), in[1], in[2]})
			},
		} {
			got, err := read(newDecoder())
			s := got.Submission
			if err != nil || got.Whole || s.Topic != "a.b" || s.Username != "" || s.ID != test.id ||
				string(s.Headers) != test.headers || (s.Headers == nil) != (test.headers == "") || string(s.Body) != test.body {
				t.Errorf("%q: %+v (%v)", test.in, s, err)
			}
		}
	}
}

func TestPartsRefusals(t *testing.T) {
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{`a.b|`, fedmsg.CodeBadEnvelope, "2 frames"},
		{`a.b|||`, fedmsg.CodeBadEnvelope, "4 frames"},
		{`||`, fedmsg.CodeBadTopic, "empty"},
		{"\xff||", fedmsg.CodeBadTopic, "words are made of"},
		{`a b||`, fedmsg.CodeBadTopic, "' '"},
		{`a.b|[]|`, fedmsg.CodeBadEnvelope, "not a JSON object"},
		{`a.b|null|`, fedmsg.CodeBadEnvelope, "not a JSON object"},
		{`a.b|{"a":1}|`, fedmsg.CodeBadEnvelope, "object of strings"},
		{`a.b|{"fedmsg-id":1}|`, fedmsg.CodeBadEnvelope, "object of strings"},
		{`a.b|{"fedmsg-id":""}|`, fedmsg.CodeBadID, "empty"},
		{`a.b|{"fedmsg-id":"a b"}|`, fedmsg.CodeBadID, "a b"},
		{`a.b|{"a":"1","a":"2"}|`, fedmsg.CodeDuplicateKey, `headers: `},
		{`a.b|{"a":"1"}}|`, fedmsg.CodeBadJSON, "headers: "},
		{`a.b|{"a":"` + strings.Repeat("x", 5000) + `"}|`, fedmsg.CodeTooLarge, "limits.header_bytes"},
		{`a.b||[]`, fedmsg.CodeBadBody, "object"},
		{`a.b||null`, fedmsg.CodeBadBody, "object"},
		{`a.b||hello`, fedmsg.CodeBadJSON, "body: "},
		{`a.b||{"a":NaN}`, fedmsg.CodeBadJSON, "NaN"},
		{"a.b||{\"a\":\"\xff\"}", fedmsg.CodeBadJSON, "UTF-8"},
		{`a.b||{"a":1}{}`, fedmsg.CodeBadJSON, "the end"},
		{`a.b||{"a":"` + strings.Repeat("x", 1<<20) + `"}`, fedmsg.CodeTooLarge, "limits.body"},
		{`a.b|{"a":"` + strings.Repeat("x", 1<<24) + `"}|`, fedmsg.CodeTooLarge, "limits.envelope"},
		{`a.b||{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, fedmsg.CodeTooDeep, "limits.depth, which is 64"},
	} {
		_, err := newDecoder().Parts(frames(test.in))
		wantRefusal(t, test.in[:min(len(test.in), 60)], err, test.code, test.words)
	}
}

// TestPartsDepth holds that what passes in parts can be read when it is an envelope.
func TestPartsDepth(t *testing.T) {
	body := strings.Repeat(`{"a":`, 62) + `{}` + strings.Repeat(`}`, 62)
	got, err := newDecoder().Parts(frames(`a.b||` + body))
	if err != nil {
		t.Fatal(err)
	}
	s := got.Submission
	if _, err := newDecoder().Envelope(AppendEnvelope(nil, &Draft{Topic: s.Topic, ID: "x", Body: s.Body}), Strict); err != nil {
		t.Error(err)
	}
}

// framesSeeds are messages in frames, as checkPublished and checkParts read them.
func framesSeeds() [][]byte {
	var all [][]byte
	for _, text := range []string{
		`a.b|{"topic":"a.b","msg":{}}`, `a.b|{"topic":"a.b","msg":NaN,"signature":"x"}`,
		`a.b|FEDMSG2|{"topic":"a.b","msg":{},"msg_id":"x"}|` + signatureText1, `a.b|FEDMSG2|{"topic":"a.b","msg":{}}|[]`,
		`a.b|FEDPUB1|{"fedmsg-id":"x","h":"v"}|{"k":1}`, `a.b|{"h":"v", "fedmsg-id":"x","g":"w"}|{"k":{ "k":[1]}}`, `a.b||`,
	} {
		all = append(all, []byte(text))
	}
	return all
}

// checkPublished holds of any frames that are taken what readers of the log rely on.
func checkPublished(t testing.TB, text []byte) bool {
	in := frames(string(text))
	s, err := newDecoder().Published(in)
	if err != nil {
		return false
	}
	if !s.Whole {
		return soundSubmission(t, text, &s.Submission)
	}
	if e := &s.Envelope; e.Topic != string(in[0]) || len(e.Bytes) == 0 || bytes.ContainsFunc(e.Bytes, func(r rune) bool { return r < ' ' }) {
		t.Errorf("%q was taken as %+v", text, s)
	}
	return true
}

func checkParts(t testing.TB, text []byte) bool {
	s, err := newDecoder().Parts(frames(string(text)))
	return err == nil && soundSubmission(t, text, &s.Submission)
}

// soundSubmission holds that the envelope of a submission is one that a strict door takes, and says the same.
func soundSubmission(t testing.TB, text []byte, s *Submission) bool {
	id := s.ID
	if id == "" {
		id = "x"
	}
	made := AppendEnvelope(nil, &Draft{Topic: s.Topic, ID: id, Headers: s.Headers, Body: s.Body})
	var labels map[string]string
	if err := json.Unmarshal(append([]byte(nil), s.Headers...), &labels); s.Headers != nil && err != nil {
		t.Errorf("%q: headers are %q: %v", text, s.Headers, err)
	}
	e, err := newDecoder().Envelope(made, Strict)
	if err != nil || !bytes.Equal(e.Bytes, made) || !bytes.Equal(e.Body, s.Body) || !bytes.Equal(e.Headers, s.Headers) || labels[IDHeader] != "" {
		t.Errorf("%q was taken as %+v, which makes %s (%v)", text, s, made, err)
	}
	return true
}
