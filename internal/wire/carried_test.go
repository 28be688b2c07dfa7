package wire

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestCarried holds that each form comes through, and what of it is kept.
func TestCarried(t *testing.T) {
	at := fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 9}
	for name, test := range map[string]struct {
		in   Carried
		want Submitted // its Envelope.Bytes and Submission count
	}{
		"envelope": {
			Carried{Envelope: []byte(`{"i":1,"msg":{},"topic":"a.b"}`), Signatures: []byte(`[ {"keyid":"k","sig":"AA=="} ]`), Origin: at},
			Submitted{Whole: true, Envelope: Envelope{Bytes: []byte(`{"i":1,"msg":{},"topic":"a.b"}`)}, Signatures: []byte(`[{"keyid":"k","sig":"AA=="}]`), Origin: at},
		},
		"of the old wire": {
			Carried{Topic: "/topic/a b", Envelope: []byte(`{"msg":[NaN],"topic":"/topic/a b"}`), Signatures: []byte(`[]`)},
			Submitted{Whole: true, Envelope: Envelope{Bytes: []byte(`{"msg":[NaN],"topic":"/topic/a b"}`)}},
		},
		"in a layout of its own": {
			Carried{Topic: "a.b", Envelope: []byte("{\"i\":1,\n\"msg\":{},\"topic\":\"a.b\"}\n")},
			Submitted{Whole: true, Envelope: Envelope{Bytes: []byte(`{"i":1,"msg":{},"topic":"a.b"}`)}},
		},
		"parts": {
			Carried{Topic: "a.b", ID: "x:1", Username: "ann", Headers: []byte(`{"h": "v"}`), Body: []byte(`{"k": 1.50}`)},
			Submitted{Submission: Submission{Topic: "a.b", ID: "x:1", Username: "ann", Headers: []byte(`{"h":"v"}`), Body: []byte(`{"k":1.50}`)}},
		},
		"a topic alone": {Carried{Topic: "a.b"}, Submitted{Submission: Submission{Topic: "a.b", Body: []byte(`{}`)}}},
	} {
		got, err := newDecoder().Carried(&test.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, w := got.Submission, test.want.Submission
		if got.Whole != test.want.Whole || string(got.Envelope.Bytes) != string(test.want.Envelope.Bytes) ||
			string(got.Signatures) != string(test.want.Signatures) || got.Origin != test.want.Origin {
			t.Errorf("%s: %+v", name, got)
		}
		if s.Topic != w.Topic || s.ID != w.ID || s.Username != w.Username || string(s.Headers) != string(w.Headers) || string(s.Body) != string(w.Body) {
			t.Errorf("%s: %+v, want %+v", name, s, w)
		}
	}
}

// TestCarriedRefusals holds what is refused whoever brings it.
func TestCarriedRefusals(t *testing.T) {
	const envelope = `{"i":1,"msg":{},"topic":"a.b"}`
	signed := []byte(`[{"keyid":"k","sig":"AA=="}]`)
	big := make([]byte, fedmsg.DefaultLimits().Envelope)
	for _, test := range []struct {
		in   Carried
		want fedmsg.Code
	}{
		{Carried{Topic: "a.c", Envelope: []byte(envelope)}, fedmsg.CodeBadTopic},
		{Carried{Envelope: []byte("{\"i\":1,\n\"msg\":{},\"topic\":\"a.b\"}"), Signatures: signed}, fedmsg.CodeBadEnvelope},
		{Carried{Envelope: []byte(envelope + " "), Signatures: signed}, fedmsg.CodeBadEnvelope},
		{Carried{Envelope: []byte(envelope), Signatures: []byte(`{}`)}, fedmsg.CodeMalformedSignature},
		{Carried{Envelope: []byte(`{"msg":{},"msg":{},"topic":"a.b"}`)}, fedmsg.CodeDuplicateKey},
		{Carried{Envelope: []byte("{\"msg\":NaN,\"topic\":\"\x01\"}")}, fedmsg.CodeBadJSON},
		{Carried{Envelope: []byte{}}, fedmsg.CodeBadJSON},
		{Carried{}, fedmsg.CodeBadTopic},
		{Carried{Topic: "a b"}, fedmsg.CodeBadTopic},
		{Carried{Topic: "a.b", Body: []byte(`[]`)}, fedmsg.CodeBadBody},
		{Carried{Topic: "a.b", Body: []byte(`{"a":1,"a":2}`)}, fedmsg.CodeDuplicateKey},
		{Carried{Topic: "a.b", Body: []byte(`{"a":NaN}`)}, fedmsg.CodeBadJSON},
		{Carried{Topic: "a.b", Body: big}, fedmsg.CodeTooLarge},
		{Carried{Topic: "a.b", Headers: []byte(`{"a":1}`)}, fedmsg.CodeBadEnvelope},
		{Carried{Topic: "a.b", ID: "a b"}, fedmsg.CodeBadID},
		{Carried{Topic: "a.b", Username: string(big[:300])}, fedmsg.CodeTooLarge},
	} {
		got, err := newDecoder().Carried(&test.in)
		if fedmsg.CodeOf(err) != test.want {
			t.Errorf("%+.60v: %v, want %s", test.in, err, test.want)
		}
		if got.Signatures != nil || got.Submission.Body != nil && test.want == fedmsg.CodeBadBody {
			t.Errorf("%+.60v: an error came with %+v", test.in, got)
		}
	}
}
