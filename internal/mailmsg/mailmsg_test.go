package mailmsg_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// parse reads a mail that is within the limits.
func parse(t *testing.T, raw string) *mailmsg.Mail {
	t.Helper()
	m, err := mailmsg.Parse([]byte(raw), mailmsg.Limits{})
	if err != nil {
		t.Fatalf("%.200q: %s", raw, err)
	}
	return m
}

// TestSubject holds how a field becomes one line of UTF-8.
func TestSubject(t *testing.T) {
	t.Parallel()
	blanks := strings.Repeat(" ", 70_000)
	for name, c := range map[string]struct{ raw, want string }{
		"plain":            {"Subject: a b", "a b"},
		"folded":           {"Subject: a\r\n b\r\n\tc", "a b c"},
		"encoded":          {"Subject: =?utf-8?q?caf=C3=A9?= =?ISO-8859-1?B?6Q==?=", "caféé"},
		"gbk":              {"Subject: =?GBK?B?16LK6Q==?=", "注书"},
		"unknown charset":  {"Subject: =?x-nobody?q?a=E9?=", "aé"},
		"broken word":      {"Subject: =?utf-8?q?a", "=?utf-8?q?a"},
		"raw latin-1":      {"Subject: caf\xe9", "café"},
		"raw utf-8":        {"Subject: café", "café"},
		"raw gbk, named":   {"Content-Type: text/plain; charset=gbk\nSubject: \xd6\xd0", "中"},
		"raw, body utf-8":  {"Content-Type: text/plain; charset=utf-8\nSubject: caf\xe9", "café"},
		"raw utf-8, gbk":   {"Content-Type: text/plain; charset=gbk\nSubject: café", "café"},
		"ascii, not read":  {"Content-Type: text/plain; charset=iso-2022-kr\nSubject: a", "a"},
		"ascii, escapes":   {"Content-Type: text/plain; charset=utf-16\nSubject: a~{", "a~{"},
		"ascii, hz":        {"Content-Type: text/plain; charset=hz-gb-2312\nSubject: a", "a"},
		"word not read":    {"Subject: =?iso-2022-kr?q?caf=E9?=", "café"},
		"much blank":       {"Subject: a" + blanks + "\n b", "a b"},
		"blank first":      {"Subject: " + blanks + "\n b", "b"},
		"cut":              {"Subject: a" + strings.Repeat("é", 40_000), "a" + strings.Repeat("é", 32_767)},
		"line break in it": {"Subject: =?utf-8?q?a=0D=0ABcc:_b=00=1B?=", "a  Bcc: b"},
		"name in capitals": {"SUBJECT: a", "a"},
		"twice":            {"Subject: a\nSubject: b", "a"},
		"of a mailbox":     {"From a@example.org Thu Jan  1 00:00:00 1970\nSubject: a", "a"},
		"blank line":       {"X: y\n \t\nSubject: a", ""},
	} {
		if got := parse(t, c.raw+"\n\nbody").Subject; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestFrom holds whom a mail is said to be from, and when nobody can be said.
func TestFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw, want string
		ambiguous bool
	}{
		"plain":                {"From: Ann Example <ann@example.org>", "Ann Example <ann@example.org>", false},
		"quoted":               {`From: "Example, Ann" <ann@example.org>`, "Example, Ann <ann@example.org>", false},
		"only the address":     {"From: ann@example.org", "ann@example.org", false},
		"name behind":          {"From: ann@example.org (Ann Example)", "Ann Example <ann@example.org>", false},
		"encoded":              {"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>", "Jürgen <j@example.org>", false},
		"encoded in quotes":    {`From: "=?utf-8?q?J=C3=BCrgen?=" <j@example.org>`, "Jürgen <j@example.org>", false},
		"raw latin-1":          {"From: J\xfcrgen <j@example.org>", "Jürgen <j@example.org>", false},
		"quotes in the middle": {"From: Ann \"the\" Ex <ann@example.org>", "Ann the Ex <ann@example.org>", false},
		"broken":               {"From: Ann [x] <ann@example.org", "Ann [x] <ann@example.org>", false},
		"address in a name":    {"From: =?utf-8?q?root=40debian=2Eorg_=3Croot=40debian=2Eorg=3E?= <eve@example.org>", "root@debian.org <root@debian.org> <eve@example.org>", false},
		"none":                 {"To: ann@example.org", "", false},
		"two fields":           {"From: ann@example.org\nFrom: eve@example.org", "", true},
		"two spellings":        {"From : ann@example.org\nFROM: eve@example.org", "", true},
		"two addresses":        {"From: ann@example.org, eve@example.org", "", true},
		"two, broken":          {"From: Ann [x] <ann@example.org>, Eve ]y[ <eve@example.org>", "", true},
	} {
		m := parse(t, c.raw+"\n\nbody")
		if m.From.String() != c.want || m.AmbiguousFrom != c.ambiguous {
			t.Errorf("%s: %q, ambiguous %v, want %q, %v", name, m.From, m.AmbiguousFrom, c.want, c.ambiguous)
		}
	}
}

// TestThread holds the ids of a mail and its thread, of its list, and its time.
func TestThread(t *testing.T) {
	t.Parallel()
	m := parse(t, "Message-ID: <a@example.org>\nIn-Reply-To: Your message of Monday <b@example.org>\n"+
		"References: <c@example.org>\n <b@example.org>\nList-Id: Talk <talk.example.org>\nDate: Tue, 19 Jan 2021 23:34:56 +0100\n\n")
	if m.MessageID != "a@example.org" || !reflect.DeepEqual(m.InReplyTo, []string{"b@example.org"}) ||
		!reflect.DeepEqual(m.References, []string{"c@example.org", "b@example.org"}) || m.ListID != "talk.example.org" ||
		!m.Date.Equal(time.Date(2021, 1, 19, 22, 34, 56, 0, time.UTC)) {
		t.Errorf("%+v", m)
	}
	for raw, want := range map[string]string{
		"Message-ID: a@example.org":              "a@example.org",
		"Message-ID: <a b@\n example.org>":       "ab@example.org",
		"Message-ID: <\xe5\x88\x86@example.org>": "分@example.org",
		"Message-ID: <a@example.org":             "a@example.org",
		"Message-ID: no id":                      "noid",
		"X: y":                                   "",
	} {
		if got := parse(t, raw+"\n\n").MessageID; got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	for raw, want := range map[string]string{
		"List-Id: talk.example.org":                               "talk.example.org",
		"X-Mailing-List: <talk@example.org> archive/latest/1":     "talk.example.org",
		"X-Mailing-List: nothing":                                 "",
		"List-Id: <>\nX-Mailing-List: talk@example.org":           "talk.example.org",
		"List-Id: \"a <b.example.org>\" <talk.example.org> thing": "talk.example.org",
	} {
		if got := parse(t, raw+"\n\n").ListID; got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	long := parse(t, "References: "+strings.Repeat("<x@example.org>\n ", 300)+"<last@example.org>\n\n")
	if n := len(long.References); n != 100 || long.References[99] != "last@example.org" {
		t.Errorf("%d references", n)
	}
}

// TestLimits holds that each limit refuses a mail, and that a mail at it is taken.
func TestLimits(t *testing.T) {
	t.Parallel()
	parts := "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 10_000)
	deep := strings.Repeat("Content-Type: message/rfc822\n\n", 40)
	for name, c := range map[string]struct {
		raw    string
		limits mailmsg.Limits
		taken  bool
	}{
		"bytes":        {strings.Repeat("x", 100), mailmsg.Limits{Bytes: 99}, false},
		"bytes fit":    {strings.Repeat("x", 100), mailmsg.Limits{Bytes: 100}, true},
		"header":       {"Subject: a\n b\n c\n", mailmsg.Limits{Header: 16}, false},
		"header fits":  {"Subject: a\n b\n c\n", mailmsg.Limits{Header: 17}, true},
		"fields":       {"A: b\nA: b\nA: b\n", mailmsg.Limits{Fields: 2}, false},
		"fields fit":   {"A: b\nA: b\nA: b\n", mailmsg.Limits{Fields: 3}, true},
		"parts":        {parts, mailmsg.Limits{}, false},
		"parts fit":    {parts, mailmsg.Limits{Parts: 10_001}, true},
		"depth":        {deep, mailmsg.Limits{}, false},
		"depth fits":   {deep, mailmsg.Limits{Depth: 40}, true},
		"fields below": {"Content-Type: message/rfc822\n\nA: b\nA: b\n", mailmsg.Limits{Fields: 2}, false},
	} {
		_, err := mailmsg.Parse([]byte(c.raw), c.limits)
		var coded *fedmsg.Error
		if c.taken != (err == nil) || err != nil && (!errors.As(err, &coded) || coded.Code != fedmsg.CodeTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
