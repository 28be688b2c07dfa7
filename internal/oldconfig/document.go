package oldconfig

import (
	"fmt"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// document is the result while it is made: sections of TOML in their order.
type document struct{ sections []*section }

// section is a table: its header, which the first one lacks, and its lines.
type section struct {
	header string
	off    bool // commented out
	lines  []string
}

// add begins a section.
func (d *document) add(header string) *section {
	s := &section{header: header}
	d.sections = append(d.sections, s)
	return s
}

// item is an element of a list, or a value, with the place where it comes from.
type item struct {
	value string
	at    pyconf.Position
}

// set writes a key with a value that is TOML already.
func (s *section) set(key, value string, at pyconf.Position) {
	s.lines = append(s.lines, key+" = "+value+origin(at))
}

// list writes a key with a list of strings, each with its origin. An empty list is not written.
func (s *section) list(key string, items []item) {
	if len(items) == 0 {
		return
	}
	s.lines = append(s.lines, key+" = [")
	for _, i := range items {
		s.lines = append(s.lines, "  "+quote(i.value)+","+origin(i.at))
	}
	s.lines = append(s.lines, "]")
}

// say writes a comment.
func (s *section) say(format string, args ...any) {
	s.lines = append(s.lines, "# "+ops.Printable(fmt.Sprintf(format, args...)))
}

func origin(at pyconf.Position) string {
	if at.File == "" {
		return ""
	}
	return " # " + ops.Printable(at.String())
}

// String is the text of the document.
func (d *document) String() string {
	var b strings.Builder
	for i, s := range d.sections {
		if len(s.lines) == 0 {
			continue
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		lines := s.lines
		if s.header != "" {
			lines = append([]string{s.header}, lines...)
		}
		for _, line := range lines {
			if s.off && !strings.HasPrefix(line, "#") {
				line = "#" + line
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// quote writes a string of TOML.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// list1 writes a list with one string.
func list1(s string) string { return "[" + quote(s) + "]" }
