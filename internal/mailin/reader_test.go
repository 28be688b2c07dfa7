package mailin

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

func reader() *Reader { return &Reader{TopicPrefix: "org.debian", Environment: "dev"} }

// corpus gives the 158 mails of Debian's bug tracker and mailing lists, by file.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	dir := fedmsgtest.Shared(t, "corpus", "debian-mails")
	mails := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "INDEX.jsonl" {
			return err
		}
		mails[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(mails) != 158 {
		t.Fatalf("%d mails, want 158", len(mails))
	}
	return mails
}

// one gives the only message of a mail.
func one(t *testing.T, raw []byte) (id, topic, body string) {
	t.Helper()
	got := reader().Read(t.Context(), raw)
	if got.Verdict != Publish || len(got.Messages) != 1 {
		t.Fatalf("%+v", got)
	}
	m := got.Messages[0]
	return m.ID, m.Topic, string(m.Body)
}

// hops is what a mail gets on its way to two different doors.
const hops = "Return-Path: <bounce@example.org>\nDelivered-To: debmails@example.org\nX-Original-To: debmails@example.org\n" +
	"Received: from a by b;\n\tMon, 2 Nov 2026 10:00:00 +0000\nX-Spam-Status: No, score=-1\n  tests=NONE\nARC-Seal: i=1; a=rsa-sha256\n" +
	"Authentication-Results: b; dkim=pass\nX-Envelope-From: <x@example.org>\nLines: 7\nX-UID: 12\n"

// TestSameMail holds that each mail of the corpus is the same message with other line ends, a mailbox's lines around it, and what servers
// write into it, and that no two of them are one message.
func TestSameMail(t *testing.T) {
	t.Parallel()
	ids := make(map[string]string)
	for file, raw := range corpus(t) {
		got := reader().Read(t.Context(), raw)
		if got.Verdict == Nothing {
			continue
		}
		id, topic, body := one(t, raw)
		if !regexp.MustCompile("^mail-[0-9a-f]{64}$").MatchString(id) || !strings.HasPrefix(topic, "org.debian.dev.debmessenger.") {
			t.Errorf("%s: id %s on %s", file, id, topic)
		}
		if other := ids[id]; other != "" {
			t.Errorf("%s and %s have the id %s", file, other, id)
		}
		ids[id] = file
		unbroken := bytes.TrimRight(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), "\n")
		for way, copied := range map[string][]byte{
			"CRLF":    bytes.ReplaceAll(unbroken, []byte("\n"), []byte("\r\n")),
			"mailbox": append(append([]byte("From bounce@example.org Mon Nov  2 10:00:00 2026\n"), unbroken...), "\n\n"...),
			"hops":    append([]byte(hops), unbroken...),
		} {
			otherID, otherTopic, otherBody := one(t, copied)
			if otherID != id || otherTopic != topic || otherBody != body {
				t.Errorf("%s by %s: %s on %s, want %s on %s, and the same body (%v)", file, way, otherID, otherTopic, id, topic, body == otherBody)
			}
		}
	}
}

const bug = "From: Amara Nwosu <amara@example.org>\nTo: 7@bugs.example.org\nSubject: Bug#7: tea: too cold\nMessage-ID: <a@example.org>\n" +
	"X-Debian-PR-Message: followup 7\nX-Debian-PR-Package: tea\n\nIt is cold.\n"

// TestOtherMail holds that whoever takes over a Message-ID does not take the message's place.
func TestOtherMail(t *testing.T) {
	t.Parallel()
	id, _, _ := one(t, []byte(bug))
	for what, other := range map[string]string{
		"text":      strings.Replace(bug, "It is cold.", "It is hot.", 1),
		"sender":    strings.Replace(bug, "Amara Nwosu", "Bo Lind", 1),
		"new field": "X-Debian-PR-Source: coffee\n" + bug,
		"moved":     strings.Replace(bug, "Subject: Bug#7: tea: too cold\n", "Subject: Bug#7: tea: \n", 1) + "too cold",
	} {
		if got, _, _ := one(t, []byte(other)); got == id {
			t.Errorf("%s: another mail has the same id", what)
		}
	}
	r := reader()
	r.Service = "mails"
	if got := r.Read(t.Context(), []byte(bug)); got.Messages[0].ID == id || got.Messages[0].Topic != "org.debian.dev.mails.bug.followup" {
		t.Errorf("another service: %s on %s", got.Messages[0].ID, got.Messages[0].Topic)
	}
}

// TestVerdicts holds what becomes of mails that are not published.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mail string
		want       Verdict
		code       fedmsg.Code
	}{
		{"says nothing", "From: a@example.org\nSubject: lunch\n\nToday?\n", Nothing, ""},
		{"empty", "", Nothing, ""},
		{"of the bus", LoopField + ": 2026-1\n" + bug, Looped, fedmsg.CodeForbidden},
		{"of the bus, in other letters", "x-fedmsg-ID: 2026-1\n" + bug, Looped, fedmsg.CodeForbidden},
		{"goes round", strings.Repeat("Received: from a by b\n", 51) + bug, Looped, fedmsg.CodeForbidden},
		{"goes far", strings.Repeat("Received: from a by b\n", 50) + bug, Publish, ""},
		{"of a program", "Auto-Submitted: auto-generated\n" + bug, Publish, ""},
		{"too many fields", strings.Repeat("a: b\n", 10_001) + bug, Unreadable, fedmsg.CodeTooLarge},
	} {
		got := reader().Read(t.Context(), []byte(c.mail))
		if got.Verdict != c.want || fedmsg.CodeOf(got.Err) != c.code && got.Err != nil || (got.Err != nil) != (c.code != "") {
			t.Errorf("%s: verdict %d, %v", c.name, got.Verdict, got.Err)
		}
		settled := 0
		items := got.Items(func() { settled++ })
		for _, item := range items {
			if item.Settled != nil {
				item.Settled()
			}
		}
		if want := min(1, len(got.Messages)); settled != want {
			t.Errorf("%s: settled %d times, want %d", c.name, settled, want)
		}
	}
}

// TestDoubleFrom holds that of two senders none is named, in whatever order they stand.
func TestDoubleFrom(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"From: root@debian.org\n", "from: root@debian.org\n", "FROM : root@debian.org\n"} {
		for _, mail := range []string{second + bug, strings.Replace(bug, "\n\n", "\n"+second+"\n", 1)} {
			_, _, body := one(t, []byte(mail))
			if !strings.Contains(body, `"from":""`) || strings.Contains(body, "root@debian.org") || strings.Contains(body, `"person"`) {
				t.Errorf("%q: %s", second, body)
			}
		}
	}
}

// TestHeaderInjection holds that nothing in a field becomes a line, a field or a member of its own.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"=?utf-8?q?a=0D=0AX-DAK:_dak_process-upload?=", "=?utf-8?b?YQ0KRnJvbTogcm9vdEBkZWJpYW4ub3Jn?=", "a\r X-DAK: x", `a","nb":"9`,
		"=?utf-8?q?a=E2=80=A8From:_b?=", "=?utf-8?q?a=00=1B[31m?=",
	} {
		mail := strings.Replace(bug, "Bug#7: tea: too cold", "Bug#7: "+subject, 1)
		_, topic, body := one(t, []byte(mail))
		if topic != "org.debian.dev.debmessenger.bug.followup" || strings.ContainsAny(body, "\r\n\x00\x1b") || strings.Contains(body, `\r`) ||
			strings.Contains(body, `\u001b`) || strings.Contains(body, `\u2028`) || !strings.Contains(body, `"nb":"7"`) || strings.Contains(body, `"nb":"9"`) {
			t.Errorf("%q: %s %s", subject, topic, body)
		}
	}
}

// mark is a Checker that writes into a body.
type mark struct{}

func (mark) Open() error { return nil }

func (mark) Check(_ context.Context, raw []byte, m *mailmsg.Mail, events []debian.Event) {
	events[0].Body.(*debian.Bug).Tags = []string{string(raw[:4]), m.MessageID}
}

// TestChecker holds that what a Checker finds is published.
func TestChecker(t *testing.T) {
	t.Parallel()
	r := reader()
	r.Checker = mark{}
	if got := r.Read(t.Context(), []byte(bug)); !strings.Contains(string(got.Messages[0].Body), `"tags":["From","a@example.org"]`) {
		t.Errorf("%s", got.Messages[0].Body)
	}
}

// TestLettersStay holds that what is text in a mail is the same text in the message, for whoever looks at its bytes.
func TestLettersStay(t *testing.T) {
	t.Parallel()
	if _, _, body := one(t, []byte(strings.Replace(bug, "too cold", "<too> cold & ü", 1))); !strings.Contains(body, `"title":"tea: <too> cold & ü"`) {
		t.Errorf("%s", body)
	}
}

// TestMaxBody holds that no message is made which a door would refuse for its size: neither as it is, nor written in ASCII, as it is signed.
func TestMaxBody(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Verdict{"It is cold.": Publish, "It is c\u00f6ld.": Unreadable} {
		mail := []byte(strings.Replace(bug, "It is cold.", text, 1))
		_, _, body := one(t, mail)
		r := reader()
		r.MaxBody = len(body)
		if got := r.Read(t.Context(), mail); got.Verdict != want {
			t.Errorf("%s in its own size: verdict %d, %v", text, got.Verdict, got.Err)
		}
		r.MaxBody--
		if got := r.Read(t.Context(), mail); got.Verdict != Unreadable || fedmsg.CodeOf(got.Err) != fedmsg.CodeTooLarge {
			t.Errorf("%s in a byte less: verdict %d, %v", text, got.Verdict, got.Err)
		}
	}
}
