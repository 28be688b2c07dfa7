package ops

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Printable makes s harmless on a terminal and in a log: whatever is not a printable character or a plain space stands
// as an escape, \n \r \t \xNN \uNNNN or \UNNNNNNNN. That covers control characters of both sets (a terminal obeys U+009B
// as it does ESC [), the marks that reverse or hide text, line separators, and bytes that are not UTF-8. The result is one
// line. It is the one escaping function for these two media. Backslashes stay: the result is for eyes, not for parsers.
func Printable(s string) string {
	i := unprintable(s)
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	return string(appendPrintable(append(b, s[:i]...), s[i:]))
}

// AppendPrintable appends [Printable] of s to b.
func AppendPrintable(b []byte, s string) []byte {
	i := unprintable(s)
	if i < 0 {
		return append(b, s...)
	}
	return appendPrintable(append(b, s[:i]...), s[i:])
}

// unprintable finds the first byte of s that Printable has to look at, or -1.
func unprintable(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return i
		}
	}
	return -1
}

func appendPrintable(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b = append(b, s[i:i+n]...)
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x80:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
		i += n
	}
	return b
}
