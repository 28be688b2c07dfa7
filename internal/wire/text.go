package wire

import (
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// text is a string that was passed over: its inside is data[from:to], as it is written.
type text struct {
	from, to int
	escaped  bool // it has a backslash
	special  bool // it has DEL or a character that is not ASCII
}

// str passes over a string, whose opening quote stands at pos.
func (s *scanner) str() (t text) {
	i := s.pos + 1
	t.from = i
	for {
		i = plainEnd(s.data, i)
		if i >= len(s.data) {
			s.pos = len(s.data)
			s.syntax("the end of a string")
			return t
		}
		switch c := s.data[i]; {
		case c == '"':
			t.to, s.pos = i, i+1
			return t
		case c == '\\':
			t.escaped = true
			if i = s.escape(i); i < 0 {
				return t
			}
		case c == 0x7f:
			t.special = true
			i++
		case c < ' ':
			s.failf(fedmsg.CodeBadJSON, "bad JSON: raw control character 0x%02x in a string at byte %d; escape it", c, i+1)
			return t
		default:
			t.special = true
			if i = s.runes(i); i < 0 {
				return t
			}
		}
	}
}

// runes passes over characters that are not ASCII and gives the place behind them, or -1.
func (s *scanner) runes(i int) int {
	for i < len(s.data) && s.data[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(s.data[i:])
		if r == utf8.RuneError && n <= 1 {
			s.failf(fedmsg.CodeBadJSON, "bad JSON: the string is not UTF-8 at byte %d", i+1)
			return -1
		}
		i += n
	}
	return i
}

// escape passes over the escape at i, or over two that make a surrogate pair, and gives the place behind it, or -1.
func (s *scanner) escape(i int) int {
	if i+1 < len(s.data) {
		switch s.data[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return i + 2
		case 'u':
			if u := unit(s.data, i); u >= 0 {
				return s.escapedUnit(i, u)
			}
		}
	}
	s.failf(fedmsg.CodeBadJSON, "bad JSON: bad escape in a string at byte %d", i+1)
	return -1
}

// escapedUnit passes over \uXXXX at i, which stands for u, and over the one behind it if they are a pair.
func (s *scanner) escapedUnit(i int, u rune) int {
	if u < surrogateMin || u > surrogateMax {
		return i + 6
	}
	if pair(s.data, i, u) >= 0 {
		return i + 12
	}
	if !s.lenient {
		s.failf(fedmsg.CodeBadJSON, "bad JSON: lone surrogate \\u%04x at byte %d stands for no character", u, i+1)
		return -1
	}
	s.notIJSON = true
	return i + 6
}

const (
	surrogateMin = 0xd800
	surrogateLow = 0xdc00
	surrogateMax = 0xdfff
)

// unit gives what \uXXXX at data[i] stands for, or -1 if that is not what stands there.
func unit(data []byte, i int) rune {
	if len(data)-i < 6 || data[i] != '\\' || data[i+1] != 'u' {
		return -1
	}
	var u rune
	for _, c := range data[i+2 : i+6] {
		switch {
		case c-'0' < 10:
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return u
}

// pair gives the character that the escape at data[i], which stands for u, makes with the one behind it, or -1.
func pair(data []byte, i int, u rune) rune {
	if u < surrogateMin || u >= surrogateLow {
		return -1
	}
	low := unit(data, i+6)
	if low < surrogateLow || low > surrogateMax {
		return -1
	}
	return 0x10000 + (u-surrogateMin)<<10 + (low - surrogateLow)
}

// appendUnescaped appends raw, the inside of a valid string, with its escapes resolved. A lone surrogate becomes the three
// bytes that UTF-8 would give its number (WTF-8): they sort as the old system sorts, and are not valid UTF-8.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			dst = append(dst, unescaped(raw[i+1]))
			i += 2
			continue
		}
		u := unit(raw, i)
		switch r := pair(raw, i, u); {
		case r >= 0:
			dst = utf8.AppendRune(dst, r)
			i += 12
		case u >= surrogateMin && u <= surrogateMax:
			dst = append(dst, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f)
			i += 6
		default:
			dst = utf8.AppendRune(dst, u)
			i += 6
		}
	}
	return dst
}

// unescaped is what a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
