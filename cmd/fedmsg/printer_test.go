package main

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestPrinterIsHarmless has control characters in every text that comes from outside, in every format on a terminal.
func TestPrinterIsHarmless(t *testing.T) {
	const evil = "a\x1b[2J\u009b31m\u202eb\n"
	e := fedmsg.Entry{
		Received: time.Unix(0, 0), ID: "i" + evil, Topic: "t" + evil, Sender: "s" + evil, Signer: "g" + evil, NotIJSON: true,
		Envelope: []byte(`{"username":"u` + "\u009b" + `","headers":{"k` + "\u009b" + `":"\u001b"},"msg":{"x":"` + "\u009b\u202e" + `"}}`),
	}
	for _, verdict := range []fedmsg.Verdict{fedmsg.VerdictOK, fedmsg.VerdictTopicNotCovered, "v" + evil} {
		e.Verdict = verdict
		testHarmless(t, &e)
	}
	e.Envelope = []byte("not JSON \x1b[2J")
	testHarmless(t, &e)
}

func testHarmless(t *testing.T, e *fedmsg.Entry) {
	t.Helper()
	for _, format := range formats() {
		p, err := newPrinter(format, false, true)
		if err != nil {
			t.Fatal(err)
		}
		got := string(p.entry(e))
		if i := strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' }); i >= 0 {
			t.Errorf("%s: %q", format, got)
		}
		if format != "pretty" && strings.Count(got, "\n") != 1 {
			t.Errorf("%s is not one line: %q", format, got)
		}
	}
}

// TestPrinterSigner shows who signed, as far as the node has verified it, and nobody else.
func TestPrinterSigner(t *testing.T) {
	for _, c := range []struct {
		verdict       fedmsg.Verdict
		pretty, terse string
	}{
		{fedmsg.VerdictOK, "\n  signer bts\n", " uid:7 signed by bts {"},
		{fedmsg.VerdictTopicNotCovered, "\n  signer bts (topic not covered)\n", " uid:7 signed by bts, topic not covered {"},
		{fedmsg.VerdictUnsigned, "\n  not signed\n", " uid:7, not signed {"},
		{fedmsg.VerdictUnchecked, "\n  not checked\n", " uid:7, not checked {"},
		{fedmsg.VerdictNone, "\n  not checked\n", " uid:7, not checked {"},
		{"redacted", "\n  redacted\n", " uid:7, redacted {"},
	} {
		e := fedmsg.Entry{Topic: "a.b", Sender: "uid:7", Signer: "bts", Verdict: c.verdict, Envelope: []byte(`{"username":"root","msg":{}}`)}
		for format, want := range map[string]string{"pretty": c.pretty, "terse": c.terse} {
			p, _ := newPrinter(format, false, false)
			got := string(p.entry(&e))
			if !strings.Contains(got, want) || format == "terse" && strings.Contains(got, "root") || format == "pretty" && !strings.Contains(got, "sender uid:7 (claims to be root)") {
				t.Errorf("%q, %s: %q", c.verdict, format, got)
			}
			if _, verified := signerOf(&e); verified == "not signed" && strings.Contains(got, "bts") {
				t.Errorf("an unverified signer is shown: %q", got)
			}
		}
	}
}

func TestPrinterColour(t *testing.T) {
	e := fedmsg.Entry{Topic: "a.b", Envelope: []byte(`{"msg":{}}`)}
	for _, color := range []bool{false, true} {
		p, _ := newPrinter("terse", color, color)
		if got := strings.Contains(string(p.entry(&e)), "\x1b["); got != color {
			t.Errorf("colour %v: %v", color, got)
		}
	}
}

func TestPrinterKeepsBytesForPrograms(t *testing.T) {
	e := fedmsg.Entry{Envelope: []byte("{\"x\":\"\u009b\x7f\"}")}
	p, _ := newPrinter("raw", false, false)
	if got := string(p.entry(&e)); got != string(e.Envelope)+"\n" {
		t.Errorf("%q", got)
	}
}

// TestPrinterCSV holds that a cell is no formula of a spreadsheet and stays one cell, whatever is in it.
func TestPrinterCSV(t *testing.T) {
	e := fedmsg.Entry{Received: time.Unix(1e9, 0), ID: "=1+1", Topic: "a.b", Sender: "@x", Signer: "-a", Envelope: []byte(`{"username":"+1","msg":{"k":"a, \"b\""}}`)}
	p, _ := newPrinter("csv", false, false)
	if got := strings.Join(csvHead(), ",") + "\n"; string(p.head) != got {
		t.Errorf("%q", p.head)
	}
	if got := string(p.entry(&e)); got != `2001-09-09T01:46:40Z,,'=1+1,a.b,Unclassified,'@x,'-a,,,,'+1,"{""k"":""a, \""b\""""}"`+"\n" {
		t.Errorf("%s", got)
	}
}
