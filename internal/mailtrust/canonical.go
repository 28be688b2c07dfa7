package mailtrust

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
)

// appendField appends a field in the form that is signed (RFC 6376, section 3.4): as it is, with CRLF, or relaxed: on one line and
// with single blanks.
func appendField(b []byte, f *field, raw []byte, relaxed bool) []byte {
	if !relaxed {
		for len(raw) > 0 {
			var first []byte
			first, raw = line(raw)
			b = append(append(b, first...), "\r\n"...)
		}
		return b
	}
	_, value, _ := bytes.Cut(raw, []byte(":"))
	b = append(append(b, f.name...), ':')
	for i, word := range bytes.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, word...)
	}
	return append(b, "\r\n"...)
}

// withoutSignature gives a signature's field as it was when it was signed: with nothing behind the = of b.
func withoutSignature(raw []byte) []byte {
	name, value, _ := bytes.Cut(raw, []byte(":"))
	out := append(bytes.Clone(name), ':')
	for i, tag := range bytes.Split(value, []byte(";")) {
		if i > 0 {
			out = append(out, ';')
		}
		before, _, found := bytes.Cut(tag, []byte("="))
		if found && strings.TrimSpace(string(before)) == "b" {
			tag = tag[:len(before)+1]
		}
		out = append(out, tag...)
	}
	return out
}

// bodySum gives the SHA-256 of a body in the form that is signed, of its first most bytes, or of all where most is negative. short
// is true where there are fewer.
func bodySum(body []byte, relaxed bool, most int64) (sum [sha256.Size]byte, short bool) {
	h := sha256.New()
	limit := &firstBytes{w: h, left: most}
	w := bufio.NewWriter(limit)
	empty, any := 0, false
	var scratch []byte
	for len(body) > 0 {
		var text []byte
		text, body = line(body)
		if relaxed {
			scratch = relax(scratch[:0], text)
			text = scratch
		}
		if len(text) == 0 { // those at the end count for nothing
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			w.WriteString("\r\n")
		}
		w.Write(text)
		w.WriteString("\r\n")
		any = true
	}
	if !any && !relaxed {
		w.WriteString("\r\n")
	}
	w.Flush()
	return [sha256.Size]byte(h.Sum(nil)), limit.left > 0
}

// relax appends a line with single blanks, and none at its end.
func relax(b, text []byte) []byte {
	text = bytes.TrimRight(text, " \t")
	for i, c := range text {
		switch {
		case !blank(c):
			b = append(b, c)
		case i == 0 || !blank(text[i-1]):
			b = append(b, ' ')
		}
	}
	return b
}

// firstBytes hands on the first bytes that are written to it; all, when left is negative.
type firstBytes struct {
	w    io.Writer
	left int64
}

// Write implements [io.Writer].
func (f *firstBytes) Write(b []byte) (int, error) {
	if f.left < 0 {
		return f.w.Write(b)
	}
	n := min(int64(len(b)), f.left)
	f.left -= n
	if _, err := f.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}
