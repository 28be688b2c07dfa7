package client

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

func TestReplyParser(t *testing.T) {
	want := fedmsg.Receipt{
		ID: "2026-a", Position: fedmsg.Position{Log: fakeLog, Seq: 17}, Seq: 17,
		Received: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Duplicate: true,
	}
	var p replyParser
	line := want.AppendJSON(nil)
	if _, ok := p.usual(line); !ok {
		t.Errorf("the usual form is not read in one pass: %s", line)
	}
	for name, line := range map[string]string{
		"usual":       string(line),
		"other order": `{"seq":17,"position":"k3v5q2m7x4ab-17","duplicate":true,"received":"2026-01-02T03:04:05.000000678Z","id":"2026-a"}`,
		"new member":  `{"id":"2026-a","position":"k3v5q2m7x4ab-17","seq":17,"received":"2026-01-02T03:04:05.000000678Z","duplicate":true,"more":1}`,
		"white space": `{ "id":"2026-a","position":"k3v5q2m7x4ab-17","seq":17,"received":"2026-01-02T03:04:05.000000678Z","duplicate": true }`,
		"escaped id":  `{"id":"2026-\u0061","position":"k3v5q2m7x4ab-17","seq":17,"received":"2026-01-02T03:04:05.000000678Z","duplicate":true}`,
	} {
		r, err := p.parse([]byte(line))
		r.receipt.ID = string(r.id)
		if err != nil || r.err != nil || r.receipt != want {
			t.Errorf("%s: %+v, %v, %v", name, r.receipt, r.err, err)
		}
	}
	r, err := p.parse([]byte(`{"error":{"code":"bad_topic","message":"topic is empty"},"line":3}`))
	if err != nil || fedmsg.CodeOf(r.err) != fedmsg.CodeBadTopic || r.err.Error() != "topic is empty" {
		t.Errorf("error line: %v, %v", r.err, err)
	}
	for _, line := range []string{``, `{}`, `null`, `x`, `{"id":""}`, `{"id":"a","position":"x-1","seq":1,"received":"2026-01-02T03:04:05Z","duplicate":false}`, `{"id":"a`, `{"error":null}`} {
		if r, err := p.parse([]byte(line)); err == nil {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

// TestReplyParserForgetsBadLog has the same bad name twice: what was refused once is not known the second time.
func TestReplyParserForgetsBadLog(t *testing.T) {
	var p replyParser
	if r, err := p.parse([]byte(`{"id":"x","position":"-1","seq":1,"received":"2026-01-01T00:00:00Z","duplicate":false}`)); err == nil {
		t.Errorf("without a log, taken as %+v", r)
	}
	for range 2 {
		if r, err := p.parse([]byte(`{"id":"x","position":"nobody-1","seq":1,"received":"2026-01-01T00:00:00Z","duplicate":false}`)); err == nil {
			t.Errorf("taken as %+v", r)
		}
	}
	if r, err := p.parse([]byte(`{"id":"x"}`)); err == nil {
		t.Errorf("without a position, taken as %+v", r)
	}
}

func TestReplyParserAllocatesNothing(t *testing.T) {
	r := fedmsg.Receipt{ID: "2026-a", Position: fedmsg.Position{Log: fakeLog, Seq: 17}, Seq: 17, Received: time.Unix(1, 2).UTC()}
	line := r.AppendJSON(nil)
	p := replyParser{log: fakeLog}
	if n := testing.AllocsPerRun(100, func() { _, _ = p.parse(line) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
