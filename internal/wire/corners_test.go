package wire

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestJSONCorners holds what a strict door makes of texts on which parsers of JSON disagree, and what canonical form they
// have. Python's json and Go's read the last of two equal keys, Go's takes keys without regard to case, and of numbers that
// are too large one makes infinities and the other refusals: none of this may decide who sent what on which topic.
func TestJSONCorners(t *testing.T) {
	body := func(b string) string { return `{"topic":"a.b","msg":` + b + `,"i":1}` }
	for name, test := range map[string]struct {
		in        string
		code      fedmsg.Code // empty: accepted
		canonical string      // of what is accepted
	}{
		"NUL in a string":           {body(`{"a":"\u0000"}`), "", `{"i":1,"msg":{"a":"\u0000"},"topic":"a.b"}`},
		"NUL in a key":              {body(`{"a\u0000":1,"a":2}`), "", `{"i":1,"msg":{"a":2,"a\u0000":1},"topic":"a.b"}`},
		"NUL in the topic":          {`{"topic":"a.b\u0000","msg":{},"i":1}`, fedmsg.CodeBadTopic, ""},
		"raw NUL":                   {body("{\"a\":\"\x00\"}"), fedmsg.CodeBadJSON, ""},
		"byte order mark":           {"\ufeff" + body(`{}`), fedmsg.CodeBadJSON, ""},
		"form feed":                 {body("{\f}"), fedmsg.CodeBadJSON, ""},
		"no-break space":            {body("{\u00a0}"), fedmsg.CodeBadJSON, ""},
		"huge":                      {body(`{"a":1e400,"b":-1E+400}`), "", `{"i":1,"msg":{"a":Infinity,"b":-Infinity},"topic":"a.b"}`},
		"tiny":                      {body(`{"a":1e-400}`), "", `{"i":1,"msg":{"a":0.0},"topic":"a.b"}`},
		"many digits":               {body(`{"a":123456789012345678901234567890}`), "", `{"i":1,"msg":{"a":123456789012345678901234567890},"topic":"a.b"}`},
		"minus zero":                {body(`{"a":-0,"b":-0.0,"c":-0e0}`), "", `{"i":1,"msg":{"a":0,"b":-0.0,"c":-0.0},"topic":"a.b"}`},
		"leading zero":              {body(`{"a":01}`), fedmsg.CodeBadJSON, ""},
		"minus alone":               {body(`{"a":-}`), fedmsg.CodeBadJSON, ""},
		"plus":                      {body(`{"a":+1}`), fedmsg.CodeBadJSON, ""},
		"hexadecimal":               {body(`{"a":0x10}`), fedmsg.CodeBadJSON, ""},
		"underscore":                {body(`{"a":1_0}`), fedmsg.CodeBadJSON, ""},
		"point last":                {body(`{"a":1.}`), fedmsg.CodeBadJSON, ""},
		"comma last":                {body(`{"a":[1,]}`), fedmsg.CodeBadJSON, ""},
		"comma last in an object":   {body(`{"a":1,}`), fedmsg.CodeBadJSON, ""},
		"comment":                   {body(`{/**/}`), fedmsg.CodeBadJSON, ""},
		"true in capitals":          {body(`{"a":TRUE}`), fedmsg.CodeBadJSON, ""},
		"escaped quote of Python":   {body(`{"a":"\'"}`), fedmsg.CodeBadJSON, ""},
		"overlong UTF-8":            {body("{\"a\":\"\xc0\xaf\"}"), fedmsg.CodeBadJSON, ""},
		"surrogate as UTF-8":        {body("{\"a\":\"\xed\xa0\x80\"}"), fedmsg.CodeBadJSON, ""},
		"lone low surrogate":        {body(`{"a":"\udc00"}`), fedmsg.CodeBadJSON, ""},
		"surrogates in wrong order": {body(`{"a":"\udc00\ud800"}`), fedmsg.CodeBadJSON, ""},
		"pair and half":             {body(`{"a":"\ud83d\ude00\ud83d"}`), fedmsg.CodeBadJSON, ""},
		"twice in an array":         {body(`{"a":[[{"b":[{"c":1,"\u0063":2}]}]]}`), fedmsg.CodeDuplicateKey, ""},
		"twice as a pair":           {body(`{"😀":1,"\ud83d\ude00":2}`), fedmsg.CodeDuplicateKey, ""},
		"twice in headers":          {`{"topic":"a.b","msg":{},"headers":{"k":"1","\u006b":"2"}}`, fedmsg.CodeDuplicateKey, ""},
		"topic twice":               {`{"topic":"a.b","msg":{},"i":1,"\u0074opic":"c.d"}`, fedmsg.CodeDuplicateKey, ""},
		"empty key twice":           {body(`{"":1,"":2}`), fedmsg.CodeDuplicateKey, ""},
		"composed and decomposed":   {body(`{"\u00e9":1,"e\u0301":2}`), "", `{"i":1,"msg":{"e\u0301":2,"\u00e9":1},"topic":"a.b"}`},
		"key in capitals":           {`{"topic":"a.b","msg":{},"i":1,"TOPIC":"c.d"}`, "", `{"TOPIC":"c.d","i":1,"msg":{},"topic":"a.b"}`},
		"submission in capitals":    {`{"topic":"a.b","msg":{},"Topic":"c.d"}`, fedmsg.CodeBadEnvelope, ""},
		"escaped topic and key":     {`{"\u0074opic":"a\u002eb","msg":{},"i":1}`, "", `{"i":1,"msg":{},"topic":"a.b"}`},
		"slash in an escape":        {`{"topic":"a\/b","msg":{},"i":1}`, fedmsg.CodeBadTopic, ""},
		"empty id":                  {`{"topic":"a.b","msg":{},"msg_id":""}`, fedmsg.CodeBadID, ""},
		"space in an id":            {`{"topic":"a.b","msg":{},"msg_id":"a b"}`, fedmsg.CodeBadID, ""},
		"line break in an id":       {`{"topic":"a.b","msg":{},"msg_id":"a\nb"}`, fedmsg.CodeBadID, ""},
		"no-break space in an id":   {`{"topic":"a.b","msg":{},"msg_id":"a\u00a0b"}`, fedmsg.CodeBadID, ""},
		"number for an id":          {`{"topic":"a.b","msg":{},"msg_id":5}`, fedmsg.CodeBadEnvelope, ""},
		"object for a name":         {`{"topic":"a.b","msg":{},"i":1,"username":{}}`, fedmsg.CodeBadEnvelope, ""},
		"two values":                {body(`{}`) + `{}`, fedmsg.CodeBadJSON, ""},
		"NUL behind":                {body(`{}`) + "\x00", fedmsg.CodeBadJSON, ""},
		"deep":                      {body(strings.Repeat(`{"a":`, 62) + `{}` + strings.Repeat(`}`, 62)), "", `{"i":1,"msg":` + strings.Repeat(`{"a":`, 62) + `{}` + strings.Repeat(`}`, 62) + `,"topic":"a.b"}`},
		"too deep":                  {body(strings.Repeat(`{"a":`, 63) + `{}` + strings.Repeat(`}`, 63)), fedmsg.CodeTooDeep, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDecoder().Submitted([]byte(test.in))
			wantRefusal(t, test.in, err, test.code, "")
			if test.code != "" {
				return
			}
			got, err := AppendCanonical(nil, []byte(test.in))
			if err != nil || string(got) != test.canonical {
				t.Errorf("canonical form %s (%v), want %s", got, err, test.canonical)
			}
		})
	}
}

// TestReleaseKeepsNothingHuge holds that one huge string in a small place does not keep its memory in the pool.
func TestReleaseKeepsNothingHuge(t *testing.T) {
	s := borrow([]byte(`{"topic":"`+strings.Repeat("a", 1<<20)+`","msg":{}}`), 4)
	var in members
	in.read(s)
	in.copyStrings(idField)
	s.release()
	if s.data == nil { // what goes back into the pool is cleared
		t.Error("a scanner with a megabyte of memory was kept to be used again")
	}
}
