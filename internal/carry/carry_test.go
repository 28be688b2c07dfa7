package carry

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/mutate"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

var (
	here       = fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 9}
	elsewhere  = fedmsg.Position{Log: "abcdefghijkl", Seq: 18446744073709551615}
	signatures = []byte(`[{"keyid":"k","sig":"AA==","cert":"` + strings.Repeat("QUJD", 900) + `"}]`)
)

func decoder() *wire.Decoder { return &wire.Decoder{Limits: fedmsg.DefaultLimits()} }

// entry is an entry with this envelope, as the old wire brings it.
func entry(t testing.TB, envelope []byte) *fedmsg.Entry {
	t.Helper()
	e, err := decoder().Envelope(envelope, wire.Old)
	if err != nil {
		t.Fatalf("%s: %v", envelope, err)
	}
	return &fedmsg.Entry{Position: here, ID: e.ID, Topic: e.Topic, Envelope: e.Bytes, NotIJSON: e.NotIJSON}
}

// lookup finds a header among those of a message.
func lookup(headers []Header) func(string) (string, bool) {
	byName := make(map[string]string, len(headers))
	for _, h := range headers {
		byName[h.Name] = h.Value
	}
	return func(name string) (string, bool) {
		v, ok := byName[name]
		return v, ok
	}
}

// holdTravel sends an entry in a form within limits and holds that it comes out the same.
func holdTravel(t testing.TB, e *fedmsg.Entry, form Form, limits Limits) Message {
	t.Helper()
	m, err := Split(e, form, limits)
	if err != nil {
		t.Fatalf("%s: %v", e.Envelope, err)
	}
	if m.Topic != e.Topic || m.ID != e.ID || m.Lossy {
		t.Fatalf("%s became %+v", e.Envelope, m)
	}
	total := 0
	for _, h := range m.Headers {
		if limits.Value > 0 && len(h.Value) > max(limits.Value, minValue) || h.Value == "" || strings.Trim(h.Value, " ") != h.Value {
			t.Errorf("%s: the header %s is %q", e.Envelope, h.Name, h.Value)
		}
		for _, c := range []byte(h.Value) {
			if c < ' ' || c > '~' {
				t.Fatalf("%s: the header %s has the byte %#x", e.Envelope, h.Name, c)
			}
		}
		total += len(h.Name) + len(h.Value)
	}
	if limits.Total > 0 && total > limits.Total {
		t.Errorf("%s: %d bytes of headers", e.Envelope, total)
	}
	got, err := Join(m.Topic, m.ID, m.Body, lookup(m.Headers), MessageHeaders(e.Envelope))
	if err != nil {
		t.Fatalf("%s: %v", e.Envelope, err)
	}
	origin := e.Origin
	if origin.IsZero() {
		origin = e.Position
	}
	if !bytes.Equal(got.Envelope, e.Envelope) || !bytes.Equal(got.Signatures, e.Signatures) || got.Origin != origin || got.Topic != e.Topic || got.Body != nil {
		t.Errorf("%s %s %s came back as %s %s %s", e.Envelope, e.Signatures, origin, got.Envelope, got.Signatures, got.Origin)
	}
	in, err := decoder().Carried(&got)
	if err != nil || !in.Whole || !bytes.Equal(in.Envelope.Bytes, e.Envelope) || in.Envelope.ID != e.ID || in.Envelope.NotIJSON != e.NotIJSON ||
		string(in.Signatures) != string(e.Signatures) || in.Origin != origin {
		t.Errorf("%s is taken as %+v (%v)", e.Envelope, in, err)
	}
	return m
}

// envelopes gives all that the old wire takes among the vectors and the corpus, once each.
func envelopes(t *testing.T) (all [][]byte) {
	seen := map[string]bool{}
	take := func(text []byte) {
		if e, err := decoder().Envelope(text, wire.Old); err == nil && !seen[string(e.Bytes)] {
			seen[string(e.Bytes)] = true
			all = append(all, e.Bytes)
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			take([]byte(v))
			if raw, err := hex.DecodeString(v); err == nil {
				take(raw)
			}
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	for _, pattern := range []string{"interop/vectors/*.json", "corpus/*.jsonl", "corpus/*.json"} {
		paths, err := filepath.Glob(fedmsgtest.Shared(t, filepath.FromSlash(pattern[:strings.IndexByte(pattern, '*')])) + "/" + filepath.Base(pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := json.NewDecoder(bytes.NewReader(data))
			for d.More() {
				var v json.RawMessage
				if err := d.Decode(&v); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				var members map[string]json.RawMessage
				if json.Unmarshal(v, &members) == nil && members["message"] != nil {
					take(members["message"])
				}
				var sample struct {
					Messages []json.RawMessage `json:"raw_messages"`
				}
				if json.Unmarshal(v, &sample) == nil {
					for _, m := range sample.Messages {
						take(m)
					}
				}
				var value any
				if err := json.Unmarshal(v, &value); err == nil {
					walk(value)
				}
			}
		}
	}
	return all
}

// TestTravel holds that every envelope of the vectors and the corpus comes back to the byte, in every form and within every limit.
func TestTravel(t *testing.T) {
	all := envelopes(t)
	if len(all) < 700 {
		t.Fatalf("%d envelopes were found", len(all))
	}
	t.Logf("%d envelopes", len(all))
	for _, envelope := range all {
		e := entry(t, envelope)
		for _, form := range []Form{Envelope, Body} {
			for _, limits := range []Limits{{}, {Value: 64}, {Value: 4 << 10, Total: 64 << 10}, {Value: 100}} {
				e.Signatures, e.Origin = nil, fedmsg.Position{}
				holdTravel(t, e, form, limits)
				e.Signatures, e.Origin = signatures, elsewhere
				holdTravel(t, e, form, limits)
			}
		}
	}
}

// TestTravelCorners holds it for what no real message has.
func TestTravelCorners(t *testing.T) {
	long := strings.Repeat(" ", 5000)
	for _, envelope := range []string{
		`{"msg":{},"topic":"a.b"}`,
		`{"topic":"a.b","msg":null}`,
		`{ "msg" : { } , "topic" : "a.b" }`,
		`{"headers":{},` + long + `"msg"` + long + `:` + long + `{}` + long + `,"topic":"a.b"` + long + `}`,
		`{"x":"` + long + `","msg":{},"topic":"a.b"}`,
		`{"x":"` + strings.Repeat("a ", 3000) + `","msg":{},"topic":"a.b"}`,
		`{"x":"` + strings.Repeat("é", 3000) + `","msg":{},"topic":"a.b"}`,
		`{"x":{"msg":1},"\u006dsg":{"msg":2},"topic":"a.b","y":{"msg":3}}`,
		`{"msg":"text","topic":"/topic/ä","username":"` + "\x7f" + `"}`,
		`{"msg":[NaN,"\ud800"],"topic":"a.b"}`,
		`{"i":1,"msg":{"topic":"x","msg":{},"i":1},"topic":"a.b"}`,
	} {
		for _, limits := range []Limits{{}, {Value: 64}, {Value: 1000}} {
			holdTravel(t, entry(t, []byte(envelope)), Body, limits)
			holdTravel(t, entry(t, []byte(envelope)), Envelope, limits)
		}
	}
}

// TestValues holds that any bytes come out of headers as they went in.
func TestValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spaces := rapid.Map(rapid.IntRange(0, 300), func(n int) string { return "a" + strings.Repeat(" ", n) + "a" })
		part := rapid.OneOf(spaces, rapid.StringMatching(`[ab ]{0,90}`), rapid.SampledFrom([]string{"base64:", "é", "\x00", " "}), rapid.String())
		value := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "value"), "")
		p := packer{limits: Limits{Value: rapid.IntRange(0, 200).Draw(t, "limit")}}
		p.put("x", []byte(value))
		u := unpacker{header: lookup(p.headers)}
		got, ok := u.take("x")
		if !ok || u.err != nil || string(got) != value {
			t.Fatalf("%q became %q by %q (%v)", value, got, p.headers, u.err)
		}
		for _, h := range p.headers {
			if h.Value == "" || strings.Trim(h.Value, " ") != h.Value || p.limits.Value > 0 && len(h.Value) > max(p.limits.Value, minValue) {
				t.Fatalf("%q became %q", value, p.headers)
			}
		}
	})
}

// TestForms holds what a program that knows nothing of fedmsg sees.
func TestForms(t *testing.T) {
	e := entry(t, []byte(`{"headers":{"h":"v"},"i":1,"msg":{"k": 1.50},"msg_id":"x","topic":"a.b"}`))
	e.Signatures = []byte(`[{"keyid":"k","sig":"AA=="}]`)
	m := holdTravel(t, e, Body, Limits{})
	want := Message{Topic: "a.b", ID: "x", Body: []byte(`{"k": 1.50}`), Headers: []Header{
		{HeaderHead, `{"headers":{"h":"v"},"i":1,"msg":`}, {HeaderTail, `,"msg_id":"x","topic":"a.b"}`},
		{HeaderSignatures, `[{"keyid":"k","sig":"AA=="}]`}, {HeaderOrigin, "k3v5q2m7x4ab-9"},
	}}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("as a body: %+v, want %+v", m, want)
	}
	m = holdTravel(t, e, Envelope, Limits{})
	want.Body, want.Headers = e.Envelope, want.Headers[2:]
	if !reflect.DeepEqual(m, want) {
		t.Errorf("as an envelope: %+v, want %+v", m, want)
	}
	if m, err := Split(e, Body, Limits{Total: 100}); err != nil || !m.Lossy || m.Headers != nil || string(m.Body) != `{"k": 1.50}` || m.ID != "x" || m.Topic != "a.b" {
		t.Errorf("beyond the limit: %+v (%v)", m, err)
	}
	e.Signatures = []byte(`[{"keyid":"k","sig":"` + strings.Repeat("A", 120) + `"}]`)
	m = holdTravel(t, e, Envelope, Limits{Value: 64})
	if m.Headers[1].Name != "fedmsg-signatures-2" || m.Headers[2].Name != "fedmsg-signatures-3" || len(m.Headers[0].Value) != 64 {
		t.Errorf("in pieces: %+v", m)
	}
	if _, err := Split(&fedmsg.Entry{ID: "x", Envelope: []byte(`{"topic":"a.b"}`)}, Body, Limits{}); fedmsg.CodeOf(err) != fedmsg.CodeBadEnvelope {
		t.Errorf("without msg: %v", err)
	}
}

// TestJoin holds what becomes of what other programs sent, and of what was damaged on its way.
func TestJoin(t *testing.T) {
	const envelope = `{"i":1,"msg":{},"topic":"a.b"}`
	head, tail := Header{HeaderHead, `{"i":1,"msg":`}, Header{HeaderTail, `,"topic":"a.b"}`}
	for _, test := range []struct {
		name    string
		headers []Header
		body    string
		want    fedmsg.Code
		whole   string // the envelope; else parts
	}{
		{"a plain message", []Header{{"x", "y"}, {HeaderTopic, "c.d"}, {HeaderID, "other"}}, `{"k":1}`, "", ""},
		{"an envelope as the body", nil, envelope, "", envelope},
		{"a submission as the body", nil, `{"topic":"a.b","msg":{}}`, "", ""},
		{"an old envelope with an origin", []Header{{HeaderOrigin, "k3v5q2m7x4ab-9"}}, `{"topic":"a.b","msg":{}}`, "", `{"topic":"a.b","msg":{}}`},
		{"in pieces", []Header{head, tail}, `{}`, "", envelope},
		{"no tail", []Header{head}, `{}`, fedmsg.CodeBadEnvelope, ""},
		{"no head", []Header{tail}, `{}`, fedmsg.CodeBadEnvelope, ""},
		{"half a head", []Header{{HeaderHead, `{"i":1,`}, tail}, `{}`, fedmsg.CodeBadEnvelope, ""},
		{"another body", []Header{head, tail}, `{},"msg":{}`, fedmsg.CodeBadEnvelope, ""},
		{"a body that is not the msg", []Header{{HeaderHead, `{"msg":{},"i":`}, tail}, `{}`, fedmsg.CodeBadEnvelope, ""},
		{"no base64", []Header{{HeaderHead, "base64:e30"}, tail}, `{}`, fedmsg.CodeBadEnvelope, ""},
		{"no position", []Header{head, tail, {HeaderOrigin, "9"}}, `{}`, fedmsg.CodeBadPosition, ""},
		{"nothing", nil, ``, "", ""},
	} {
		got, err := Join("a.b", "id", []byte(test.body), lookup(test.headers), []Header{{"x", "y"}})
		if fedmsg.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if test.whole != "" {
			if string(got.Envelope) != test.whole || got.Topic != "a.b" || got.ID != "" || got.Headers != nil {
				t.Errorf("%s: %+v", test.name, got)
			}
			continue
		}
		if got.Envelope != nil || got.Topic != "a.b" || got.ID != "id" || string(got.Body) != test.body || string(got.Headers) != `{"x":"y"}` {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestMessageHeaders holds that the headers of an envelope come in order, and that those of a message make an envelope's.
func TestMessageHeaders(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []Header
	}{
		{`{"headers":{"z":"1","a":"\u00e9\n","b":""},"msg":{}}`, []Header{{"z", "1"}, {"a", "é\n"}, {"b", ""}}},
		{`{"headers":{"a":"1","n":1,"l":["x"],"o":{"x":"y"},"b":"2"},"msg":{}}`, []Header{{"a", "1"}, {"b", "2"}}},
		{`{"headers":{"a":"1","n":NaN,"b":"2"},"msg":{}}`, []Header{{"a", "1"}}},
		{`{"headers":"x","msg":{}}`, nil}, {`{"msg":{"headers":{"a":"1"}}}`, nil}, {`{"headers":null}`, nil}, {`{"headers":{`, nil}, {``, nil},
	} {
		if got := MessageHeaders([]byte(test.in)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, want %q", test.in, got, test.want)
		}
	}
	in := []Header{{"b", "1"}, {"fedmsg-head", "x"}, {"fedmsg-head-2", "x"}, {"fedmsg-header", "kept"}, {"b", "2"}, {"\xff", "\xff"}, {"\xfe", "x"}, {"q\"", "\n"}}
	if got, want := string(appendHeaders(in)), `{"b":"1","fedmsg-header":"kept","`+"\ufffd"+`":"`+"\ufffd"+`","q\"":"\n"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := appendHeaders(in[1:3]); got != nil {
		t.Errorf("%s out of none", got)
	}
}

// TestMutations joins a great many messages that are nearly right: what comes out whole is what was put in, and has the body that
// other programs saw.
func TestMutations(t *testing.T) {
	const between = "\x00"
	var seeds [][]byte
	for _, envelope := range []string{`{"headers":{"h":"v"},"i":1,"msg":{"k":[1,"x"]},"msg_id":"x","topic":"a.b"}`, `{"msg":null,"topic":"a.b","username":"é"}`} {
		e := entry(t, []byte(envelope))
		e.Signatures = []byte(`[{"keyid":"k","sig":"AA=="}]`)
		for _, form := range []Form{Envelope, Body} {
			m := holdTravel(t, e, form, Limits{Value: 64})
			text := string(m.Body)
			for _, h := range m.Headers {
				text += between + h.Name + between + h.Value
			}
			seeds = append(seeds, []byte(text))
		}
	}
	pieces := []string{between, " ", "base64:", "fedmsg-head", "fedmsg-tail", "fedmsg-head-2", "fedmsg-origin", "fedmsg-signatures", "{", "}", `"msg":`, `,"msg":{}`, "[]", "é", "\n", "=", `"topic":"a.b",`, "k3v5q2m7x4ab-1"}
	mutate.Run(t, seeds, pieces, func(text []byte) bool {
		parts := strings.Split(string(text), between)
		var headers []Header
		for i := 1; i+1 < len(parts); i += 2 {
			headers = append(headers, Header{parts[i], parts[i+1]})
		}
		c, err := Join("a.b", "x", []byte(parts[0]), lookup(headers), headers)
		if err != nil {
			if code := fedmsg.CodeOf(err); code == fedmsg.CodeInternal {
				t.Errorf("%q: error without a code: %v", text, err)
			}
			return false
		}
		if raw := c.Headers; raw != nil && !json.Valid(raw) {
			t.Errorf("%q: headers %s", text, raw)
		}
		in, err := decoder().Carried(&c)
		if err != nil {
			return false
		}
		if in.Whole {
			m, err := Split(&fedmsg.Entry{ID: in.Envelope.ID, Topic: in.Envelope.Topic, Envelope: in.Envelope.Bytes}, Body, Limits{})
			if err != nil || string(m.Body) != string(in.Envelope.Body) {
				t.Errorf("%q: %s splits into %+v (%v)", text, in.Envelope.Bytes, m, err)
			}
			MessageHeaders(in.Envelope.Bytes)
		}
		return true
	})
}

func BenchmarkTravel(b *testing.B) {
	e := entry(b, []byte(`{"i":1,"msg":{"k":"`+strings.Repeat("x", 800)+`"},"msg_id":"2026-770ea120-f731-4ea6-8461-976634ab160b","n":1,"timestamp":1795229086,"topic":"org.example.dev.wiki.page.edit","username":"amara"}`))
	e.Signatures = []byte(`[{"keyid":"k","sig":"AA=="}]`)
	b.Run("split", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Split(e, Body, Limits{Value: 8 << 10, Total: 100 << 10}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("join", func(b *testing.B) {
		m, err := Split(e, Body, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		header := lookup(m.Headers)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Join(m.Topic, m.ID, m.Body, header, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
