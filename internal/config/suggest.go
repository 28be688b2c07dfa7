package config

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// suggest gives the words "; did you mean …?" for a key that is not known. It looks among the keys beside it first, then
// for the same last word in another table, then among all.
func suggest(table, name string, root *section) string {
	full := join(table, name)
	var siblings, all []string
	for _, n := range root.names() {
		all = append(all, n)
		if parent, last := split(n); parent == table {
			siblings = append(siblings, last)
		}
	}
	if n := nearest.Word(name, siblings); n != "" {
		return "; did you mean " + join(table, n) + "?"
	}
	for _, n := range all {
		if _, last := split(n); last == name {
			return "; did you mean " + n + "?"
		}
	}
	if n := nearest.Word(full, all); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// join puts a dot between the name of a table and a key in it.
func join(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}

// split is the reverse of join at the last dot, or before the last word where that is quoted.
func split(name string) (table, last string) {
	if i := strings.Index(name, `."`); i >= 0 && strings.HasSuffix(name, `"`) {
		return name[:i], name[i+1:]
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
