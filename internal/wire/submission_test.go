package wire

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func TestSubmitted(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Submission
	}{
		{`{"topic":"a.b","msg":{}}`, Submission{Topic: "a.b", Body: []byte(`{}`)}},
		{
			"{ \"topic\" : \"a.b\" ,\n\"msg\" : { \"k\" : \" \\\" \" } , \"headers\" : { \"h\" : \"a b\" } , \"id\" : \"x:1/2\" , \"username\" : \"u\" }\n",
			Submission{Topic: "a.b", ID: "x:1/2", Username: "u", Headers: []byte(`{"h":"a b"}`), Body: []byte(`{"k":" \" "}`)},
		},
		{`{"topic":"a.b","msg":{},"id":null,"username":null,"headers":null}`, Submission{Topic: "a.b", Body: []byte(`{}`)}},
		{`{"topic":"a.b","msg":{},"headers":{ }}`, Submission{Topic: "a.b", Body: []byte(`{}`)}},
		{`{"t\u006fpic":"\u0061.b","msg":{"topic":1,"nonsense":2}}`, Submission{Topic: "a.b", Body: []byte(`{"topic":1,"nonsense":2}`)}},
	} {
		got, err := newDecoder().Submitted([]byte(test.in))
		if err != nil || got.Whole {
			t.Errorf("%s: %+v (%v)", test.in, got, err)
			continue
		}
		s := got.Submission
		if s.Topic != test.want.Topic || s.ID != test.want.ID || s.Username != test.want.Username ||
			string(s.Headers) != string(test.want.Headers) || (s.Headers == nil) != (test.want.Headers == nil) || string(s.Body) != string(test.want.Body) {
			t.Errorf("%s: %+v, want %+v", test.in, s, test.want)
		}
	}
}

func TestSubmittedWhole(t *testing.T) {
	for _, member := range []string{`"msg_id":"x"`, `"timestamp":1`, `"i":1`, `"crypto":"x509"`, `"signature":"s"`, `"certificate":"c"`, `"i":null`} {
		in := `{"topic":"a.b","msg":{},"unknown":1,"id":"kept",` + member + `}`
		got, err := newDecoder().Submitted([]byte(in))
		if err != nil || !got.Whole || string(got.Envelope.Bytes) != in {
			t.Errorf("%s: %+v (%v)", in, got, err)
		}
	}
	_, err := newDecoder().Submitted([]byte("{\"topic\":\"a.b\",\"msg\":{},\n\"signature\":\"s\"}"))
	wantRefusal(t, "a signed envelope of two lines", err, fedmsg.CodeBadEnvelope, "one line")
}

func TestSubmittedRefusals(t *testing.T) {
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{`{"topci":"a.b","msg":{}}`, fedmsg.CodeBadEnvelope, `unknown key "topci"; did you mean "topic"?`},
		{`{"topic":"a.b","mesg":{}}`, fedmsg.CodeBadEnvelope, `did you mean "msg"?`},
		{`{"topic":"a.b","msg":{},"header":{}}`, fedmsg.CodeBadEnvelope, `did you mean "headers"?`},
		{`{"topic":"a.b","msg":{},"severity":1}`, fedmsg.CodeBadEnvelope, `"severity"; a submission has topic, msg, id, headers and username`},
		{`{"topic":"a.b","msg":{},"":1}`, fedmsg.CodeBadEnvelope, `unknown key ""`},
		{`{"topic":"a.b","msg":{},"id":5}`, fedmsg.CodeBadEnvelope, "id must be a string"},
		{`{"topic":"a.b","msg":{},"id":""}`, fedmsg.CodeBadID, "empty"},
		{`{"topic":"a.b","msg":{},"id":"a\\b"}`, fedmsg.CodeBadID, "backslashes"},
		{`{"topic":"a.b","msg":{},"username":{}}`, fedmsg.CodeBadEnvelope, "username must be a string"},
		{`{"topic":"a.b","msg":{},"headers":["a"]}`, fedmsg.CodeBadEnvelope, "object of strings"},
		{`{"topic":"a.b","msg":{},"headers":{"a":1}}`, fedmsg.CodeBadEnvelope, "object of strings"},
		{`{"topic":"a.b","msg":{},"headers":{"a":"1","a":"2"}}`, fedmsg.CodeDuplicateKey, `"a"`},
		{`{"topic":"a.b","msg":[]}`, fedmsg.CodeBadBody, "object"},
		{`{"topic":"a.b"}`, fedmsg.CodeBadBody, "missing"},
		{`{"msg":{}}`, fedmsg.CodeBadTopic, "missing"},
		{`{"topic":"a b","msg":{}}`, fedmsg.CodeBadTopic, "' '"},
		{`{}`, fedmsg.CodeBadTopic, "missing"},
		{`{"topic":"a.b","msg":{"a":Infinity}}`, fedmsg.CodeBadJSON, "Infinity"},
	} {
		_, err := newDecoder().Submitted([]byte(test.in))
		wantRefusal(t, test.in, err, test.code, test.words)
	}
}
