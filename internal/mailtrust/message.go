package mailtrust

import (
	"bytes"
	"strings"
)

// signatureField is the name of the field that has a signature, in lower case.
const signatureField = "dkim-signature"

// message is a mail as its signers saw it: fields and a body.
type message struct {
	fields []field
	body   []byte
	sums   map[bodyForm]bodyHash // of the body, as far as somebody asked for them
}

// field is one field of the header.
type field struct {
	name string // in lower case
	raw  []byte // all of it with name, colon and its last line break
}

// value is what stands behind the colon.
func (f *field) value() []byte {
	_, value, _ := bytes.Cut(f.raw, []byte(":"))
	return value
}

// divide finds the fields and the body of a mail; a mailbox's line may stand before it. ok is false for a mail that could be divided in
// another way too: else a signer's fields could be behind what others take for the end of the header.
func divide(raw []byte) (x *message, ok bool) {
	if bytes.Count(raw, []byte("\r")) != bytes.Count(raw, []byte("\r\n")) {
		return nil, false
	}
	if first, rest := line(raw); bytes.HasPrefix(first, []byte("From ")) {
		if _, named := nameOf(first); !named {
			raw = rest
		}
	}
	x = &message{sums: make(map[bodyForm]bodyHash)}
	for len(raw) > 0 {
		first, rest := line(raw)
		if len(first) == 0 {
			x.body = rest
			return x, true
		}
		name, named := nameOf(first)
		if !named {
			return nil, false
		}
		for len(rest) > 0 && blank(rest[0]) {
			next, behind := line(rest)
			if len(bytes.TrimSpace(next)) == 0 {
				return nil, false
			}
			rest = behind
		}
		x.fields = append(x.fields, field{name, raw[:len(raw)-len(rest)]})
		raw = rest
	}
	return x, true
}

// nameOf reads the name of a field.
func nameOf(line []byte) (string, bool) {
	before, _, ok := bytes.Cut(line, []byte(":"))
	before = bytes.TrimRight(before, " \t")
	if !ok || len(before) == 0 || len(before) > 100 {
		return "", false
	}
	for _, c := range before {
		if c <= ' ' || c >= 0x7f {
			return "", false
		}
	}
	return strings.ToLower(string(before)), true
}

// line cuts off the first line, without its break.
func line(text []byte) (first, rest []byte) {
	first, rest, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(first, []byte("\r")), rest
}

// blank tells whether a byte is a blank within a line.
func blank(c byte) bool { return c == ' ' || c == '\t' }

// count tells how many fields have a name, which is in lower case.
func (x *message) count(name string) (n int) {
	for i := range x.fields {
		if x.fields[i].name == name {
			n++
		}
	}
	return n
}
