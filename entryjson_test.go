package fedmsg

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEntryJSON(t *testing.T) {
	e := Entry{
		Position: Position{Log: "k3v5q2m7x4ab", Seq: 1042}, Received: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), ID: "2026-x", Topic: "a.b",
		Sender: "uid:1000", Envelope: []byte(`{"msg": {},"topic":"a.b"}`),
	}
	const want = `{"position":"k3v5q2m7x4ab-1042","seq":1042,"received":"2026-01-02T03:04:05.000006Z","id":"2026-x","topic":"a.b",` +
		`"sender":"uid:1000","signer":"","verdict":"","envelope":{"msg": {},"topic":"a.b"},"signatures":[]}`
	if got := string(e.AppendJSON([]byte("x"))); got != "x"+want {
		t.Errorf("gave %s\nwant x%s", got, want)
	}
	e.Origin, e.NotIJSON, e.Signatures = e.Position, true, []byte(`[{}]`)
	const old = `"verdict":"","origin":"k3v5q2m7x4ab-1042","envelope_base64":"eyJtc2ciOiB7fSwidG9waWMiOiJhLmIifQ==","signatures":[{}]}`
	if got := string(e.AppendJSON(nil)); !strings.HasSuffix(got, old) {
		t.Errorf("gave %s\nwant …%s", got, old)
	}
	e = Entry{Position: e.Position, Received: e.Received, ID: e.ID, Topic: e.Topic, Redacted: true}
	const erased = `"sender":"","signer":"","verdict":"","envelope":null,"redacted":true,"signatures":[]}`
	if got := string(e.AppendJSON(nil)); !strings.HasSuffix(got, erased) {
		t.Errorf("gave %s\nwant …%s", got, erased)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		e := Entry{
			Position: Position{Log: "k3v5q2m7x4ab", Seq: rapid.Uint64().Draw(t, "seq")},
			Received: time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			ID:       text.Draw(t, "id"), Topic: text.Draw(t, "topic"), Sender: text.Draw(t, "sender"), Signer: text.Draw(t, "signer"),
			Verdict: Verdict(text.Draw(t, "verdict")), Envelope: []byte(`{"a" : "é\ud83d\ude00"}`),
		}
		if rapid.Bool().Draw(t, "old") {
			e.NotIJSON, e.Envelope = true, rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "envelope")
		}
		if rapid.Bool().Draw(t, "redacted") {
			e.Redacted, e.NotIJSON, e.Envelope = true, false, nil
		}
		if rapid.Bool().Draw(t, "forwarded") {
			e.Origin, e.Signatures = Position{Log: "abcdefghijkl", Seq: 7}, []byte(`[{"sig":"AA=="}]`)
		}
		if rapid.Bool().Draw(t, "nowhere") {
			e.Position = Position{}
		}
		line := e.AppendJSON(nil)
		if !utf8.Valid(line) || strings.ContainsFunc(string(line), func(r rune) bool { return r < ' ' }) {
			t.Fatalf("not one line of UTF-8: %q", line)
		}
		var got Entry
		if err := json.Unmarshal(line, &got); err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%s: gave %+v (%v), want %+v", line, got, err, e)
		}
	})
}

func TestEntryUnmarshal(t *testing.T) {
	line := []byte(`{"new":{"member":1},"signatures":null,"envelope":{"a":1},"received":"2026-01-02T05:04:05+02:00","seq":"of no account"}`)
	var e Entry
	if err := e.UnmarshalJSON(line); err != nil {
		t.Fatal(err)
	}
	clear(line) // it must have copied what it keeps
	want := Entry{Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Envelope: []byte(`{"a":1}`)}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("gave %+v, want %+v", e, want)
	}
	for _, bad := range []string{``, `[]`, `"x"`, `{"position":"x-1"}`, `{"received":1}`, `{"topic":5}`, `{} {}`} {
		if err := e.UnmarshalJSON([]byte(bad)); CodeOf(err) != CodeBadJSON {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("a refusal changed the entry to %+v", e)
	}
}

// TestEntryValueMarshals holds that an entry has its one form also where encoding/json is given no pointer, and when it is
// empty.
func TestEntryValueMarshals(t *testing.T) {
	for _, e := range []Entry{{}, {Topic: "a.b", Envelope: []byte(`{"a":1}`)}} {
		got, err := json.Marshal(struct{ In Entry }{e})
		if want := `{"In":` + string(e.AppendJSON(nil)) + `}`; err != nil || string(got) != want {
			t.Errorf("gave %s (%v), want %s", got, err, want)
			continue
		}
		var back struct{ In Entry }
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back.In, e) {
			t.Errorf("%s: read as %+v (%v)", got, back.In, err)
		}
	}
}

func TestReceiptJSON(t *testing.T) {
	r := Receipt{
		ID: `a"é`, Position: Position{Log: "k3v5q2m7x4ab", Seq: 5}, Seq: 5, Received: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Duplicate: true,
	}
	var got Receipt
	if err := json.Unmarshal(r.AppendJSON(nil), &got); err != nil || got != r {
		t.Errorf("%s: %+v (%v)", r.AppendJSON(nil), got, err)
	}
}

func TestAppendErrorJSON(t *testing.T) {
	inside := errors.New("/var/lib/secret")
	for _, test := range []struct {
		err  error
		want string
	}{
		{Errorf(CodeBadTopic, "topic %q", "a"), `{"error":{"code":"bad_topic","message":"topic \"a\""}}`},
		{WrapError(CodeStorageFull, inside, "the disk is full"), `{"error":{"code":"storage_full","message":"the disk is full"}}`},
		{inside, `{"error":{"code":"internal","message":"internal error; the node's log says more"}}`},
		{&Error{Message: "no code"}, `{"error":{"code":"internal","message":"internal error; the node's log says more"}}`},
	} {
		if got := string(AppendErrorJSON(nil, test.err)); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}

func TestAppendJSONString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		got := AppendJSONString(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != string([]rune(s)) || !utf8.Valid(got) {
			t.Fatalf("%q: %s reads as %q (%v)", s, got, back, err)
		}
		for _, c := range got {
			if c < ' ' || c == 0x7f {
				t.Fatalf("%q: %q has a control character", s, got)
			}
		}
	})
}

func FuzzEntryUnmarshal(f *testing.F) {
	f.Add([]byte(`{"position":"k3v5q2m7x4ab-1","seq":1,"received":"2026-01-02T03:04:05Z","id":"x","topic":"a","envelope":{},"signatures":[]}`))
	f.Add([]byte(`{"envelope_base64":"e30=","origin":"k3v5q2m7x4ab-1"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var e, again Entry
		if e.UnmarshalJSON(line) != nil || e.Envelope == nil {
			return
		}
		if err := again.UnmarshalJSON(e.AppendJSON(nil)); err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%s: %+v and then %+v (%v)", line, e, again, err)
		}
	})
}
