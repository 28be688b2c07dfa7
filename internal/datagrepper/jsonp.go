package datagrepper

import "bytes"

// mostFunction bounds the name of a function.
const mostFunction = 128

// isFunction reports whether a text is the name of a JavaScript function, or of a member that is one: anything else would let who
// wrote an address run a script in the name of whoever follows it.
func isFunction(text string) bool {
	if text == "" || len(text) > mostFunction {
		return false
	}
	first := true
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '$', !first && c >= '0' && c <= '9':
			first = false
		case c == '.' && !first:
			first = true
		default:
			return false
		}
	}
	return !first
}

// jsonp makes a script of JSON that calls the function with it. The comment before it keeps a name from being the beginning of
// another kind of file. Two characters that JSON allows end a line for older scripts.
func jsonp(function string, body []byte) []byte {
	body = bytes.ReplaceAll(body, []byte("\u2028"), []byte(`\u2028`))
	body = bytes.ReplaceAll(body, []byte("\u2029"), []byte(`\u2029`))
	out := append([]byte("/**/"+function+"("), body...)
	return append(out, ");"...)
}
