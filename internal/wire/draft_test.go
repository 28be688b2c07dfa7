package wire

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAppendEnvelope(t *testing.T) {
	d := Draft{
		Topic: "a.b", ID: "2026-x", Username: "u", Time: 1700000000, I: 3, N: 4, Stream: "s",
		Headers: []byte(`{"h":"v"}`), Body: []byte(`{"z":1,"a":2}`),
	}
	want := `{"headers":{"h":"v"},"i":3,"msg":{"z":1,"a":2},"msg_id":"2026-x","n":4,"stream":"s","timestamp":1700000000,"topic":"a.b","username":"u"}`
	if got := AppendEnvelope([]byte("before"), &d); string(got) != "before"+want {
		t.Errorf("gave %s\nwant before%s", got, want)
	}
	d = Draft{Topic: "a.b", ID: "x", Body: []byte(`{"seq_id":5}`), N: 4, SeqID: 1 << 40, Stream: "s"}
	want = `{"i":0,"msg":{"seq_id":5},"msg_id":"x","n":4,"seq_id":1099511627776,"stream":"s","timestamp":0,"topic":"a.b","username":null}`
	if got := AppendEnvelope(nil, &d); string(got) != want {
		t.Errorf("gave %s\nwant %s", got, want)
	}
	d = Draft{Topic: "a.b", ID: "x", Body: []byte(`{}`)}
	want = `{"i":0,"msg":{},"msg_id":"x","timestamp":0,"topic":"a.b","username":null}`
	if got := AppendEnvelope(nil, &d); string(got) != want {
		t.Errorf("gave %s\nwant %s", got, want)
	}
}

// TestAppendEnvelopeText holds that any text in a draft comes back, and that the envelope is canonical if the body is.
func TestAppendEnvelopeText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		d := Draft{Topic: "a.b", ID: "x", Username: text, Body: []byte(`{}`), Stream: text, N: 1}
		got := AppendEnvelope(nil, &d)
		canonical, err := AppendCanonical(nil, got)
		if err != nil || string(canonical) != string(got) {
			t.Fatalf("%q is not canonical: %q (%v)", got, canonical, err)
		}
		var in members
		s, err := newDecoder().open(&in, got, Strict, len(got))
		defer s.release()
		if err != nil {
			t.Fatal(err)
		}
		// Each byte that is not UTF-8 becomes one U+FFFD.
		want := string([]rune(text))
		if name := in.copyStrings(idField).username; name != want || !utf8.ValidString(name) {
			t.Fatalf("%q came back as %q", text, name)
		}
	})
}

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^2026-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	// In this zone the new year has come, in UTC it has not.
	now := time.Date(2026, 1, 1, 1, 0, 0, 0, time.FixedZone("", 2*60*60))
	for range 1000 {
		id := NewID(now)
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("id %q is of the wrong form or was given before", id)
		}
		seen[id] = true
	}
	if id := NewID(time.Date(7, 1, 1, 0, 0, 0, 0, time.UTC)); !strings.HasPrefix(id, "0007-") {
		t.Errorf("id %q does not begin with a year of four digits", id)
	}
}
