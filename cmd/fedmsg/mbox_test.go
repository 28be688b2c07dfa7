package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestMbox holds where the mails of a mailbox begin and end.
func TestMbox(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100<<10)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":              {"", nil},
		"nothing in it":      {"\n\n", nil},
		"one":                {"From a@b Mon Nov  2 10:00:00 2026\nA: 1\n\ntext\n", []string{"A: 1\n\ntext\n"}},
		"two":                {"From a\nA: 1\n\none\n\nFrom b\nA: 2\n\ntwo", []string{"A: 1\n\none\n\n", "A: 2\n\ntwo"}},
		"CRLF":               {"From a\r\nA: 1\r\n\r\nFrom b\r\nA: 2\r\n", []string{"A: 1\r\n\r\n", "A: 2\r\n"}},
		"not a beginning":    {"From a\nA: 1\n\nDear\nFrom here\n", []string{"A: 1\n\nDear\nFrom here\n"}},
		"put in quotes":      {"From a\n\n>From here\n>>From there\n> From\n", []string{"\nFrom here\n>From there\n> From\n"}},
		"no mailbox":         {"A: 1\n\ntext\n", []string{"A: 1\n\ntext\n"}},
		"empty mails":        {"From a\n\nFrom b\n\nFrom c", []string{"\n", "\n", ""}},
		"long lines":         {"From " + long + "\n" + long + "\nFrom b\n" + "\nFrom c\n", []string{long + "\nFrom b\n\n", ""}},
		"in a long line":     {"From a\n\n" + strings.Repeat("x", 64<<10) + "From b\n", []string{"\n" + strings.Repeat("x", 64<<10) + "From b\n"}},
		"behind a long line": {"From a\n\n" + strings.Repeat("x", 64<<10) + "\nFrom b\n", []string{"\n" + strings.Repeat("x", 64<<10) + "\nFrom b\n"}},
		"larger than it may": {"From a\n" + long + long + "\n\nFrom b\nA: 2\n", []string{"too large", "A: 2\n"}},
	} {
		box := newMbox(strings.NewReader(c.text), 150<<10)
		var got []string
		for {
			mail, err := box.next()
			if err == io.EOF {
				break
			}
			if fedmsg.CodeOf(err) == fedmsg.CodeTooLarge {
				mail = []byte("too large")
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(mail))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %.300q, want %.300q", name, got, c.want)
		}
	}
}
