package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// plainEnvelope is an envelope as a publisher makes it.
const plainEnvelope = `{"i":1,"msg":{"k":"v"},"msg_id":"2026-x","timestamp":1700000000,"topic":"a.b","username":"u"}`

// TestAppendPAE holds the encoding against the example of the protocol's specification, and against lengths in bytes.
func TestAppendPAE(t *testing.T) {
	for _, test := range []struct{ kind, payload, want string }{
		{"http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world"},
		{"", "", "DSSEv1 0  0 "},
		{"é", "a\x00 1", "DSSEv1 2 é 4 a\x00 1"},
	} {
		if got := string(AppendPAE([]byte("before"), test.kind, []byte(test.payload))); got != "before"+test.want {
			t.Errorf("%q", got)
		}
	}
}

func TestSignaturesRoundTrip(t *testing.T) {
	all := []Signature{
		{KeyID: strings.Repeat("0af", 42) + "~!", Sig: []byte{0}},
		{Sig: bytes.Repeat([]byte{0xfb, 0xff}, maxSig/2), Certificate: bytes.Repeat([]byte{7}, maxCertificate)},
	}
	for len(all) < MaxSignatures {
		all = append(all, all[1])
	}
	raw := AppendSignatures([]byte("before"), all)[len("before"):]
	got, err := DecodeSignatures(raw)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%v (%v)", got, err)
	}
	var plain []struct{ KeyID, Sig, Cert string }
	if err := json.Unmarshal(raw, &plain); err != nil || plain[0].KeyID != all[0].KeyID || plain[1].Sig != base64.StdEncoding.EncodeToString(all[1].Sig) {
		t.Errorf("encoding/json reads %v (%v)", plain, err)
	}
	payload := bytes.Repeat([]byte("x"), 1000)
	doc := AppendDSSE(nil, EnvelopeType, payload, raw)
	if len(doc) > DSSESize(len(payload)) {
		t.Errorf("%d bytes are more than DSSESize, %d", len(doc), DSSESize(len(payload)))
	}
	if _, err := DecodeDSSE(doc, len(payload)); err != nil {
		t.Error(err)
	}
	for _, none := range []string{"", "[]", " [ ] "} {
		if got, err := DecodeSignatures([]byte(none)); err != nil || got != nil {
			t.Errorf("%q: %v (%v)", none, got, err)
		}
	}
}

func TestDecodeDSSE(t *testing.T) {
	in := "\n{ \"signatures\" : [ { \"sig\" : \"\\/\\u002b8=\", \"cert\":\"AA==\" },{\"keyid\":\"k\",\"sig\":\"AQID\"} ],\r\n\t\"payloadType\":\"text\\/plain\",\"payload\":\"aGk=\"} "
	got, err := DecodeDSSE([]byte(in), 2)
	want := DSSE{Type: "text/plain", Payload: []byte("hi"), Signatures: []byte(`[{"keyid":"","sig":"/+8=","cert":"AA=="},{"keyid":"k","sig":"AQID"}]`)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %s (%v)", got, got.Signatures, err)
	}
}

func TestDecodeSignaturesRefusals(t *testing.T) {
	long := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, test := range []struct{ in, words string }{
		{`null`, "array"},
		{`{}`, "array"},
		{`[`, "ends at byte"},
		{`[]x`, "the end is expected"},
		{`[null]`, "object"},
		{`["AA=="]`, "object"},
		{`[{}]`, "no sig"},
		{`[{"keyid":"k"}]`, "no sig"},
		{`[{"sig":null}]`, "sig must be a string"},
		{`[{"sig":["AA=="]}]`, "sig must be a string"},
		{`[{"sig":""}]`, "sig is empty"},
		{`[{"sig":"AA==","cert":""}]`, "cert is empty"},
		{`[{"sig":"AA==","cert":null}]`, "cert must be a string"},
		{`[{"sig":"AA==","keyid":1}]`, "keyid must be a string"},
		{`[{"sig":"AA==","keyid":"a b"}]`, "printable"},
		{`[{"sig":"AA==","keyid":"\u0000"}]`, "printable"},
		{`[{"sig":"AA==","keyid":"é"}]`, "printable"},
		{`[{"sig":"AA==","keyid":"\""}]`, "printable"},
		{`[{"sig":"AA==","keyid":"` + strings.Repeat("k", 129) + `"}]`, "129 bytes; at most 128"},
		{`[{"sig":"AA==","sig":"AA=="}]`, "twice"},
		{`[{"sig":"AA==","\u0073ig":"AQ=="}]`, "twice"},
		{`[{"sig":"AA==","role":"node"}]`, `unknown key "role"`},
		{`[{"sig":"AA"}]`, "canonical"},
		{`[{"sig":"AA="}]`, "canonical"},
		{`[{"sig":"AB=="}]`, "canonical"},
		{`[{"sig":"AAB="}]`, "canonical"},
		{`[{"sig":"AA==AA=="}]`, "canonical"},
		{`[{"sig":"AA==\n"}]`, "canonical"},
		{`[{"sig":"A\r\nA=="}]`, "canonical"},
		{`[{"sig":"AA=\n="}]`, "canonical"},
		{`[{"sig":"A A="}]`, "canonical"},
		{`[{"sig":"_-8="}]`, "canonical"},
		{`[{"sig":"===="}]`, "canonical"},
		{`[{"sig":"="}]`, "canonical"},
		{`[{"sig":"` + long(maxSig+1) + `"}]`, "1025 bytes; at most 1024"},
		{`[{"sig":"AA==","cert":"` + long(maxCertificate+1) + `"}]`, "16385 bytes; at most 16384"},
		{`[` + strings.Repeat(`{"sig":"AA=="},`, MaxSignatures) + `{"sig":"AA=="}]`, "more than 8"},
		{`[{"sig":"AA=="},]`, "object"},
		{`[{"sig":"\ud800"}]`, "surrogate"},
	} {
		got, err := DecodeSignatures([]byte(test.in))
		wantRefusal(t, test.in, err, fedmsg.CodeMalformedSignature, test.words)
		if got != nil {
			t.Errorf("%s: an error came with %v", test.in, got)
		}
	}
}

func TestDecodeDSSERefusals(t *testing.T) {
	const sigs = `"signatures":[{"sig":"AA=="}]`
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{``, fedmsg.CodeBadJSON, "an object"},
		{`[]`, fedmsg.CodeBadJSON, "an object"},
		{`{}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payload":"aGk=",` + sigs + `}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payload":"aGk=","payloadType":"",` + sigs + `}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payloadType":"t",` + sigs + `}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payload":"aGk=","payloadType":"t"}`, fedmsg.CodeMalformedSignature, "one is missing"},
		{`{"payload":"aGk=","payloadType":"t","signatures":[]}`, fedmsg.CodeMalformedSignature, "empty"},
		{`{"payload":"aGk=","payloadType":"t","signatures":null}`, fedmsg.CodeMalformedSignature, "array"},
		{`{"payload":null,"payloadType":"t",` + sigs + `}`, fedmsg.CodeMalformedSignature, "payload must be a string"},
		{`{"payload":"aGk=","payloadType":["t"],` + sigs + `}`, fedmsg.CodeMalformedSignature, "payloadType must be a string"},
		{`{"payload":"aGl=","payloadType":"t",` + sigs + `}`, fedmsg.CodeMalformedSignature, "payload is not canonical base64"},
		{`{"payload":"aG\nk=","payloadType":"t",` + sigs + `}`, fedmsg.CodeMalformedSignature, "payload is not canonical base64"},
		{`{"payload":"aGk=","payloadType":"t",` + sigs + `,"payload":"aGk="}`, fedmsg.CodeDuplicateKey, "payload"},
		{`{"payload":"aGk=","payloadType":"t",` + sigs + `,"topic":"a.b"}`, fedmsg.CodeMalformedSignature, `unknown key "topic"`},
		{`{"payload":"aGk=","payloadType":"t",` + sigs + `} {}`, fedmsg.CodeBadJSON, "the end"},
		{`{"payload":"aGkhISE=","payloadType":"t",` + sigs + `}`, fedmsg.CodeTooLarge, "5 bytes; limits.envelope is 4"},
		{`{"payload":"aGk=","payloadType":"t",` + sigs + `}` + strings.Repeat(" ", 9) + `x`, fedmsg.CodeBadJSON, "the end"},
		{strings.Repeat("x", DSSESize(4)+1), fedmsg.CodeTooLarge, "limits.envelope"},
	} {
		got, err := DecodeDSSE([]byte(test.in), 4)
		wantRefusal(t, test.in, err, test.code, test.words)
		if !reflect.DeepEqual(got, DSSE{}) {
			t.Errorf("%s: an error came with %v", test.in, got)
		}
	}
}

// holdSigned holds that what was decoded from DSSE carries the payload to the byte and can be written and read again.
func holdSigned(t testing.TB, in []byte, got Submitted) {
	t.Helper()
	var doc struct {
		Payload     []byte
		PayloadType string
	}
	if err := json.Unmarshal(in, &doc); err != nil || doc.PayloadType != EnvelopeType || !bytes.Equal(doc.Payload, got.Envelope.Bytes) {
		t.Errorf("%q: the payload became %q; encoding/json reads %q, %q (%v)", in, got.Envelope.Bytes, doc.PayloadType, doc.Payload, err)
	}
	again, err := newDecoder().Submitted(AppendDSSE(nil, EnvelopeType, got.Envelope.Bytes, got.Signatures))
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("%q: written and read again it is %+v (%v), not %+v", in, again, err, got)
	}
}

// checkDSSE holds that what is accepted is strict JSON, is read as encoding/json reads it, and can be written and read again.
func checkDSSE(t testing.TB, in []byte) bool {
	t.Helper()
	got, err := DecodeDSSE(in, 1<<20)
	if err != nil {
		if fedmsg.CodeOf(err) == fedmsg.CodeInternal || !reflect.DeepEqual(got, DSSE{}) {
			t.Errorf("%q: %+v with the error %v", in, got, err)
		}
		return false
	}
	if !strictJSON(in) {
		t.Errorf("%q: accepted what is not strict JSON", in)
	}
	var plain struct {
		Payload     []byte
		PayloadType string
		Signatures  []struct {
			KeyID     string
			Sig, Cert []byte
		}
	}
	signatures, err := DecodeSignatures(got.Signatures)
	if err := json.Unmarshal(in, &plain); err != nil || !bytes.Equal(plain.Payload, got.Payload) || plain.PayloadType != got.Type || len(plain.Signatures) != len(signatures) {
		t.Errorf("%q: encoding/json reads %+v (%v)", in, plain, err)
		return true
	}
	for i, s := range plain.Signatures {
		if signatures[i].KeyID != s.KeyID || !bytes.Equal(signatures[i].Sig, s.Sig) || !bytes.Equal(signatures[i].Certificate, s.Cert) {
			t.Errorf("%q: encoding/json reads %+v", in, s)
		}
	}
	if array := AppendSignatures(nil, signatures); err != nil || string(array) != string(got.Signatures) {
		t.Errorf("%q: signatures %s become %s (%v)", in, got.Signatures, array, err)
	}
	again, err := DecodeDSSE(AppendDSSE(nil, got.Type, got.Payload, got.Signatures), 1<<20)
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("%q: again %+v (%v)", in, again, err)
	}
	return true
}
