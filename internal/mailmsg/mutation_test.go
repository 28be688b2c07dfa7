package mailmsg_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestMutations holds that mails that are nearly right are read within bounds, and that all text of them is UTF-8, and that of a
// header one line. The seeds are the mails that were made for it.
func TestMutations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../debian/testdata/own/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d mails: %v", len(files), err)
	}
	var seeds [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, raw)
	}
	pieces := []string{
		"\n", "\r\n", "\r", "\n\n", ":", ";", "\"", "<", ">", ",", "=", "==", "=?utf-8?q?a?=", "=?gbk?b?", "?=", "--", "--b", "\x00", "\xff", "é",
		"Content-Type: multipart/mixed; boundary=b\n", "Content-Type: message/rfc822\n\n", "Content-Transfer-Encoding: base64\n", "charset=iso-2022-jp",
		"charset=utf-16", "From: a@example.org\n", "-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n",
	}
	limits := mailmsg.Limits{Parts: 50, Fields: 300, Depth: 6}
	mutate.Run(t, seeds, pieces, func(raw []byte) bool {
		m, err := mailmsg.Parse(raw, limits)
		if err != nil {
			return false
		}
		look(t, m, len(raw))
		return true
	})
}

// look reads all that a mail of so many bytes gives, and says what is wrong.
func look(t *testing.T, m *mailmsg.Mail, size int) {
	lines := append([]string{m.Subject, m.From.Name, m.From.Email, m.MessageID, m.ListID}, m.InReplyTo...)
	for _, a := range m.Header.Addresses("To") {
		lines = append(lines, a.Name, a.Email)
	}
	for _, p := range m.Leaves() {
		lines = append(lines, p.Name)
		text, _ := p.Text(2000)
		if !utf8.ValidString(text) || len(text) > 2000 {
			t.Errorf("text %q", text)
		}
	}
	for _, line := range append(lines, m.References...) {
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\x00\x1b") {
			t.Errorf("a line %q", line)
		}
	}
	for _, s := range m.Signed(4000) {
		if len(s.Bytes) > 2*size || !utf8.ValidString(s.Text) || s.Part == nil {
			t.Errorf("signed %q", s.Bytes)
		}
	}
	for _, inside := range m.Messages() {
		look(t, inside, size)
	}
}
