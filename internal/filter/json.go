package filter

import (
	"bytes"
	"encoding/json"
	"unsafe"
)

// What follows walks over JSON that was checked before it came into the log, and reads only what is asked for: a decoder would
// cost more than all else that is done with an entry. Bytes that are no JSON have no members, and do no harm.

// walker goes over the members of an object or the elements of an array.
type walker struct {
	b []byte
	i int // behind the last element; -1 when there are no more
}

// walk begins with the object or array at the beginning of b.
func walk(b []byte) walker { return walker{b, 1} }

// next gives the raw value of the next member or element; of a member, the key stands raw in key, without its quotes.
func (w *walker) next(object bool) (key, raw []byte, ok bool) {
	i := space(w.b, w.i)
	if i >= len(w.b) || w.b[i] == ']' || w.b[i] == '}' {
		return nil, nil, false
	}
	if w.b[i] == ',' {
		i = space(w.b, i+1)
	}
	if object {
		if i >= len(w.b) || w.b[i] != '"' {
			return nil, nil, false
		}
		end := skipString(w.b, i)
		if end < 0 {
			return nil, nil, false
		}
		key = w.b[i+1 : end-1]
		i = space(w.b, end)
		if i >= len(w.b) || w.b[i] != ':' {
			return nil, nil, false
		}
		i = space(w.b, i+1)
	}
	end := skip(w.b, i)
	if end < 0 {
		return nil, nil, false
	}
	w.i = end
	return key, w.b[i:end], true
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skip gives the index behind the value that begins at i, or -1.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	from := i
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		back := 0
		for b[i-1-back] == '\\' { // the opening quote ends it
			back++
		}
		i++
		if back%2 == 0 {
			return i
		}
	}
	return -1
}

func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// unquote gives the text between two quotes without its escapes. Without any it shares the memory, which is never changed.
func unquote(inside []byte) string {
	if bytes.IndexByte(inside, '\\') < 0 {
		return unsafe.String(unsafe.SliceData(inside), len(inside))
	}
	var text string
	quoted := make([]byte, 0, len(inside)+2)
	quoted = append(append(append(quoted, '"'), inside...), '"')
	if json.Unmarshal(quoted, &text) != nil {
		return ""
	}
	return text
}

// member finds the value of a member of an object.
func member(object []byte, key string) []byte {
	for w := walk(object); ; {
		k, raw, ok := w.next(true)
		if !ok {
			return nil
		}
		if string(k) == key || bytes.IndexByte(k, '\\') >= 0 && unquote(k) == key {
			return raw
		}
	}
}
