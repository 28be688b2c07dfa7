package amqp

import (
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/carry"
)

// A message of the library has a header for each package, user and so on that it is about, and may have hundreds, where an
// envelope has room for 64. Of many, those of one kind are folded into few, with the names between spaces, and unfolded on the
// way out.
const (
	foldAbove = 48   // so many headers stay as they are
	foldBytes = 3500 // of one header
)

const indexBegin = "fedmsg_index_"

// cutIndex gives kind and name of a header that says what or whom a message is about, as fedora_messaging_user_ralph does.
func cutIndex(header string) (kind, name string, ok bool) {
	rest, ok := strings.CutPrefix(header, "fedora_messaging_")
	if !ok {
		return "", "", false
	}
	kind, name, ok = strings.Cut(rest, "_")
	switch kind {
	case "user", "group", "rpm", "container", "module", "flatpak":
		return kind, name, ok && name != ""
	}
	return "", "", false
}

// folded gives the headers with indexes folded where there are many. The headers are sorted, and so is the result, but for
// what was folded, which comes last.
func folded(headers []carry.Header) []carry.Header {
	if len(headers) <= foldAbove {
		return headers
	}
	out := headers[:0:0]
	var names []carry.Header // one for each list: kind and names
	for _, h := range headers {
		kind, name, ok := cutIndex(h.Name)
		if !ok || h.Value != "true" || strings.Contains(name, " ") {
			out = append(out, h)
			continue
		}
		if n := len(names); n > 0 && names[n-1].Name == kind && len(names[n-1].Value)+1+len(name) <= foldBytes {
			names[n-1].Value += " " + name
		} else {
			names = append(names, carry.Header{Name: kind, Value: name})
		}
	}
	count := make(map[string]int)
	for _, list := range names {
		count[list.Name]++
		out = append(out, carry.Header{Name: indexBegin + list.Name + "_" + strconv.Itoa(count[list.Name]), Value: list.Value})
	}
	return out
}

// unfolded undoes folded.
func unfolded(headers []carry.Header) []carry.Header {
	var out []carry.Header // nil while there is nothing to unfold
	for i, h := range headers {
		rest, ok := strings.CutPrefix(h.Name, indexBegin)
		if !ok {
			if out != nil {
				out = append(out, h)
			}
			continue
		}
		if out == nil {
			out = append(make([]carry.Header, 0, 2*len(headers)), headers[:i]...)
		}
		kind, _, _ := strings.Cut(rest, "_")
		for name := range strings.SplitSeq(h.Value, " ") {
			out = append(out, carry.Header{Name: "fedora_messaging_" + kind + "_" + name, Value: "true"})
		}
	}
	if out == nil {
		return headers
	}
	return out
}
