package mailmsg

import (
	"bytes"
	"iter"
	"mime"
	"strings"
	"unicode/utf8"
)

// maxField is how many bytes of one field are looked at, when it is one line.
const maxField = 64 << 10

// Header is the fields of a header, in order.
type Header struct {
	fields  []field
	charset string // of the part, for bytes in fields that are no UTF-8
}

// field is one field as it was sent.
type field struct {
	name  string
	value []byte // folded, with its line breaks
}

// Count tells how many fields have this name, whose case does not matter.
func (h Header) Count(name string) int {
	n := 0
	for _, f := range h.fields {
		if strings.EqualFold(f.name, name) {
			n++
		}
	}
	return n
}

// All gives the fields in order: each with its name as written, and its value unfolded to one line, but not decoded.
func (h Header) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, f := range h.fields {
			if !yield(f.name, unfold(f.value)) {
				return
			}
		}
	}
}

// Text gives the first field of this name, decoded, as one line; empty without one.
func (h Header) Text(name string) string { return oneLine(h.decode(h.unfolded(name))) }

// Addresses gives those in the first field of this name. The names are decoded after the addresses were found: an encoded name may
// hold what looks like an address.
func (h Header) Addresses(name string) []Address {
	return addresses(h.unfolded(name), h.decode)
}

// unfolded gives the first field of this name as UTF-8, with its encoded words as they are. It depends on nothing of how the field was
// folded: two mails whose fields are the same in All are the same here.
func (h Header) unfolded(name string) string {
	for _, f := range h.fields {
		if strings.EqualFold(f.name, name) {
			return h.text(unfold(f.value))
		}
	}
	return ""
}

// text makes UTF-8 of the beginning of a field. The charset of the body is asked only for what is none already: it says nothing of ASCII,
// with which a charset may mean something else.
func (h Header) text(value []byte) string {
	if len(value) > maxField {
		value = withoutHalfRune(value[:maxField])
	}
	if utf8.Valid(value) {
		return string(value)
	}
	charset := h.charset
	if strings.HasPrefix(charset, "utf") {
		charset = "" // a header that is not in it is in an older one
	}
	return toUTF8(value, charset)
}

// decode decodes the encoded words of a text. One that cannot be decoded leaves the text as it is.
func (h Header) decode(text string) string {
	if !strings.Contains(text, "=?") {
		return text
	}
	words := mime.WordDecoder{CharsetReader: charsetReader}
	decoded, err := words.DecodeHeader(text)
	if err != nil {
		return text
	}
	return decoded
}

// header reads the header that raw begins with, and gives what is behind it. A line that belongs to no field ends the header and
// is the first of the body.
func (p *parser) header(raw []byte) (h Header, body []byte, err error) {
	rest := raw
	if line, behind := cutLine(raw); bytes.HasPrefix(line, []byte("From ")) {
		if _, _, field := fieldOf(line); !field { // how mailboxes divide their mails
			rest = behind
		}
	}
	start := len(raw) - len(rest)
	for len(rest) > 0 {
		line, behind := cutLine(rest)
		if len(line) == 0 {
			rest = behind
			break
		}
		name, first, ok := fieldOf(line)
		if !ok {
			break
		}
		value := len(raw) - len(rest) + len(line) - len(first)
		for len(behind) > 0 && (behind[0] == ' ' || behind[0] == '\t') {
			line, next := cutLine(behind)
			if len(bytes.TrimSpace(line)) == 0 {
				break // an empty line, whatever blanks it holds
			}
			behind = next
		}
		h.fields = append(h.fields, field{name, raw[value : len(raw)-len(behind)]})
		if p.fields++; p.fields > p.limits.Fields {
			return h, nil, tooLarge("it has more than %d fields in its headers", p.limits.Fields)
		}
		rest = behind
		if read := len(raw) - len(rest) - start; read > p.limits.Header {
			return h, nil, tooLarge("it has a header of more than %d bytes", p.limits.Header)
		}
	}
	return h, rest, nil
}

// fieldOf divides a line into the name of a field and its value.
func fieldOf(line []byte) (name string, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || colon > 200 {
		return "", nil, false
	}
	for _, c := range bytes.TrimRight(line[:colon], " \t") {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(bytes.TrimRight(line[:colon], " \t")), line[colon+1:], true
}

// unfold makes one line of a field.
func unfold(value []byte) []byte {
	lines := bytes.Split(value, []byte("\n"))
	for i, line := range lines {
		lines[i] = bytes.TrimSpace(line)
	}
	return bytes.TrimSpace(bytes.Join(lines, []byte(" ")))
}

// oneLine makes blanks of what is no text: line breaks, tabs, other control characters.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
	return strings.TrimSpace(clean)
}

// cutLine gives the first line, without its break, and what is behind it.
func cutLine(text []byte) (line, behind []byte) {
	line, behind, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), behind
}
