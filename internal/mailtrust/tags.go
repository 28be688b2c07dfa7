package mailtrust

import (
	"encoding/base64"
	"strings"
)

// readTags reads a list of tags, NAME=VALUE divided by semicolons, as a signature and a key are. ok is false where it is none, or has
// a tag twice.
func readTags(text string) (tags map[string]string, ok bool) {
	tags = make(map[string]string)
	for one := range strings.SplitSeq(text, ";") {
		name, value, found := strings.Cut(one, "=")
		name = strings.TrimSpace(name)
		if !found {
			if name != "" {
				return nil, false
			}
			continue
		}
		// verification: dkim-tags-twice (TestRefused)
		if _, twice := tags[name]; twice {
			return nil, false
		}
		tags[name] = strings.TrimSpace(value)
	}
	return tags, true
}

// listOf divides a value at its colons.
func listOf(value string) []string {
	all := strings.Split(value, ":")
	for i := range all {
		all[i] = strings.ToLower(strings.TrimSpace(all[i]))
	}
	return all
}

// decode reads base64, which may be folded.
func decode(value string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	return b, err == nil && len(b) > 0
}

// isDomain tells whether this can be the name of a domain, in ASCII and without a last dot, or a selector: so that nothing else is asked
// for, and shown.
func isDomain(name string) bool {
	if len(name) > 200 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
			if !letter {
				return false
			}
		}
	}
	return true
}
