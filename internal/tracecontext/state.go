package tracecontext

import "strings"

// The bounds of a tracestate.
const (
	maxMembers = 32
	maxKey     = 256
	maxValue   = 256
)

// joinState makes one list of the values of a header that came as several, and reports whether it is well formed. Members that
// are empty go.
func joinState(values []string) (string, bool) {
	var members, keys []string
	for _, value := range values {
		for member := range strings.SplitSeq(value, ",") {
			if member = trim(member); member == "" {
				continue
			}
			key, value, ok := strings.Cut(member, "=")
			if !ok || !isKey(key) || !isValue(value) || len(members) == maxMembers {
				return "", false
			}
			for _, k := range keys {
				if k == key {
					return "", false
				}
			}
			members, keys = append(members, member), append(keys, key)
		}
	}
	state := strings.Join(members, ",")
	return state, len(state) <= MaxState
}

// isKey reports whether a member may have the key.
func isKey(s string) bool {
	if s == "" || len(s) > maxKey || !isLower(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !strings.ContainsRune("_-*/@", rune(c)) {
			return false
		}
	}
	return true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// isValue reports whether a member may have the value.
func isValue(s string) bool {
	if s == "" || len(s) > maxValue {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '=' {
			return false
		}
	}
	return true
}
