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
	for _, notJSON := range []bool{false, true} {
		if notJSON {
			e.Envelope = []byte("not JSON \x1b[2J")
		}
		for _, format := range []string{"pretty", "terse", "json", "raw"} {
			p, err := newPrinter(format, false, true)
			if err != nil {
				t.Fatal(err)
			}
			got := string(p.entry(&e))
			if i := strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' }); i >= 0 {
				t.Errorf("%s: %q", format, got)
			}
			if format != "pretty" && strings.Count(got, "\n") != 1 {
				t.Errorf("%s is not one line: %q", format, got)
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
