package mailmsg_test

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// outline writes the parts of a mail with their contents: TYPE(NAME)=CONTENT, mails in angle brackets.
func outline(m *mailmsg.Mail) string {
	var all []string
	for _, p := range m.Leaves() {
		text, _ := p.Text(1000)
		one := p.Type
		if p.Name != "" {
			one += "(" + p.Name + ")"
		}
		if p.Message != nil {
			text = "<" + outline(p.Message) + ">"
		}
		all = append(all, one+"="+strings.TrimSpace(text))
	}
	return strings.Join(all, " ")
}

// TestParts holds how mails are divided, also those that break the rules.
func TestParts(t *testing.T) {
	t.Parallel()
	const multipart = "Content-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n"
	for name, c := range map[string]struct{ raw, want string }{
		"one":              {"Subject: x\n\ntext", "text/plain=text"},
		"no header":        {"text without a colon\nX: y", "text/plain=text without a colon\nX: y"},
		"two":              {multipart + "--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nepilogue", "text/plain=one text/html=two"},
		"no end":           {multipart + "--b\n\none\n--b\n\ntwo", "text/plain=one text/plain=two"},
		"nothing":          {multipart, "multipart/mixed=preamble"},
		"empty part":       {multipart + "--b\n--b\n\ntwo\n--b--", "text/plain= text/plain=two"},
		"longer boundary":  {multipart + "--b\n\none\n--bb\n x--b\n--b--", "text/plain=one\n--bb\n x--b"},
		"blanks behind it": {multipart + "--b \t\r\n\r\none\r\n--b-- \r\n", "text/plain=one"},
		"nested": {multipart + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c--\n--b\n\ntwo\n--b--",
			"text/plain=one text/plain=two"},
		"a mail": {multipart + "--b\nContent-Type: message/rfc822\n\nSubject: x\n\none\n--b--", "message/rfc822=<text/plain=one>"},
		"digest": {"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b--", "message/rfc822=<text/plain=one>"},
		"names": {multipart + "--b\nContent-Disposition: attachment; filename*=utf-8''caf%C3%A9.diff\n\n\n" +
			"--b\nContent-Type: text/x-diff; name=\"=?utf-8?q?caf=C3=A9?=\"\n\n\n--b\nContent-Disposition: attachment; filename=a;filename=b\n\n--b--",
			"text/plain(café.diff)= text/x-diff(café)= text/plain(a)="},
		"type with faults": {"Content-Type: multipart/mixed; boundary=\"b\"; boundary=c; x\n\n--b\n\none\n--b--", "text/plain=one"},
		"no type":          {"Content-Type: nonsense\n\none", "text/plain=one"},
		"encoded parts":    {"Content-Transfer-Encoding: base64\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n!--b--", "multipart/mixed=m"},
	} {
		if got := outline(parse(t, c.raw)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestContent holds how contents are decoded.
func TestContent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ encoding, charset, body, want string }{
		"plain":             {"7bit", "us-ascii", "a\r\nb", "a\nb"},
		"quoted":            {"quoted-printable", "utf-8", "caf=C3=A9=\r\n!=20 \t\r\nb=3d=zz=", "café! \nb==zz"},
		"base64":            {"base64", "utf-8", "Y2Fm\r\nw6k=", "café"},
		"base64, two":       {"BASE64", "", "YQ==\nYg==", "ab"},
		"base64, odd":       {"base64", "", "!Y*Q", "a"},
		"latin-1":           {"8bit", "iso-8859-1", "caf\xe9", "café"},
		"named utf-8":       {"8bit", "utf-8", "caf\xe9", "caf\uFFFD"},
		"not named":         {"8bit", "", "caf\xe9", "café"},
		"named us-ascii":    {"8bit", "us-ascii", "café", "café"},
		"gbk":               {"8bit", "GBK", "\xd6\xd0", "中"},
		"koi8-r":            {"8bit", "koi8-r", "\xd0\xd2\xc9", "при"},
		"iso-2022-jp":       {"7bit", "iso-2022-jp", "\x1b$B$3\x1b(B", "こ"},
		"utf-16":            {"base64", "utf-16le", "YQBiAA==", "ab"},
		"unknown":           {"8bit", "x-nobody", "caf\xe9", "café"},
		"unknown, is utf-8": {"8bit", "x-nobody", "café", "café"},
	} {
		m := parse(t, "Content-Type: text/plain; charset="+c.charset+"\nContent-Transfer-Encoding: "+c.encoding+"\n\n"+c.body)
		if got, whole := m.Text(1000); got != c.want || !whole {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		for max := range len(c.want) {
			got, whole := m.Text(max)
			if len(got) > max || whole || !strings.HasPrefix(c.want, strings.TrimRight(got, "\uFFFD\x1b$")) {
				t.Errorf("%s: of %d bytes %q, whole %v", name, max, got, whole)
			}
			if got, whole := m.Body.Bytes(max); len(got) > max || !whole && len(got) < max {
				t.Errorf("%s: of %d bytes undecoded %q, whole %v", name, max, got, whole)
			}
		}
	}
}
