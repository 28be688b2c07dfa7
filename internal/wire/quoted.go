package wire

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendQuoted appends raw, the inside of a valid string as it is written, as the old system writes it: quoted and in ASCII.
// If nothing in raw has to be looked at, its caller knowing that there is no escape, DEL or character outside ASCII, mixed
// is false.
func appendQuoted(dst, raw []byte, mixed bool) []byte {
	dst = append(dst, '"')
	if !mixed {
		dst = append(dst, raw...)
		return append(dst, '"')
	}
	for i := 0; i < len(raw); {
		end := plainEnd(raw, i)
		dst = append(dst, raw[i:end]...)
		if i = end; i == len(raw) {
			break
		}
		switch c := raw[i]; {
		case c == '\\' && raw[i+1] == 'u':
			dst = appendUnit(dst, uint16(unit(raw, i)))
			i += 6
		case c == '\\':
			dst = appendUnit(dst, uint16(unescaped(raw[i+1])))
			i += 2
		default:
			r, n := utf8.DecodeRune(raw[i:])
			dst = appendRune(dst, r)
			i += n
		}
	}
	return append(dst, '"')
}

// appendWTF8 does the same with a text whose escapes are resolved, and in which lone surrogates stand as three bytes.
func appendWTF8(dst, text []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		if text[i] == 0xed && text[i+1] >= 0xa0 {
			dst = appendUnit(dst, 0xd000|uint16(text[i+1]&0x3f)<<6|uint16(text[i+2]&0x3f))
			i += 3
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		dst = appendRune(dst, r)
		i += n
	}
	return append(dst, '"')
}

// appendString does the same with a Go string. What is not UTF-8 in it becomes U+FFFD.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	from := 0
	for i, r := range text {
		if r >= ' ' && r < 0x7f && r != '"' && r != '\\' {
			continue
		}
		dst = appendRune(append(dst, text[from:i]...), r)
		from = i + utf8.RuneLen(r)
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			from = i + 1
		}
	}
	return append(append(dst, text[from:]...), '"')
}

// appendRune appends a character as it stands inside a string.
func appendRune(dst []byte, r rune) []byte {
	if r < 0x10000 {
		return appendUnit(dst, uint16(r))
	}
	high, low := utf16.EncodeRune(r)
	return appendUnit(appendUnit(dst, uint16(high)), uint16(low))
}

// appendUnit appends a UTF-16 unit as it stands inside a string.
func appendUnit(dst []byte, u uint16) []byte {
	switch {
	case u == '"' || u == '\\':
		return append(dst, '\\', byte(u))
	case u >= ' ' && u < 0x7f:
		return append(dst, byte(u))
	}
	switch u {
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
