package mailtrust

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// mutated runs a check over mails that are nearly right.
func mutated(t *testing.T, seeds [][]byte, check func(mail []byte) bool) {
	t.Helper()
	pieces := []string{
		"\n", "\r\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", "=", "b=", "l=0;", "x", "From: eve@example.net\r\n", "Subject: other\r\n", "From ", "no colon\r\n",
		" \r\n", "DKIM-Signature:", "Content-Type: text/html\r\n", "h=from;", "from:", "\x00", "é", "Subject : x\r\n",
	}
	mutate.Run(t, seeds, pieces, check)
}

// TestHeadersReadAlike holds that the fields whose signature is checked are those that messages are made of: a mail is divided in one
// way, or nothing is said of it.
func TestHeadersReadAlike(t *testing.T) {
	t.Parallel()
	mutated(t, [][]byte{[]byte(text), []byte("From x\n" + example)}, func(mail []byte) bool {
		x, ok := divide(mail)
		if !ok {
			return false
		}
		m, err := mailmsg.Parse(mail, mailmsg.Limits{})
		if err != nil {
			return false
		}
		for _, name := range append(published(), "content-type", "x", "h", signatureField) {
			if ours, theirs := x.count(name), m.Header.Count(name); ours != theirs {
				t.Errorf("%d fields %s, and %d are published", ours, name, theirs)
			}
		}
		if got := len(x.body); got != m.Body.Size() {
			t.Errorf("a body of %d bytes, and one of %d is published", got, m.Body.Size())
		}
		return true
	})
}
