package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
)

// TestDecodeEntryRoundTrip holds that every entry comes back from its JSON.
func TestDecodeEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-z0-9.:-]{0,20}`), rapid.String())
		e := fedmsg.Entry{
			Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: rapid.Uint64().Draw(t, "seq")},
			Received: time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			ID:       text.Draw(t, "id"), Topic: text.Draw(t, "topic"), Sender: text.Draw(t, "sender"),
			Signer: text.Draw(t, "signer"), Verdict: fedmsg.Verdict(text.Draw(t, "verdict")),
			Envelope: []byte(rapid.SampledFrom([]string{`{}`, `{"a" : [ 1 , "é\ud83d\ude00" ] }`, `{"a":{"b":"}]\""},"c":1e999}`}).Draw(t, "envelope")),
		}
		if rapid.Bool().Draw(t, "origin") {
			e.Origin = fedmsg.Position{Log: "abcdefghijkl", Seq: 7}
		}
		if rapid.Bool().Draw(t, "signatures") {
			e.Signatures = []byte(`[{"sig":"AA=="},[]]`)
		}
		if rapid.Bool().Draw(t, "old") {
			e.NotIJSON, e.Envelope = true, []byte(`{"a":NaN}`)
		}
		line := e.AppendJSON(nil)
		got, err := DecodeEntry(append(bytes.Clone(line), '\n'))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%s: gave %+v (%v), want %+v", line, got, err, e)
		}
	})
}

// TestDecodeEntryFast holds that the usual lines, and those with signatures and an origin, go the fast way.
func TestDecodeEntryFast(t *testing.T) {
	e := fedmsg.Entry{
		Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1}, ID: "x", Topic: "a.b", Sender: "uid:0", Envelope: []byte(`{"msg":{"é":1.5}}`),
		Received: time.Unix(1700000000, 0).UTC(),
	}
	for _, change := range []func(){
		func() {},
		func() { e.Origin = e.Position },
		func() { e.Signatures = []byte(`[{"keyid":"k"}]`) },
		func() { e.Received = e.Received.Add(123456789) },
	} {
		change()
		line := e.AppendJSON(nil)
		got, ok := decodeUsual(line)
		if !ok || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: %v %+v", line, ok, got)
		}
	}
}

func TestDecodeEntryOtherOrders(t *testing.T) {
	for _, test := range []struct {
		in   string
		want fedmsg.Entry
	}{
		{`{"envelope":{"a":1},"topic":"a.b","new":[1,{}],"id":"x","position":"k3v5q2m7x4ab-3"}`, fedmsg.Entry{
			ID: "x", Topic: "a.b", Envelope: []byte(`{"a":1}`), Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 3},
		}},
		{`{}`, fedmsg.Entry{}},
	} {
		got, err := DecodeEntry([]byte(test.in))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v (%v), want %+v", test.in, got, err, test.want)
		}
	}
	for _, in := range []string{``, `[]`, `{`, `{"position":"x"}`, `{"gap":`} {
		got, err := DecodeEntry([]byte(in))
		wantRefusal(t, in, err, fedmsg.CodeBadJSON, "")
		if !reflect.DeepEqual(got, fedmsg.Entry{}) {
			t.Errorf("%s: an error came with %+v", in, got)
		}
	}
}

// TestDecodeEntryAsUnmarshal holds that lines which are nearly usual mean what encoding/json says.
func TestDecodeEntryAsUnmarshal(t *testing.T) {
	const usual = `{"position":"k3v5q2m7x4ab-1","seq":1,"received":"2026-01-02T03:04:05Z","id":"x","topic":"a","sender":"s",` +
		`"signer":"","verdict":"","envelope":{"msg":{"a":1}},"signatures":[]}`
	for _, change := range []struct {
		from, to string
		accepted bool
	}{
		{"", "", true},
		{`05Z"`, `05+02:00"`, true},
		{`05Z"`, `05.5Z"`, true},
		{`05Z"`, `05"`, false},
		{`"seq":1,`, `"seq":01,`, false},
		{`"seq":1,`, `"seq":0,`, true},
		{`"seq":1,`, `"seq":,`, false},
		{`{"a":1}`, `{"a":1,"a":2}`, true},
		{`{"a":1}`, `{"a":NaN}`, false},
		{`{"a":1}`, `{"a":"\ud800"}`, true},
		{`{"a":1}`, "{\"a\":\"\xff\"}", true},
		{`{"msg":{"a":1}}`, `[]`, true},
		{`{"msg":{"a":1}}`, `{"msg":{"a":1}},"new":{}`, true},
		{`[]}`, `[]}x`, false},
		{`[]}`, `[1]}{}`, false},
		{`[]}`, `[1]}`, true},
		{`[]}`, `[ ]}`, true},
		{`[]}`, `null}`, true},
		{`[]}`, `[],"topic":"b"}`, true},
		{`"id":"x"`, `"id":"\u0078"`, true},
		{`"id":"x"`, "\"id\":\"\xff\"", true},
		{`"id":"x"`, "\"id\":\"\x7f\"", true},
		{`"id":"x"`, `"id":null`, true},
		{`"id":"x"`, "\"id\":\"\n\"", false},
		{`ab-1"`, `ab-01"`, false},
		{`"k3v5q2m7x4ab-1"`, `""`, true},
		{`"verdict":""`, `"verdict":"","origin":"k3v5q2m7x4ab-7"`, true},
		{`"verdict":""`, `"verdict":"","origin":"-7"`, false},
	} {
		in := []byte(strings.Replace(usual, change.from, change.to, 1))
		if accepted := checkEntry(t, in); accepted != change.accepted {
			t.Errorf("%s: accepted %v", in, accepted)
		}
	}
}
