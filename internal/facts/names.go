package facts

import (
	"slices"
	"strings"
	"unicode"
)

// longestName bounds a name in bytes; longer texts are none.
const longestName = 128

// names is a set of names. The zero names is empty.
type names struct{ set map[string]struct{} }

// add puts a name into the set, where it can be one and there is room.
func (n *names) add(text string) {
	if len(n.set) >= MaxNames || !isName(text) {
		return
	}
	if _, known := n.set[text]; known {
		return
	}
	if n.set == nil {
		n.set = make(map[string]struct{})
	}
	n.set[strings.Clone(text)] = struct{}{} // the text lies in the envelope
}

// addUser adds a user: a name, an address, or NAME <ADDRESS>, of which the address says who it is.
func (n *names) addUser(text string) {
	if from := strings.LastIndexByte(text, '<'); from >= 0 && strings.HasSuffix(text, ">") {
		text = text[from+1 : len(text)-1]
	}
	n.add(text)
}

// addEach adds the names that stand between commas or white space.
func (n *names) addEach(text string, add func(*names, string)) {
	if strings.IndexByte(text, '<') >= 0 { // people with addresses: their names have spaces
		for one := range strings.SplitSeq(text, ",") {
			add(n, strings.TrimSpace(one))
		}
		return
	}
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		add(n, one)
	}
}

// sorted gives the names in order; nil where there are none.
func (n *names) sorted() []string {
	if len(n.set) == 0 {
		return nil
	}
	all := make([]string, 0, len(n.set))
	for name := range n.set {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// isName reports whether a text can be the name of a user or package: one word of what such names are made of.
func isName(text string) bool {
	if text == "" || len(text) > longestName {
		return false
	}
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		case strings.ContainsRune("@+.", r):
		case i > 0 && strings.ContainsRune("-:/~$", r):
		case r > unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsMark(r)):
		default:
			return false
		}
	}
	return text != "None" && text != "null" && !strings.Contains(text, "://")
}
