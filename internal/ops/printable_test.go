package ops

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain text, 100 %", "plain text, 100 %"},
		{"Grüße 日本 🦊", "Grüße 日本 🦊"},
		{"a\nb\r\tc", `a\nb\r\tc`},
		{"\x1b[31mred\x07", `\x1b[31mred\x07`},
		{"\u009b31m", `\u009b31m`}, // the 8-bit form of ESC [
		{"\x7f", `\x7f`},
		{"bad \xff\xfe", `bad \xff\xfe`},
		{"\x9b31m", `\x9b31m`},                     // the same on a terminal that is not in UTF-8
		{"user\u202egnp.exe", `user\u202egnp.exe`}, // text reversed from here on
		{"one\u2028two", `one\u2028two`},
		{"\U000e0041", `\U000e0041`}, // an invisible tag character
		{"�", "�"},
		{`C:\new`, `C:\new`},
	} {
		if got := Printable(c.in); got != c.want {
			t.Errorf("Printable(%q) = %q, want %q", c.in, got, c.want)
		}
		if got := string(AppendPrintable([]byte("x"), c.in)); got != "x"+c.want {
			t.Errorf("AppendPrintable(x, %q) = %q", c.in, got)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;title\x07\n\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := Printable(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Printable(%q) = %q is not UTF-8", s, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("Printable(%q) = %q has %U", s, got, r)
			}
		}
		if again := Printable(got); again != got {
			t.Fatalf("Printable(%q) = %q, and of that %q", s, got, again)
		}
	})
}
