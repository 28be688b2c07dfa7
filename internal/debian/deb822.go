package debian

import "strings"

// maxField is how much of one field is kept, in bytes.
const maxField = 64 << 10

// paragraph is the fields of one paragraph of Debian's control format (deb822), by name. A value of several lines has them as they
// are, each with the blank before it.
type paragraph struct {
	fields map[string]string
	cut    bool // a field is longer than what is kept
}

// readParagraph reads the first paragraph of a text. A field that is there twice counts as it was first; a line that is neither a
// field nor goes on with one ends the paragraph.
func readParagraph(text string) paragraph {
	p := paragraph{fields: make(map[string]string)}
	name := ""
	var value strings.Builder
	keep := func() {
		if _, twice := p.fields[name]; name != "" && !twice && len(p.fields) < 100 {
			p.fields[name] = value.String()
		}
		value.Reset()
	}
	for line := range strings.SplitSeq(strings.TrimLeft(text, "\n"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			break
		}
		if line[0] == '#' {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if value.Len()+len(line) >= maxField {
				p.cut = true
				continue
			}
			value.WriteByte('\n')
			value.WriteString(line)
			continue
		}
		before, behind, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(before, " \t") {
			break
		}
		keep()
		name = before
		value.WriteString(cut(strings.TrimSpace(behind), maxField))
	}
	keep()
	return p
}

// lines gives the lines of a value that follow on its first one, without the blanks around them.
func (p paragraph) lines(name string) []string {
	_, rest, _ := strings.Cut(p.fields[name], "\n")
	var all []string
	for line := range strings.SplitSeq(rest, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
