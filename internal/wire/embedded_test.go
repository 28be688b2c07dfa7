package wire

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestAppendSignedVectors makes what the old signers signed out of what they sent.
func TestAppendSignedVectors(t *testing.T) {
	for name, v := range oldFrames(t) {
		frame, want := unhex(t, v.SignedHex.Hex[1]), string(unhex(t, v.SignedBytes))
		got, err := AppendSigned([]byte("before"), frame)
		if err != nil || (string(got) == "before"+want) == unsortedOnTheWire[name] {
			t.Errorf("%s: %q (%v), want %q", name, got, err, want)
		}
	}
}

// TestAppendEmbeddedVectors puts the old signatures into the unsigned frames, which gives the old signed frames.
func TestAppendEmbeddedVectors(t *testing.T) {
	for name, v := range oldFrames(t) {
		unsigned, signed := unhex(t, v.Unsigned.Hex[1]), string(unhex(t, v.SignedHex.Hex[1]))
		var has struct{ Crypto, Signature, Certificate string }
		if err := json.Unmarshal([]byte(signed), &has); err != nil && !notIJSON[name] {
			t.Fatal(err)
		}
		if notIJSON[name] { // encoding/json cannot read it; the other two members are read for themselves
			has.Crypto, has.Signature, has.Certificate = "x509", member(t, signed, "signature"), member(t, signed, "certificate")
		}
		got, err := AppendEmbedded([]byte("before"), unsigned, has.Crypto, has.Signature, has.Certificate)
		if err != nil || string(got) != "before"+signed {
			t.Errorf("%s: %q (%v)\nwant %q", name, got, err, signed)
		}
		got, err = AppendEmbedded(nil, unsigned, "x509", "", "")
		if err == nil {
			got, err = AppendSigned(nil, got)
		}
		if want := string(unhex(t, v.SignedBytes)); err != nil || (string(got) == want) == unsortedOnTheWire[name] {
			t.Errorf("%s: to be signed is %q (%v), want %q", name, got, err, want)
		}
	}
}

// member cuts a string member out of compact JSON that has its key once.
func member(t *testing.T, in, key string) (value string) {
	t.Helper()
	_, rest, _ := strings.Cut(in, `"`+key+`":`)
	if err := json.NewDecoder(strings.NewReader(rest)).Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAppendEmbeddedPlaces(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"a":1}`, `{"a":1,"certificate":"C","crypto":"x","signature":"S\n"}`},
		{`{"z":1}`, `{"certificate":"C","crypto":"x","signature":"S\n","z":1}`},
		{`{"i":1,"msg":2,"topic":"t"}`, `{"certificate":"C","crypto":"x","i":1,"msg":2,"signature":"S\n","topic":"t"}`},
		{`{"cf":1,"sh":2}`, `{"certificate":"C","cf":1,"crypto":"x","sh":2,"signature":"S\n"}`},
		{` { "i" : 1 , "topic" : {"signature":1} } `, ` { "certificate":"C","crypto":"x","i" : 1,"signature":"S\n" , "topic" : {"signature":1} } `},
		{`{"topic":"t","i":1}`, `{"topic":"t","i":1,"certificate":"C","crypto":"x","signature":"S\n"}`},
		{`{"b":1,"a":1,"z":1 }`, `{"b":1,"a":1,"z":1,"certificate":"C","crypto":"x","signature":"S\n" }`},
		{`{"\u0061":NaN,"\ud800":1}`, `{"\u0061":NaN,"certificate":"C","crypto":"x","signature":"S\n","\ud800":1}`},
	} {
		got, err := AppendEmbedded(nil, []byte(test.in), "x", "S\n", "C")
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s (%v), want %s", test.in, got, err, test.want)
		}
	}
	if got, err := AppendEmbedded(nil, []byte(`{"a":1,"z":2}`), "gpg", "S", ""); err != nil || string(got) != `{"a":1,"crypto":"gpg","signature":"S","z":2}` {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestAppendEmbeddedRefusals(t *testing.T) {
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{`{"i":1,"signature":null}`, fedmsg.CodeMalformedSignature, `"signature" already`},
		{`{"i":1,"\u0063rypto":"x509"}`, fedmsg.CodeMalformedSignature, `"crypto" already`},
		{`{"i":1,"certificate":""}`, fedmsg.CodeMalformedSignature, `"certificate" already`},
		{`{}`, fedmsg.CodeBadEnvelope, "empty"},
		{`[]`, fedmsg.CodeBadJSON, "object"},
		{``, fedmsg.CodeBadJSON, "object"},
		{`{"i":1`, fedmsg.CodeBadJSON, "end"},
		{`{"i":1}{}`, fedmsg.CodeBadJSON, "the end"},
	} {
		got, err := AppendEmbedded([]byte("before"), []byte(test.in), "x509", "S", "C")
		wantRefusal(t, test.in, err, test.code, test.words)
		if string(got) != "before" {
			t.Errorf("%s: dst became %q", test.in, got)
		}
	}
}

// TestAppendArchivedProduction undoes what the archive did to real messages: their signatures hold then, and not before.
func TestAppendArchivedProduction(t *testing.T) {
	var file struct {
		Messages []json.RawMessage `json:"raw_messages"`
	}
	sharedJSON(t, "corpus/datagrepper-raw-sample.json", &file)
	if len(file.Messages) != 15 {
		t.Fatalf("%d messages; 15 are known", len(file.Messages))
	}
	for _, m := range file.Messages {
		var has struct{ Signature, Certificate string }
		if err := json.Unmarshal(m, &has); err != nil {
			t.Fatal(err)
		}
		sig, err := base64.StdEncoding.DecodeString(has.Signature)
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.StdEncoding.DecodeString(has.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		holds := func(signed []byte) bool {
			sum := sha1.Sum(signed)
			return rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA1, sum[:], sig) == nil
		}
		got, archived, err := AppendArchived(nil, m)
		if err != nil || !archived || !holds(got) {
			t.Errorf("archived %v, holds %v (%v): %s", archived, holds(got), err, got)
		}
		if got, err := AppendSigned(nil, m); err != nil || holds(got) {
			t.Errorf("holds as it was archived (%v): %s", err, got)
		}
		restored, ok := AppendRestored(nil, m)
		if got, err := AppendSigned(nil, restored); err != nil || !ok || !holds(got) {
			t.Errorf("does not hold as it is restored (%v): %s", err, restored)
		}
	}
}

func TestAppendArchived(t *testing.T) {
	const marks = `,"source_name":"datanommer","source_version":"0.6.5"`
	for _, test := range []struct {
		in, want string
		archived bool
	}{
		{`{"timestamp":1.5,"headers":{},"signature":"s","source_name":"d"}`, `{"headers":{},"source_name":"d","timestamp":1.5}`, false},
		{`{"headers":null,"msg":{"source_name":1,"source_version":2}}`, `{"headers":null,"msg":{"source_name":1,"source_version":2}}`, false},
		{`{"timestamp":1.5` + marks + `,"certificate":1,"headers":{}}`, `{"timestamp":1}`, true},
		{`{"headers":{ }` + marks + `,"a":{"timestamp":2.5,"headers":{}}}`, `{"a":{"headers":{},"timestamp":2.5}}`, true},
		{`{"headers":{"h":1},"timestamp":1504643075.0` + marks + `}`, `{"headers":{"h":1},"timestamp":1504643075}`, true},
		{`{"headers":0.0,"timestamp":-1.9` + marks + `}`, `{"timestamp":-1}`, true},
		{`{"headers":NaN,"timestamp":NaN` + marks + `}`, `{"headers":NaN,"timestamp":NaN}`, true},
		{`{"headers":"","timestamp":"1.5"` + marks + `}`, `{"timestamp":"1.5"}`, true},
		{`{"timestamp":1e300` + marks + `}`, `{"timestamp":1e+300}`, true},
		{`{"timestamp":123456789012345678901` + marks + `}`, `{"timestamp":123456789012345678901}`, true},
		{`{"timestamp":null` + marks + `}`, `{"timestamp":null}`, true},
		{`[1]`, `[1]`, false},
	} {
		got, archived, err := AppendArchived([]byte("before"), []byte(test.in))
		if err != nil || archived != test.archived || string(got) != "before"+test.want {
			t.Errorf("%s: %s %v (%v), want %s", test.in, got, archived, err, test.want)
		}
	}
	for _, in := range []string{`{"a":1,"a":2}`, `{"a":1,"a":2` + marks + `}`, `{"a":1` + marks, ``, `{"a":1` + marks + `} {}`} {
		if got, archived, err := AppendArchived([]byte("before"), []byte(in)); err == nil || archived || string(got) != "before" {
			t.Errorf("%s: %s %v without an error", in, got, archived)
		}
	}
}

func TestAppendRestored(t *testing.T) {
	const marks = `"source_name":"datanommer","source_version":"0.6.5"`
	for in, want := range map[string]string{
		`{` + marks + `}`: `{}`, `{"b":1.0,` + marks + `,"a":"x  y"}`: `{"b":1.0,"a":"x  y"}`, `{"timestamp":7.0,` + marks + `,"headers":{}}`: `{"timestamp":7}`,
		"\n{ \"msg\" : { \"a\" : [ 1 ] } ,\n" + marks + `, "headers":{"h":"x"},"signature":"s\n"} `: `{"msg":{"a":[1]},"headers":{"h":"x"},"signature":"s\n"}`,
		`{"source_name":"x"}`: ``, `{}`: ``, ``: ``, `{` + marks + `,"a":x"}`: ``, `{` + marks: ``, `{` + marks + `,"a":1,"a":1}`: ``,
	} {
		got, restored := AppendRestored([]byte("before"), []byte(in))
		if string(got) != "before"+want || restored != (want != "") {
			t.Errorf("%s: %s, %v; want %s", in, got, restored, want)
		}
	}
}

func TestAppendBody(t *testing.T) {
	e, err := newDecoder().Envelope([]byte(`{"topic":"a.b", "msg":{"b": 1.50, "a":"é"}}`), Strict)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AppendBody([]byte("before"), &e); err != nil || string(got) != `before{"a":"\u00e9","b":1.5}` {
		t.Errorf("%s (%v)", got, err)
	}
}

// checkEmbedded holds that what is put in can be taken out, and that what was canonical stays so.
func checkEmbedded(t testing.TB, in []byte) bool {
	t.Helper()
	got, err := AppendEmbedded(nil, in, "x509", "S\n", "C")
	if err != nil {
		if fedmsg.CodeOf(err) == fedmsg.CodeInternal || got != nil {
			t.Errorf("%q: %q with the error %v", in, got, err)
		}
		return false
	}
	before, err := AppendCanonical(nil, in)
	if err != nil { // a key is there twice, which is the decoder's matter
		return true
	}
	after, err := appendCanonical(nil, got, saidMembers)
	if err != nil || string(after) != string(before) {
		t.Errorf("%q: became %q, which is %q without its signature (%v)", in, got, after, err)
	}
	if canonical, err := AppendCanonical(nil, got); string(in) == string(before) && string(canonical) != string(got) {
		t.Errorf("%q: was canonical, and is not as %q (%v)", in, got, err)
	}
	return true
}

// checkArchived holds that what is made of an archived envelope is canonical, and is the same as what is made of that again.
func checkArchived(t testing.TB, in []byte) bool {
	t.Helper()
	got, archived, err := AppendArchived(nil, in)
	if restored, ok := AppendRestored(nil, in); ok != archived {
		t.Errorf("%q: restored %v, archived %v", in, ok, archived)
	} else if signed, err := AppendSigned(nil, restored); ok && (err != nil || string(signed) != string(got)) {
		t.Errorf("%q: restored it is signed as %q (%v), want %q", in, signed, err, got)
	}
	signed, other := AppendSigned(nil, in)
	if (err == nil) != (other == nil) || !archived && string(got) != string(signed) {
		t.Errorf("%q: %q (%v), as it stands %q (%v)", in, got, err, signed, other)
	}
	if err != nil {
		return false
	}
	if again, err := AppendCanonical(nil, got); err != nil || string(again) != string(got) {
		t.Errorf("%q: %q is not canonical (%v)", in, got, err)
	}
	return true
}
