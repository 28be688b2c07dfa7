package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// text writes a text as the database can have it: without NUL and bytes that are not UTF-8, which stand as \ and two hex digits, as the \
// itself does.
func text(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\\\x00") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\\' || r == 0 || r == utf8.RuneError && size == 1 {
			b.WriteByte('\\')
			b.WriteString(hex.EncodeToString([]byte{s[i]}))
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// plain reads what text wrote.
func plain(s string) string {
	before, rest, found := strings.Cut(s, `\`)
	if !found {
		return s
	}
	var b strings.Builder
	for ; found; before, rest, found = strings.Cut(rest, `\`) {
		b.WriteString(before)
		if len(rest) < 2 {
			continue
		}
		if c, err := hex.DecodeString(rest[:2]); err == nil {
			b.WriteByte(c[0])
		}
		rest = rest[2:]
	}
	b.WriteString(before)
	return b.String()
}

// digest stands for texts where they must be unique, however long they are.
type digest = [16]byte

func digestOf(parts ...string) digest {
	h := sha256.New()
	for _, p := range parts {
		var n [4]byte
		n[0], n[1], n[2], n[3] = byte(len(p)>>24), byte(len(p)>>16), byte(len(p)>>8), byte(len(p))
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(p))
	}
	return digest(h.Sum(nil)[:16])
}
