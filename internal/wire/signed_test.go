package wire

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// dsseOf puts a payload into DSSE with one signature, whatever that is worth.
func dsseOf(kind, payload string) string {
	return string(AppendDSSE(nil, kind, []byte(payload), []byte(`[{"keyid":"k","sig":"AQID"}]`)))
}

func TestSubmittedDSSE(t *testing.T) {
	payload := base64.StdEncoding.EncodeToString([]byte(plainEnvelope))
	for _, in := range []string{
		dsseOf(EnvelopeType, plainEnvelope),
		"\n" + strings.ReplaceAll(dsseOf(EnvelopeType, plainEnvelope), `,"`, ", \n\t\"") + " ",
		`{"signatures":[{"sig":"AQID","keyid":"k"}],"payload":"` + payload + `","payloadType":"application\/vnd.fedmsg+json"}`,
		`{"payloadType":"` + EnvelopeType + `","signatures":[{"sig":"\u0041QID","keyid":"\u006b"}],"payload":"` + payload + `"}`,
	} {
		got, err := newDecoder().Submitted([]byte(in))
		if err != nil || !got.Whole || string(got.Envelope.Bytes) != plainEnvelope || string(got.Signatures) != `[{"keyid":"k","sig":"AQID"}]` {
			t.Errorf("%s: %+v (%v)", in, got, err)
		}
		if got.Envelope.Topic != "a.b" || got.Envelope.ID != "2026-x" || string(got.Envelope.Body) != `{"k":"v"}` {
			t.Errorf("%s: %+v", in, got)
		}
	}
	// What stands around a message does not make it DSSE, nor does a member of another name.
	for _, in := range []string{
		`{"payload":"x","payloadType":"y","signatures":[],"topic":"a.b","msg":{},"i":1}`, plainEnvelope, `{"topic":"a.b","msg":{"payload":"x"}}`,
	} {
		if got, err := newDecoder().Submitted([]byte(in)); err != nil || got.Signatures != nil {
			t.Errorf("%s: %+v (%v)", in, got, err)
		}
	}
}

func TestSubmittedDSSERefusals(t *testing.T) {
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{dsseOf(ReceiptType, plainEnvelope), fedmsg.CodeMalformedSignature, ReceiptType},
		{dsseOf("Application/vnd.fedmsg+json", plainEnvelope), fedmsg.CodeMalformedSignature, "payloadType"},
		{dsseOf(EnvelopeType, " "+plainEnvelope), fedmsg.CodeBadEnvelope, "white space around"},
		{dsseOf(EnvelopeType, plainEnvelope+"\n"), fedmsg.CodeBadEnvelope, "white space around"},
		{dsseOf(EnvelopeType, strings.Replace(plainEnvelope, ",", ",\n", 1)), fedmsg.CodeBadEnvelope, "one line"},
		{dsseOf(EnvelopeType, strings.Replace(plainEnvelope, ":", ":\t", 1)), fedmsg.CodeBadEnvelope, "one line"},
		{dsseOf(EnvelopeType, ""), fedmsg.CodeBadJSON, "object"},
		{dsseOf(EnvelopeType, `[]`), fedmsg.CodeBadJSON, "object"},
		{dsseOf(EnvelopeType, `{"topic":"a.b"}`), fedmsg.CodeBadBody, "missing"},
		{dsseOf(EnvelopeType, `{"topic":"a.b","msg":{},"msg":{}}`), fedmsg.CodeDuplicateKey, "msg"},
		{dsseOf(EnvelopeType, `{"topic":"a.b","msg":{"a":NaN}}`), fedmsg.CodeBadJSON, "NaN"},
		{dsseOf(EnvelopeType, dsseOf(EnvelopeType, plainEnvelope)), fedmsg.CodeBadTopic, "missing"},
		{`{"payload":"e30="}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payload":"e30=","topic":"a.b"}`, fedmsg.CodeBadEnvelope, `unknown key "payload"`},
		{`{"payload":"e30=","msg":{}}`, fedmsg.CodeBadEnvelope, `unknown key "payload"`},
		{`{"signatures":[],"payload":"e30=","payloadType":"` + EnvelopeType + `"}`, fedmsg.CodeMalformedSignature, "empty"},
	} {
		_, err := newDecoder().Submitted([]byte(test.in))
		wantRefusal(t, test.in, err, test.code, test.words)
	}
}

// TestSubmittedDSSESize holds that the limit of envelopes is the limit of what was signed, not of its base64.
func TestSubmittedDSSESize(t *testing.T) {
	d := newDecoder()
	d.Limits.Envelope = len(plainEnvelope)
	if _, err := d.Submitted([]byte(dsseOf(EnvelopeType, plainEnvelope))); err != nil {
		t.Error(err)
	}
	longer := strings.Replace(plainEnvelope, `"v"`, `"vv"`, 1)
	for _, in := range []string{dsseOf(EnvelopeType, longer), longer, `{"topic":"a.b","msg":{"k":"` + strings.Repeat("v", len(plainEnvelope)) + `"}}`} {
		_, err := d.Submitted([]byte(in))
		wantRefusal(t, in, err, fedmsg.CodeTooLarge, "limits.envelope")
	}
	_, err := d.Submitted([]byte(strings.Repeat("[", DSSESize(len(plainEnvelope))+1)))
	wantRefusal(t, "more than any form has", err, fedmsg.CodeTooLarge, "limits.envelope")
}

// TestSignaturesOwnTheirMemory holds that a signed message keeps nothing of what it was read from.
func TestSignaturesOwnTheirMemory(t *testing.T) {
	in := []byte(dsseOf(EnvelopeType, plainEnvelope))
	got, err := newDecoder().Submitted(in)
	if err != nil {
		t.Fatal(err)
	}
	signatures, err := DecodeSignatures(got.Signatures)
	if err != nil {
		t.Fatal(err)
	}
	clear(in)
	clear(got.Signatures)
	if string(got.Envelope.Bytes) != plainEnvelope || signatures[0].KeyID != "k" || string(signatures[0].Sig) != "\x01\x02\x03" {
		t.Errorf("%+v %v", got, signatures)
	}
}
