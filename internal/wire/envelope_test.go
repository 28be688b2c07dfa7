package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func newDecoder() *Decoder { return &Decoder{Limits: fedmsg.DefaultLimits()} }

// wantRefusal holds that err has the code and that its sentence has the words.
func wantRefusal(t *testing.T, what string, err error, code fedmsg.Code, words string) {
	t.Helper()
	if fedmsg.CodeOf(err) != code {
		t.Errorf("%s: error %v, want code %q", what, err, code)
		return
	}
	if err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("%s: error %q does not say %q", what, err, words)
	}
}

func TestEnvelopeMembers(t *testing.T) {
	in := `{"crypto":"x509","certificate":"Q0E=","headers":{"a":"b"},"i":1,"msg":{"k":[1, 2]},"msg_id":"ID:host/1:2",` +
		`"signature":"c2ln","timestamp":1.5,"topic":"a.b","unknown":{"x":1},"username":"r\u00e9my"}`
	e, err := newDecoder().Envelope([]byte("\t "+in+" \r\n"), Strict)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ name, got, want string }{
		{"bytes", string(e.Bytes), in}, {"topic", e.Topic, "a.b"}, {"id", e.ID, "ID:host/1:2"}, {"username", e.Username, "rémy"},
		{"timestamp", string(e.Timestamp), "1.5"}, {"body", string(e.Body), `{"k":[1, 2]}`}, {"headers", string(e.Headers), `{"a":"b"}`},
		{"signature", string(e.Signature), `"c2ln"`}, {"certificate", string(e.Certificate), `"Q0E="`}, {"crypto", string(e.Crypto), `"x509"`},
	} {
		if m.got != m.want {
			t.Errorf("%s is %q, want %q", m.name, m.got, m.want)
		}
	}
	if !e.Signed() || e.NotIJSON {
		t.Errorf("decoded as %+v", e)
	}
}

func TestEnvelopeEscapedKeys(t *testing.T) {
	e, err := newDecoder().Envelope([]byte(`{"\u0074opic":"a.b","m\u0073g":{},"signature":null}`), Strict)
	if err != nil || e.Topic != "a.b" || string(e.Body) != "{}" || e.Signed() {
		t.Errorf("decoded as %+v (%v)", e, err)
	}
	_, err = newDecoder().Envelope([]byte(`{"topic":"a.b","msg":{},"\u0074opic":"c.d"}`), Strict)
	wantRefusal(t, "topic twice, once escaped", err, fedmsg.CodeDuplicateKey, `"topic"`)
}

func TestEnvelopeWithoutID(t *testing.T) {
	for in, said := range map[string]string{
		`{"topic":"a.b","msg":{}}`:               `{"msg":{},"topic":"a.b"}`,
		`{"msg_id":null,"topic":"a.b","msg":{}}`: `{"msg":{},"msg_id":null,"topic":"a.b"}`,
	} {
		sum := sha256.Sum256([]byte(said))
		for _, m := range []Mode{Strict, Old} {
			e, err := newDecoder().Envelope([]byte(in), m)
			if err != nil || e.ID != "sha256-"+hex.EncodeToString(sum[:]) {
				t.Errorf("%s: id %q (%v)", in, e.ID, err)
			}
		}
	}
}

// TestOneIDOfOneSignedMessage holds that nobody makes another message out of one that is signed in the old form, whose
// signature is good in whatever way the same is written.
func TestOneIDOfOneSignedMessage(t *testing.T) {
	const signed = `{"certificate":"Y2VydA==","crypto":"x509","i":1,"msg":{"a":1},"signature":"c2ln","timestamp":1700000000,"topic":"a.b"}`
	first, err := newDecoder().Envelope([]byte(signed), Strict)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"white space":             {`"i":1`, `"i": 1`},
		"another escape":          {`"a"`, `"\u0061"`},
		"another order":           {`"i":1,"msg":{"a":1}`, `"msg":{"a":1},"i":1`},
		"base64 in lines":         {`"c2ln"`, `"c2ln\n"`},
		"an escape in the base64": {`"c2ln"`, `"\u00632ln"`},
		"not signed yet":          {`"certificate":"Y2VydA==","crypto":"x509",`, ``},
	} {
		e, err := newDecoder().Envelope([]byte(strings.Replace(signed, change[0], change[1], 1)), Strict)
		if err != nil || e.ID != first.ID {
			t.Errorf("%s: id %q, not %q (%v)", name, e.ID, first.ID, err)
		}
	}
	if e, err := newDecoder().Envelope([]byte(strings.Replace(signed, `"a":1`, `"a":2`, 1)), Strict); err != nil || e.ID == first.ID {
		t.Errorf("another message has the id %q too (%v)", e.ID, err)
	}
}

func TestEnvelopeLayout(t *testing.T) {
	unsigned := "{\n\t\"topic\": \"a.b\",\r\n\t\"msg\": {\"k\": \"a  b\\\" \"}, \"signature\": null\n}\n"
	signed := strings.Replace(unsigned, "null", `"c2ln"`, 1)
	oneLine := strings.NewReplacer("\n", " ", "\t", " ", "\r", " ")
	d := newDecoder()

	e, err := d.Envelope([]byte(unsigned), Strict)
	if want := `{"topic":"a.b","msg":{"k":"a  b\" "},"signature":null}`; err != nil || string(e.Bytes) != want {
		t.Errorf("strict and unsigned: %q (%v), want %q", e.Bytes, err, want)
	}
	if string(e.Body) != `{"k":"a  b\" "}` {
		t.Errorf("strict and unsigned: body %q", e.Body)
	}
	_, err = d.Envelope([]byte(signed), Strict)
	wantRefusal(t, "strict and signed", err, fedmsg.CodeBadEnvelope, "one line")
	for _, in := range []string{unsigned, signed} {
		before := strings.Clone(in)
		e, err = d.Envelope([]byte(in), Old)
		if want := strings.TrimSpace(oneLine.Replace(in)); err != nil || string(e.Bytes) != want {
			t.Errorf("old: %q (%v), want %q", e.Bytes, err, want)
		}
		if string(e.Body) != `{"k": "a  b\" "}` || in != before {
			t.Errorf("old: body %q", e.Body)
		}
	}
	spaces := ` { "topic" : "a.b" , "msg" : { } , "signature" : "c2ln" } `
	for _, m := range []Mode{Strict, Old} {
		if e, err = d.Envelope([]byte(spaces), m); err != nil || string(e.Bytes) != strings.TrimSpace(spaces) {
			t.Errorf("spaces: %q (%v)", e.Bytes, err)
		}
	}
}

func TestEnvelopeKeepsBytes(t *testing.T) {
	in := "{\"topic\":\"a.b\",\"msg\":{\"del\":\"\x7f\",\"u\":\"\\u007F\\u00E9\",\"n\":1.50E+02},\"i\":01}"
	if _, err := newDecoder().Envelope([]byte(in), Strict); err == nil {
		t.Error("accepted a number with a leading zero")
	}
	in = strings.Replace(in, "01", "1", 1)
	e, err := newDecoder().Envelope([]byte(in), Strict)
	if err != nil || string(e.Bytes) != in {
		t.Errorf("%q (%v), want %q", e.Bytes, err, in)
	}
}

func TestEnvelopeStrictRefusals(t *testing.T) {
	for _, test := range []struct {
		in    string
		code  fedmsg.Code
		words string
	}{
		{``, fedmsg.CodeBadJSON, "an object is expected"},
		{`[]`, fedmsg.CodeBadJSON, "an object is expected"},
		{`null`, fedmsg.CodeBadJSON, "an object is expected"},
		{`{"topic":"a.b","msg":{}}x`, fedmsg.CodeBadJSON, `'x' at byte 25 where the end`},
		{`{"topic":"a.b","msg":{}`, fedmsg.CodeBadJSON, "ends at byte 23"},
		{`{"topic":"a.b","msg":{"a":NaN}}`, fedmsg.CodeBadJSON, "NaN"},
		{`{"topic":"a.b","msg":{"a":-Infinity}}`, fedmsg.CodeBadJSON, "Infinity"},
		{`{"topic":"a.b","msg":{"a":"\ud800"}}`, fedmsg.CodeBadJSON, "lone surrogate"},
		{"{\"topic\":\"a.b\",\"msg\":{\"a\":\"\xff\"}}", fedmsg.CodeBadJSON, "not UTF-8 at byte 28"},
		{"{\"topic\":\"a.b\",\"msg\":{\"a\":\"\xed\xa0\x80\"}}", fedmsg.CodeBadJSON, "not UTF-8"},
		{"{\"topic\":\"a.b\",\"msg\":{\"a\":\"\n\"}}", fedmsg.CodeBadJSON, "0x0a"},
		{"\xef\xbb\xbf{\"topic\":\"a.b\",\"msg\":{}}", fedmsg.CodeBadJSON, "an object is expected"},
		{`{"topic":"a.b","msg":{"a":{"b":1,"b":1}}}`, fedmsg.CodeDuplicateKey, `"b"`},
		{`{"topic":"a.b","msg":{},"msg":{}}`, fedmsg.CodeDuplicateKey, `"msg"`},
		{`{"msg":{}}`, fedmsg.CodeBadTopic, "missing"},
		{`{"topic":null,"msg":{}}`, fedmsg.CodeBadTopic, "missing"},
		{`{"topic":1,"msg":{}}`, fedmsg.CodeBadTopic, "string"},
		{`{"topic":"a..b","msg":{}}`, fedmsg.CodeBadTopic, "empty word"},
		{`{"topic":"/topic/a","msg":{}}`, fedmsg.CodeBadTopic, "'/'"},
		{`{"topic":"a.b"}`, fedmsg.CodeBadBody, "missing"},
		{`{"topic":"a.b","msg":null}`, fedmsg.CodeBadBody, "object"},
		{`{"topic":"a.b","msg":"text"}`, fedmsg.CodeBadBody, "object"},
		{`{"topic":"a.b","msg":{},"msg_id":1}`, fedmsg.CodeBadEnvelope, "msg_id"},
		{`{"topic":"a.b","msg":{},"msg_id":""}`, fedmsg.CodeBadID, "empty"},
		{`{"topic":"a.b","msg":{},"msg_id":"a b"}`, fedmsg.CodeBadID, "at byte 2"},
		{`{"topic":"a.b","msg":{},"msg_id":"a\\cb"}`, fedmsg.CodeBadID, "backslashes"},
		{`{"topic":"a.b","msg":{},"msg_id":"a\"b"}`, fedmsg.CodeBadID, "quotes"},
		{`{"topic":"a.b","msg":{},"msg_id":"é"}`, fedmsg.CodeBadID, "ASCII"},
		{`{"topic":"a.b","msg":{},"timestamp":"1"}`, fedmsg.CodeBadEnvelope, "timestamp must be a number"},
		{`{"topic":"a.b","msg":{},"i":[]}`, fedmsg.CodeBadEnvelope, "i must be a number"},
		{`{"topic":"a.b","msg":{},"signature":1}`, fedmsg.CodeBadEnvelope, "signature must be a string"},
		{`{"topic":"a.b","msg":{},"certificate":true}`, fedmsg.CodeBadEnvelope, "certificate must be a string"},
		{`{"topic":"a.b","msg":{},"crypto":{}}`, fedmsg.CodeBadEnvelope, "crypto must be a string"},
		{`{"topic":"a.b","msg":{},"headers":[]}`, fedmsg.CodeBadEnvelope, "headers must be an object"},
		{`{"topic":"a.b","msg":{},"username":7}`, fedmsg.CodeBadEnvelope, "username must be a string"},
	} {
		_, err := newDecoder().Envelope([]byte(test.in), Strict)
		wantRefusal(t, test.in, err, test.code, test.words)
	}
}

func TestEnvelopeOldLeniency(t *testing.T) {
	for _, test := range []struct {
		in       string
		notIJSON bool
	}{
		{`{"topic":"/topic/VirtualTopic.eng.x","msg":"text"}`, false},
		{`{"topic":"café","msg":null}`, false},
		{`{"topic":"a.b","msg":[NaN]}`, true},
		{`{"topic":"a.b","msg":[-Infinity]}`, true},
		{`{"topic":"a.b","msg":{"\udc00":1}}`, true},
		{`{"topic":"a.b","msg":{},"username":5,"headers":[],"timestamp":"x","signature":{},"crypto":0,"i":"x"}`, false},
		{`{"topic":"a.b","msg":{},"timestamp":-Infinity}`, true},
		{`{"topic":"a.b","msg":{},"timestamp":NaN}`, true},
		{`{"topic":"a.b","msg":{},"username":"\ud800"}`, true},
		{`{"topic":"a.b","msg":{},"msg_id":"ID\\chost"}`, false},
	} {
		e, err := newDecoder().Envelope([]byte(test.in), Old)
		if err != nil || e.NotIJSON != test.notIJSON || string(e.Bytes) != test.in {
			t.Errorf("%s: %+v (%v)", test.in, e, err)
		}
		if e.Timestamp != nil || e.Headers != nil || e.Username != "" && e.Username != "\ufffd\ufffd\ufffd" && e.Username != "\ufffd" {
			t.Errorf("%s: %+v", test.in, e)
		}
		if _, err = newDecoder().Envelope([]byte(test.in), Strict); err == nil {
			t.Errorf("%s: accepted by a strict door", test.in)
		}
	}
}

func TestEnvelopeOldRefusals(t *testing.T) {
	for _, test := range []struct {
		in   string
		code fedmsg.Code
	}{
		{`{"topic":"a.b","msg":{"a":1,"a":2}}`, fedmsg.CodeDuplicateKey},
		{`{"topic":"a.b","msg":{"\ud800":1,"\uD800":2}}`, fedmsg.CodeDuplicateKey},
		{`{"topic":"a\ud800","msg":{}}`, fedmsg.CodeBadTopic},
		{`{"topic":"a\u0000","msg":{}}`, fedmsg.CodeBadTopic},
		{`{"topic":"a.b"}`, fedmsg.CodeBadBody},
		{`{"topic":"a.b","msg":{},"msg_id":7}`, fedmsg.CodeBadEnvelope},
		{`{"topic":"a.b","msg":{},"msg_id":"a b"}`, fedmsg.CodeBadID},
		{`{"topic":"a.b","msg":{"a":nan}}`, fedmsg.CodeBadJSON},
		{"{\"topic\":\"a.b\",\"msg\":\"\xff\"}", fedmsg.CodeBadJSON},
	} {
		_, err := newDecoder().Envelope([]byte(test.in), Old)
		wantRefusal(t, test.in, err, test.code, "")
	}
}

func TestLimitsAreNamed(t *testing.T) {
	envelope := func(member string) string { return `{"topic":"a.b","msg":{},"i":1,` + member + `}` }
	for _, test := range []struct {
		name    string
		lower   func(l *fedmsg.Limits)
		fits    string
		exceeds string
		code    fedmsg.Code
	}{
		{"limits.body", func(l *fedmsg.Limits) { l.Body = 7 }, `{"topic":"a.b","msg":{"a":1},"i":1}`, `{"topic":"a.b","msg":{"a":10},"i":1}`, fedmsg.CodeTooLarge},
		{"limits.envelope", func(l *fedmsg.Limits) { l.Envelope = 30 }, " " + `{"topic":"a.b","msg":{},"i":1}` + "\n", `{"topic":"a.b","msg":{},"i":10}`, fedmsg.CodeTooLarge},
		{"limits.depth", func(l *fedmsg.Limits) { l.Depth = 3 }, `{"topic":"a.b","msg":{"a":[]},"i":1}`, `{"topic":"a.b","msg":{"a":[[]]},"i":1}`, fedmsg.CodeTooDeep},
		{"limits.topic_bytes", func(l *fedmsg.Limits) { l.TopicBytes = 3 }, envelope(`"x":1`), `{"topic":"a.bc","msg":{},"i":1}`, fedmsg.CodeBadTopic},
		{"limits.topic_words", func(l *fedmsg.Limits) { l.TopicWords = 2 }, envelope(`"x":1`), `{"topic":"a.b.c","msg":{},"i":1}`, fedmsg.CodeBadTopic},
		{"limits.headers", func(l *fedmsg.Limits) { l.Headers = 1 }, envelope(`"headers":{"a":"b"}`), envelope(`"headers":{"a":"b","c":"d"}`), fedmsg.CodeTooLarge},
		{"limits.header_bytes", func(l *fedmsg.Limits) { l.HeaderBytes = 4 }, envelope(`"headers":{"ab":"cd"}`), envelope(`"headers":{"ab":"cde"}`), fedmsg.CodeTooLarge},
		{"limits.id_bytes", func(l *fedmsg.Limits) { l.IDBytes = 4 }, envelope(`"msg_id":"abcd"`), envelope(`"msg_id":"abcde"`), fedmsg.CodeBadID},
		{"limits.name_bytes", func(l *fedmsg.Limits) { l.NameBytes = 4 }, envelope(`"username":"abcd"`), envelope(`"username":"abcde"`), fedmsg.CodeTooLarge},
		// What counts is what the escapes stand for.
		{"limits.name_bytes", func(l *fedmsg.Limits) { l.NameBytes = 4 }, envelope(`"username":"\u00e9\u00e9"`), envelope(`"username":"\u00e9\u00e9\u0061"`), fedmsg.CodeTooLarge},
		{"limits.topic_bytes", func(l *fedmsg.Limits) { l.TopicBytes = 3 }, `{"topic":"a\u002e\u0062","msg":{},"i":1}`, `{"topic":"a\u002e\u0062c","msg":{},"i":1}`, fedmsg.CodeBadTopic},
		{"limits.id_bytes", func(l *fedmsg.Limits) { l.IDBytes = 4 }, envelope(`"\u006dsg_id":"\u0061bcd"`), envelope(`"msg_id":"\u0061bcde"`), fedmsg.CodeBadID},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDecoder()
			test.lower(&d.Limits)
			for _, m := range []Mode{Strict, Old} {
				if _, err := d.Envelope([]byte(test.fits), m); err != nil {
					t.Errorf("what fits is refused: %v", err)
				}
				_, err := d.Envelope([]byte(test.exceeds), m)
				wantRefusal(t, test.exceeds, err, test.code, test.name)
			}
		})
	}
}

// TestEnvelopeCopiesStrings holds that a door may use its buffer again for what it does not pass on.
func TestEnvelopeCopiesStrings(t *testing.T) {
	in := []byte(`{"topic":"a.b","msg":{},"msg_id":"x","username":"u"}`)
	e, err := newDecoder().Envelope(in, Strict)
	if err != nil {
		t.Fatal(err)
	}
	clear(in)
	if e.Topic != "a.b" || e.ID != "x" || e.Username != "u" {
		t.Errorf("strings changed with the buffer: %q %q %q", e.Topic, e.ID, e.Username)
	}
}
