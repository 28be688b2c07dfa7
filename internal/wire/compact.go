package wire

import "bytes"

// appendCompact appends valid JSON without the white space between its tokens. Strings stay as they are written.
func appendCompact(dst, json []byte) []byte {
	for len(json) > 0 {
		switch c := json[0]; {
		case c == '"':
			n := quotedLen(json)
			dst = append(dst, json[:n]...)
			json = json[n:]
		case c <= ' ':
			json = json[1:]
		default:
			dst = append(dst, c)
			json = json[1:]
		}
	}
	return dst
}

// quotedLen is the length of the valid string that json starts with.
func quotedLen(json []byte) int {
	for i := 1; ; {
		i = plainEnd(json, i)
		switch json[i] {
		case '"':
			return i + 1
		case '\\':
			i++ // what is escaped does not end the string
		}
		i++
	}
}

// spaced gives a copy of valid JSON in which all white space between tokens is spaces.
func spaced(json []byte) []byte {
	json = bytes.Clone(json)
	for i, c := range json {
		if c < ' ' {
			json[i] = ' ' // valid JSON has such bytes only between tokens
		}
	}
	return json
}

// trimmed is data without the white space around it.
func trimmed(data []byte) []byte {
	for len(data) > 0 && layout(data[0]) {
		data = data[1:]
	}
	for len(data) > 0 && layout(data[len(data)-1]) {
		data = data[:len(data)-1]
	}
	return data
}

// layout reports whether c is white space to JSON.
func layout(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
