package jsonwalk

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Unquote gives the text between two quotes without its escapes. Without any it shares the memory, which must never be changed.
func Unquote(inside []byte) string {
	if bytes.IndexByte(inside, '\\') < 0 {
		return unsafe.String(unsafe.SliceData(inside), len(inside))
	}
	return string(AppendUnquoted(make([]byte, 0, len(inside)), inside))
}

// AppendUnquoted appends the text between two quotes to dst, without its escapes. A surrogate without its pair becomes U+FFFD.
func AppendUnquoted(dst, inside []byte) []byte {
	for {
		n := bytes.IndexByte(inside, '\\')
		if n < 0 || n+1 >= len(inside) {
			return append(dst, inside...)
		}
		dst = append(dst, inside[:n]...)
		inside = inside[n+1:]
		c := inside[0]
		inside = inside[1:]
		switch c {
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r, size := escaped(inside)
			dst = utf8.AppendRune(dst, r)
			inside = inside[size:]
		default:
			dst = append(dst, c)
		}
	}
}

// escaped reads the character of \u, of which b is what stands behind, and the second one of a pair, and says how long it was.
func escaped(b []byte) (r rune, size int) {
	r, ok := unit(b)
	if !ok {
		return utf8.RuneError, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) >= 6 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := unit(b[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 10
			}
		}
	}
	return utf8.RuneError, 4
}

// unit reads four hexadecimal digits.
func unit(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
