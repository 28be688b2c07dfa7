package trust

import "strings"

// maxName bounds the name of a root: it stands in every entry that somebody of the root signed.
const maxName = 64

// nameBytes is what stands in names.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// NameOf makes a text, such as the name of a host, one that a root or a node can have. A name stays as it is.
func NameOf(text string) string {
	if text == "" {
		return "node"
	}
	name := []byte(text[:min(len(text), maxName)])
	for i, c := range name {
		if strings.IndexByte(nameBytes, c) < 0 {
			name[i] = '-'
		}
	}
	return string(name)
}

// validName reports whether a root's name can stand in ROOT/NAME, log lines and keys.
func validName(name string) bool { return NameOf(name) == name }
