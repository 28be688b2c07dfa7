package pyconf

import (
	"fmt"
	"strings"
)

// translator puts the text of a Python file into a form that the parser of Starlark takes, line for line.
type translator struct {
	src      string
	pos      int
	line     int
	pieces   []string // of the result
	open     []bracket
	run      run
	warnings []Fault // without the name of the file
}

// bracket is one that is open.
type bracket struct {
	piece     int
	round     bool
	generator bool
}

// run is a number of strings that stand next to each other, which Python joins.
type run struct{ first, last, count int }

// translate gives the text in the other form. The fault has a line and no name of a file.
func translate(src string) (string, []Fault, *Fault) {
	t := &translator{src: strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", " ").Replace(strings.TrimPrefix(src, "\ufeff")), line: 1}
	for t.pos < len(t.src) {
		if fault := t.next(); fault != nil {
			return "", nil, fault
		}
	}
	t.endRun()
	return strings.Join(t.pieces, ""), t.warnings, nil
}

func (t *translator) fault(format string, args ...any) *Fault {
	return &Fault{At: Position{Line: t.line}, Text: fmt.Sprintf(format, args...)}
}

// emit adds text that stands for the next n bytes of the source.
func (t *translator) emit(text string, n int) {
	t.line += strings.Count(t.src[t.pos:t.pos+n], "\n")
	t.pieces = append(t.pieces, text)
	t.pos += n
}

// next reads one token.
func (t *translator) next() *Fault {
	rest := t.src[t.pos:]
	switch c := rest[0]; {
	case c == '\n':
		if len(t.open) == 0 {
			t.endRun()
		}
		t.emit("\n", 1)
	case c == ' ' || c == '\t':
		t.emit(rest[:1], 1)
	case c == '#':
		n := strings.IndexByte(rest+"\n", '\n')
		t.emit(rest[:n], n)
	case strings.HasPrefix(rest, "\\\n"):
		t.emit("\\\n", 2)
	case isName(c) || c == '"' || c == '\'':
		return t.word(rest)
	case c >= '0' && c <= '9':
		t.endRun()
		n := nameLength(rest)
		t.emit(strings.TrimRight(rest[:n], "lL"), n)
	default:
		t.endRun()
		t.sign(rest[:1])
	}
	return nil
}

// sign reads a bracket or a sign that means the same in both languages.
func (t *translator) sign(c string) {
	switch c {
	case "(", "[", "{":
		t.open = append(t.open, bracket{piece: len(t.pieces), round: c == "("})
	case ")", "]", "}":
		if n := len(t.open); n > 0 {
			if b := t.open[n-1]; b.generator {
				t.pieces[b.piece], c = "([", "])"
			}
			t.open = t.open[:n-1]
		}
	}
	t.emit(c, 1)
}

// word reads a string, a name or a keyword.
func (t *translator) word(rest string) *Fault {
	n := nameLength(rest)
	if prefix := strings.ToLower(rest[:n]); n < len(rest) && (rest[n] == '"' || rest[n] == '\'') && len(prefix) <= 2 && strings.Trim(prefix, "bfru") == "" {
		return t.text(prefix, rest)
	}
	t.endRun()
	switch name := rest[:n]; name {
	case "import", "from":
		return t.imports()
	case "try", "finally":
		t.emit("if True", n)
	case "except":
		t.warn("what stands behind %q is passed over: nothing fails here", name)
		t.emit("if False", strings.IndexByte(rest+":", ':'))
	case "raise":
		statement := t.statement()
		t.emit(`fail("it ends itself here, by raise")`+strings.Repeat("\n", strings.Count(statement, "\n")), len(statement))
	case "is":
		if after := strings.TrimLeft(rest[n:], " \t"); strings.HasPrefix(after, "not") && nameLength(after) == 3 {
			t.emit("!=", len(rest)-len(after)+3)
		} else {
			t.emit("==", n)
		}
	case "for":
		if len(t.open) > 0 && t.open[len(t.open)-1].round {
			t.open[len(t.open)-1].generator = true
		}
		t.emit(name, n)
	default:
		t.emit(name, n)
	}
	return nil
}

func (t *translator) warn(format string, args ...any) {
	t.warnings = append(t.warnings, *t.fault(format, args...))
}

// endRun joins the strings that stand next to each other.
func (t *translator) endRun() {
	if t.run.count > 1 {
		t.pieces[t.run.first] = "(" + t.pieces[t.run.first]
		t.pieces[t.run.last] += ")"
	}
	t.run = run{}
}

// text reads a string with its prefix.
func (t *translator) text(prefix, rest string) *Fault {
	if strings.Contains(prefix, "f") {
		return t.fault("a string with f before it is not understood; write it with %%, as in \"%%s\" %% name")
	}
	body := rest[len(prefix):]
	quote := body[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(body, triple) {
		quote = triple
	}
	raw := strings.Contains(prefix, "r")
	end := closing(body, quote)
	if end < 0 {
		return t.fault("a string has no end")
	}
	out := body[:end]
	if raw {
		out = "r" + out
	} else {
		out = escapes(out)
	}
	if t.run.count > 0 {
		out = "+" + out
	} else {
		t.run.first = len(t.pieces)
	}
	t.run.last = len(t.pieces)
	t.run.count++
	t.emit(out, len(prefix)+end)
	return nil
}

// closing gives the length of the string at the beginning of body with its quotes, or -1.
func closing(body, quote string) int {
	for i := len(quote); i < len(body); i++ {
		switch {
		case body[i] == '\\':
			i++
		case strings.HasPrefix(body[i:], quote):
			return i + len(quote)
		case body[i] == '\n' && len(quote) == 1:
			return -1
		}
	}
	return -1
}

// escapes doubles each backslash that begins no escape: Python keeps it, the other language refuses it. A byte above 127 written
// in hexadecimal becomes the character of that number.
func escapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		next := s[i+1]
		switch {
		case next == 'x' && i+3 < len(s) && s[i+2] >= '8':
			b.WriteString(`\u00`)
		case strings.IndexByte("\\'\"abfnrtvxuU\n01234567", next) >= 0:
			b.WriteString(s[i : i+2])
		default:
			b.WriteString(`\\`)
			b.WriteByte(next)
		}
		i++
	}
	return b.String()
}

func isName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// nameLength gives the length of the name or number at the beginning.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (isName(s[n]) || s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}
