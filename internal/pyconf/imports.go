package pyconf

import (
	"fmt"
	"strings"
)

// importName is the function that stands in place of import. Python has one of this name too.
const importName = "__import__"

// imports turns an import into assignments: `import a.b as c` into c = __import__("a.b"), `from a import b` into
// b = __import__("a", "b").
func (t *translator) imports() *Fault {
	statement := t.statement()
	var assignments []string
	words := importWords(statement)
	switch {
	case words[0] == "import" && len(words) > 1:
		assignments = plainImports(strings.Join(words[1:], " "))
	case words[0] == "from" && len(words) > 3 && words[2] == "import":
		assignments = fromImports(words[1], strings.Join(words[3:], " "))
	}
	if assignments == nil {
		return t.fault("%s is not understood", words[0])
	}
	t.emit(strings.Join(assignments, "; ")+strings.Repeat("\n", strings.Count(statement, "\n")), len(statement))
	return nil
}

// statement gives the text up to the end of the statement that begins here.
func (t *translator) statement() string {
	depth, rest := 0, t.src[t.pos:]
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case strings.HasPrefix(rest[i:], "\\\n"):
			i++
		case c == '"' || c == '\'':
			if n := closing(rest[i:], rest[i:i+1]); n > 0 {
				i += n - 1
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '#' && depth > 0:
			i += strings.IndexByte(rest[i:]+"\n", '\n') - 1
		case depth <= 0 && (c == '\n' || c == ';' || c == '#'):
			return rest[:i]
		}
	}
	return rest
}

// importWords takes an import apart. Commas are words, brackets and comments are gone.
func importWords(statement string) []string {
	var text strings.Builder
	for line := range strings.Lines(statement) {
		line, _, _ = strings.Cut(line, "#")
		text.WriteString(strings.NewReplacer("\\\n", " ", "(", " ", ")", " ", ",", " , ").Replace(line) + " ")
	}
	return strings.Fields(text.String())
}

func plainImports(list string) []string {
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		words := strings.Fields(item)
		switch {
		case len(words) == 1 && isDotted(words[0]):
			first, _, _ := strings.Cut(words[0], ".")
			out = append(out, assignment(first, first))
		case len(words) == 3 && words[1] == "as" && isDotted(words[0]) && isDotted(words[2]):
			out = append(out, assignment(words[2], words[0]))
		default:
			return nil
		}
	}
	return out
}

func fromImports(module, list string) []string {
	if module == "__future__" || list == "*" {
		return []string{"pass"}
	}
	var out []string
	for item := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(list), ","), ",") {
		words := strings.Fields(item)
		switch {
		case len(words) == 1 && isDotted(words[0]):
			out = append(out, assignment(words[0], module, words[0]))
		case len(words) == 3 && words[1] == "as" && isDotted(words[0]) && isDotted(words[2]):
			out = append(out, assignment(words[2], module, words[0]))
		default:
			return nil
		}
	}
	return out
}

func assignment(name string, args ...string) string {
	for i, a := range args {
		args[i] = fmt.Sprintf("%q", a)
	}
	return fmt.Sprintf("%s = %s(%s)", name, importName, strings.Join(args, ", "))
}

// isDotted reports whether it is a name, or names with dots between.
func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || nameLength(part) != len(part) {
			return false
		}
	}
	return true
}
