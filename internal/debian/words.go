package debian

import (
	"slices"
	"strconv"
	"strings"
)

// cut shortens a text to max bytes at most.
func cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	return strings.ToValidUTF8(text[:max], "")
}

// names reads a list of packages, divided by blanks or commas, each once.
func names(text string) []string {
	all := []string{}
	seen := make(map[string]bool)
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' }) {
		if !seen[name] && len(all) < maxNames {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}

// concerned gives the source packages that a mail is about: those it names, or else what it is filed against, which may be something
// without a source, such as wnpp.
func concerned(sources, against []string) []string {
	if len(sources) > 0 {
		return sorted(sources)
	}
	plain := make([]string, 0, len(against))
	for _, name := range against {
		plain = append(plain, strings.TrimPrefix(name, "src:"))
	}
	return sorted(plain)
}

// sorted gives each name once, in order.
func sorted(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// only gives the one name of a list that has one, else nothing.
func only(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return ""
}

// number reads the number of a bug at the beginning of a text; 0 where there is none.
func number(text string) (n int, rest string) {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == 0 || end > 9 {
		return 0, text
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0, text
	}
	return n, text[end:]
}

// isVersion tells whether this can be the version of a package.
func isVersion(text string) bool {
	if text == "" || len(text) > 200 || text[0] < '0' || text[0] > '9' {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool {
		letter := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && !strings.ContainsRune(".+-~:", r)
	}) < 0
}

// version reads a version as people write it: with the package before it, with a remark in brackets behind it, or no version at all.
func version(text string) string {
	text = strings.TrimSpace(text)
	if before, _, remark := strings.Cut(text, " ("); remark {
		text = before
	}
	if _, behind, named := strings.Cut(text, "/"); named {
		text = behind
	}
	if !isVersion(text) {
		return ""
	}
	return text
}
