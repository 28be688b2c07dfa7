package config

import "strings"

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
	if n := nearest(name, siblings); n != "" {
		return "; did you mean " + join(table, n) + "?"
	}
	for _, n := range all {
		if _, last := split(n); last == name {
			return "; did you mean " + n + "?"
		}
	}
	if n := nearest(full, all); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// nearest gives the word that the fewest edits away from s, or nothing when all are more than a third of s away.
func nearest(s string, words []string) string {
	best, least := "", max(2, len(s)/3)+1
	for _, w := range words {
		if d := distance(s, w); d < least {
			best, least = w, d
		}
	}
	if len(s) <= 2 && least > 1 {
		return ""
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

// join puts a dot between the name of a table and a key in it.
func join(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}

// split is the reverse of join at the last dot.
func split(name string) (table, last string) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}
