package main

import (
	"bytes"
	"strings"
)

// prose writes text of paragraphs; lines that are indented stay as they are laid out.
func prose(b *bytes.Buffer, text string) {
	first := true
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(paragraph, "\n"), "\n")
		for len(lines) > 0 {
			n := run(lines)
			if !first {
				b.WriteString(".PP\n")
			}
			if strings.HasPrefix(lines[0], "  ") {
				laidOut(b, lines[:n])
			} else {
				b.WriteString(spans(strings.Join(lines[:n], "\n")) + "\n")
			}
			first, lines = false, lines[n:]
		}
	}
}

// run counts the first lines that are all indented or all not.
func run(lines []string) int {
	indented := strings.HasPrefix(lines[0], "  ")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") != indented {
			return i
		}
	}
	return len(lines)
}

// laidOut writes lines as they stand.
func laidOut(b *bytes.Buffer, lines []string) {
	b.WriteString(".nf\n")
	for _, line := range lines {
		b.WriteString(plain(line) + "\n")
	}
	b.WriteString(".fi\n")
}

// spans writes text in which what stands in backquotes is to be typed, in bold.
func spans(text string) string {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // one of them is no quote
		return plain(text)
	}
	var out strings.Builder
	for i, part := range parts {
		if i%2 == 1 {
			out.WriteString(`\fB` + plain(part) + `\fR`)
		} else {
			out.WriteString(plain(part))
		}
	}
	return out.String()
}

// plain escapes what roff would take for something else: at the beginning of a line a dot or an apostrophe, everywhere the
// signs that a typesetter changes into others.
func plain(text string) string {
	text = strings.NewReplacer(
		`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, "\t", "    ",
	).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
