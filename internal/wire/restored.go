package wire

import "github.com/federated-messaging/fedmsg/internal/jsonwalk"

// AppendRestored appends an envelope that came out of the old archive as it was before, so that its embedded signature holds for
// anybody: what AppendArchived leaves out is gone, and the timestamp is whole. Members keep their order and their bytes, but for
// white space between tokens. It is false, and nothing is appended, where the envelope has not the marks of the archive or is
// no JSON.
func AppendRestored(dst, envelope []byte) ([]byte, bool) {
	envelope = trimmed(envelope)
	if _, archived, err := AppendArchived(nil, envelope); err != nil || !archived {
		return dst, false
	}
	begin := len(dst)
	out := append(dst, '{')
	for c := jsonwalk.Inside(envelope); ; {
		key, raw, ok := c.Pair(true)
		if !ok {
			break
		}
		name := jsonwalk.Unquote(key)
		value := appendCompact(nil, raw)
		switch {
		case archivedMembers.skips([]byte(name)) && !unsignedMembers.skips([]byte(name)), name == "headers" && falsy(value):
			continue
		case name == "timestamp":
			value = wholeNumber(value)
		}
		if len(out) > begin+1 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), key...), '"', ':'), value...)
	}
	return append(out, '}'), true
}
