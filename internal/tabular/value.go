package tabular

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/bits"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// What the readers of values say beside what they read.
var (
	errMore    = errors.New("it goes on behind what is there")
	errNoJSON  = errors.New("it is not JSON")
	errTooDeep = errors.New("it is nested too deep")
	errNotUTF8 = errors.New("it is not UTF-8")
)

// space gives the index of the first byte from i on that is no white space, len(b) where there is none.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// appendValue appends the value that begins at i, in the one way in which it is written here, and gives where it ends. A number
// at the end of b may go on, and is errMore.
func appendValue(dst, b []byte, i, depth int) ([]byte, int, error) {
	if i >= len(b) {
		return dst, i, errMore
	}
	switch c := b[i]; {
	case c == '"':
		return appendString(dst, b, i)
	case c == '{' || c == '[':
		return appendNested(dst, b, i, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return appendNumber(dst, b, i)
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if n := min(len(word), len(b)-i); string(b[i:i+n]) == word[:n] {
			if n < len(word) {
				return dst, i, errMore
			}
			return append(dst, word...), i + n, nil
		}
	}
	return dst, i, errNoJSON
}

// appendString appends the string that begins at i.
func appendString(dst, b []byte, i int) ([]byte, int, error) {
	from, plain := i, true
	for i++; ; i++ {
		if i = skipPlain(b, i); i >= len(b) {
			return dst, i, errMore
		}
		switch c := b[i]; {
		case c == '"':
			i++
			if plain {
				return append(dst, b[from:i]...), i, nil
			}
			return appendDecoded(dst, b[from:i], i)
		case c < 0x20:
			return dst, i, errNoJSON
		case c == '\\':
			plain = false
			i++
		case c >= 0x7f:
			plain = false
		}
	}
}

// skipPlain goes over bytes of ASCII that stand for themselves in a string, eight at a time, and may stop early.
func skipPlain(b []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := w^'"'*ones, w^'\\'*ones
		// The lowest high bit that is set in special is that of the first byte that does not stand for itself: what is carried or borrowed
		// goes up.
		special := (w-' '*ones)&^w | (quote-ones)&^quote | (backslash-ones)&^backslash | w | (w + ones)
		if special &= high; special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	return i
}

// appendDecoded appends a string that has escapes, or bytes that are not ASCII.
func appendDecoded(dst, raw []byte, end int) ([]byte, int, error) {
	if !utf8.Valid(raw) {
		return dst, end, errNotUTF8
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return dst, end, errNoJSON
	}
	return Text(dst, text), end, nil
}

// appendNumber appends the number that begins at i, as it is written.
func appendNumber(dst, b []byte, i int) ([]byte, int, error) {
	from := i
	if b[i] == '-' {
		i++
	}
	lead := i
	i = digits(b, i)
	if i == lead && i < len(b) || i > lead+1 && b[lead] == '0' {
		return dst, i, errNoJSON
	}
	if i < len(b) && b[i] == '.' {
		frac := i + 1
		if i = digits(b, frac); i == frac && i < len(b) {
			return dst, i, errNoJSON
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exp := i
		if i = digits(b, exp); i == exp && i < len(b) {
			return dst, i, errNoJSON
		}
	}
	if i >= len(b) {
		return dst, i, errMore
	}
	return append(dst, b[from:i]...), i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

// appendNested appends the object or array that begins at i.
func appendNested(dst, b []byte, i, depth int) ([]byte, int, error) {
	if depth > maxDepth {
		return dst, i, errTooDeep
	}
	object := b[i] == '{'
	closing := b[i] + 2 // } behind {, ] behind [
	dst = append(dst, b[i])
	if i = space(b, i+1); i < len(b) && b[i] == closing {
		return append(dst, closing), i + 1, nil
	}
	for {
		var err error
		if object {
			if dst, i, err = appendName(dst, b, i); err != nil {
				return dst, i, err
			}
			dst = append(dst, ':')
		}
		if dst, i, err = appendValue(dst, b, i, depth); err != nil {
			return dst, i, err
		}
		i = space(b, i)
		switch {
		case i >= len(b):
			return dst, i, errMore
		case b[i] == closing:
			return append(dst, closing), i + 1, nil
		case b[i] != ',':
			return dst, i, errNoJSON
		}
		dst = append(dst, ',')
		i = space(b, i+1)
	}
}

// appendName appends the name of a member, and goes behind its colon to the value.
func appendName(dst, b []byte, i int) ([]byte, int, error) {
	if i >= len(b) {
		return dst, i, errMore
	}
	if b[i] != '"' {
		return dst, i, errNoJSON
	}
	dst, i, err := appendString(dst, b, i)
	if err != nil {
		return dst, i, err
	}
	if i = space(b, i); i >= len(b) {
		return dst, i, errMore
	}
	if b[i] != ':' {
		return dst, i, errNoJSON
	}
	return dst, space(b, i+1), nil
}

// Value appends one value of JSON in the way in which all values of cells are written. What is no JSON, or more than one, has
// fedmsg.CodeBadJSON.
func Value(dst, raw []byte) ([]byte, error) {
	// A number is known to end by what stands behind it.
	b := append(append(make([]byte, 0, len(raw)+1), raw...), ' ')
	out, end, err := appendValue(dst, b, space(b, 0), 0)
	if err == nil && space(b, end) != len(b) {
		err = errNoJSON
	}
	if err != nil {
		return dst, fedmsg.Errorf(fedmsg.CodeBadJSON, "a value cannot be read: %s", plain(err))
	}
	return out, nil
}
