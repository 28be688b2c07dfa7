package datagrepper

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// sameSecond gives n messages of one second.
func sameSecond(n int) (entries []fedmsg.Entry) {
	for i := range n {
		entries = append(entries, fedmsg.Entry{ID: fmt.Sprint(i), Topic: "a.b.c.d", Received: begin, Envelope: []byte(`{"msg":{}}`)})
	}
	return entries
}

// one is an archive of one message with the id x.
func one(t testing.TB, envelope string) *library {
	return libraryOf(t, fedmsg.Entry{ID: "x", Topic: "a.b.c.d", Received: begin.Add(time.Hour), Envelope: []byte(envelope)})
}

// TestMessages holds how messages look in both shapes.
func TestMessages(t *testing.T) {
	t.Parallel()
	signed := `{"certificate":"C\n","i":1,"msg":{"a":1.0},"msg_id":"x","signature":"S\n","timestamp":1769860800,"topic":"a.b.c.d"}`
	for _, c := range []struct{ name, envelope, v1, v2 string }{
		{
			"signed", signed, signed,
			`{"body":{"a":1.0},"headers":{"sent-at":"2026-01-31T12:00:00+00:00"},"id":"x","priority":null,"queue":null,"topic":"a.b.c.d"}`,
		},
		{
			"with headers", `{"headers":{"sent-at":"2019-07-30T19:12:22+00:00","priority":"3"},"msg":{"a":"<b>"},"topic":"a.b.c.d"}`, "=",
			`{"body":{"a":"<b>"},"headers":{"sent-at":"2019-07-30T19:12:22+00:00","priority":"3"},"id":"x","priority":3,"queue":null,"topic":"a.b.c.d"}`,
		},
		{
			"with other headers and no time", `{"headers":{"k":"v"},"msg":[]}`, "=",
			`{"body":[],"headers":{"k":"v","sent-at":"2026-01-31T13:00:00+00:00"},"id":"x","priority":null,"queue":null,"topic":"a.b.c.d"}`,
		},
		{
			"from the old archive", `{"headers":{},"i":1,"msg":{},"signature":"S","source_name":"datanommer","source_version":"0.8.1","timestamp":1769860800.0}`,
			`{"i":1,"msg":{},"signature":"S","timestamp":1769860800}`,
			`{"body":{},"headers":{"sent-at":"2026-01-31T12:00:00+00:00"},"id":"x","priority":null,"queue":null,"topic":"a.b.c.d"}`,
		},
	} {
		l := one(t, c.envelope)
		v1 := strings.Replace(c.v1, "=", c.envelope, 1)
		for target, want := range map[string]string{"/id?id=x": v1, "/id/?id=x&size=small&is_raw=true": v1, "/v2/id?id=x&is_raw=true": c.v2} {
			if got := l.get(target).Body.String(); got != want+"\n" {
				t.Errorf("%s: %s: %s want %s", c.name, target, got, want)
			}
		}
		if a := l.search(t, "/raw"); string(a.Messages[0]) != v1 {
			t.Errorf("%s: %s", c.name, a.Messages[0])
		}
		if a := l.search(t, "/v2/search"); string(a.Messages[0]) != c.v2 {
			t.Errorf("%s: %s", c.name, a.Messages[0])
		}
	}
}

// TestMeta holds what is added to a message at request, and nothing else is.
func TestMeta(t *testing.T) {
	t.Parallel()
	l := one(t, `{"msg":{"agent":"ann","user":"bob","package":"gdb"},"msg_id":"x","timestamp":`+fmt.Sprint(time.Now().Add(-3*time.Hour).Unix())+`}`)
	var all []string
	for _, name := range metaNames() {
		all = append(all, "meta="+name)
	}
	want := `,"meta":{"agent_avatar":null,"agent_name":"ann","app_icon":null,"containers":[],"date":"3 hours ago","flatpaks":[],"icon":null,"link":null,"modules":[],` +
		`"objects":[],"packages":["gdb"],"secondary_icon":null,"subtitle":"a.b.c.d","summary":"a.b.c.d","text":null,"title":"a.b.c.d","url":null,"usernames":["ann","bob"]}}` + "\n"
	for _, path := range []string{"/id", "/v2/id"} {
		if got := l.get(path + query(append(all, "id=x", "meta=url")...)).Body.String(); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := one(t, `{"msg":{"agent":{"a":1}}}`).get("/id?id=x&meta=agent_name").Body.String(); !strings.HasSuffix(got, `"meta":{"agent_name":null}}`+"\n") {
		t.Error(got)
	}
}

// TestNotIJSON holds that an answer is JSON to everybody, also where a message is not.
func TestNotIJSON(t *testing.T) {
	t.Parallel()
	l := libraryOf(t, fedmsg.Entry{ID: "x", Topic: "a.b.c.d", Received: begin, Envelope: []byte(`{"msg":{"a":NaN}}`), NotIJSON: true})
	for target, want := range map[string]string{
		"/id?id=x":    `{"msg_id":"x","topic":"a.b.c.d","timestamp":1769860800,"envelope_base64":"eyJtc2ciOnsiYSI6TmFOfX0="}`,
		"/v2/id?id=x": `{"id":"x","topic":"a.b.c.d","timestamp":1769860800,"envelope_base64":"eyJtc2ciOnsiYSI6TmFOfX0="}`,
	} {
		if got := l.get(target).Body.String(); got != want+"\n" {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// TestRedacted holds that an erased message is told of as that.
func TestRedacted(t *testing.T) {
	t.Parallel()
	l := one(t, `{"msg":{"secret":1}}`)
	if ok, err := l.store.Redact(t.Context(), archive.Redaction{ID: "x", SHA256: "00", Reason: "a name in it", By: "uid:0", At: begin}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	const want = `"topic":"a.b.c.d","timestamp":1769864400,"redacted":true,"redaction":{"id":"x","sha256":"00","reason":"a name in it","by":"uid:0","at":"2026-01-31T12:00:00Z"},"meta":{"usernames":[]}}`
	for _, target := range []string{"/id?id=x&meta=usernames", "/v2/id?id=x&meta=usernames"} {
		if got := l.get(target).Body.String(); !strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// TestJSONP holds that a callback is the name of a function, and that the answer is a script that calls it.
func TestJSONP(t *testing.T) {
	t.Parallel()
	l := one(t, "{\"msg\":\"a\u2028b\u2029c\"}")
	w := l.get("/id?id=x&callback=jQuery1_2.show")
	if got := w.Body.String(); got != `/**/jQuery1_2.show({"msg":"a\u2028b\u2029c"});`+"\n" || w.Header().Get("Content-Type") != "application/javascript" {
		t.Errorf("%s as %s", got, w.Header().Get("Content-Type"))
	}
	if got := l.get("/messagecount/?callback=f").Body.String(); got != "/**/f({\"messagecount\":1});\n" {
		t.Error(got)
	}
	for text, want := range map[string]bool{
		"f": true, "$": true, "_1": true, "a.b.c": true, "": false, "1a": false, "a.": false, ".a": false, "a..b": false, "a b": false, "a()": false, "a[0]": false, "a;b": false, "a.1": false,
		"é": false, "a\n": false, "<script>": false, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
	} {
		if got := isFunction(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
