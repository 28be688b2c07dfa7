// Package jsonwalk walks over JSON without decoding it.
//
// It promises to read only what is asked for, once, and to allocate nothing: a decoder would cost more than all else that is
// done with an entry. It is for JSON that was checked before it came into the log; bytes that are no JSON have no members, and do
// no harm. It writes nothing, and what it gives lies in the bytes that it was given.
package jsonwalk

import "bytes"

// Cursor stands inside an object or array, before its first element or before the next one. A caller that wants a whole document in
// one pass goes into what is nested with [Cursor.Enter], and comes out of it where [Cursor.Next] is false.
type Cursor struct {
	b []byte
	i int // len(b) when nothing more can be read
}

// Inside begins inside the object or array at the beginning of b.
func Inside(b []byte) Cursor { return Cursor{b, min(1, len(b))} }

// Next goes to the value of the next member of an object, whose key it gives raw, without its quotes, or to the next element of an
// array. It is false where there is none; the cursor is behind the object or array then.
func (c *Cursor) Next(object bool) (key []byte, ok bool) {
	i := Space(c.b, c.i)
	if i < len(c.b) && (c.b[i] == ']' || c.b[i] == '}') {
		c.i = i + 1
		return nil, false
	}
	if i < len(c.b) && c.b[i] == ',' {
		i = Space(c.b, i+1)
	}
	if object {
		end := skipString(c.b, i)
		if end < 0 {
			return nil, c.stop()
		}
		key = c.b[i+1 : end-1]
		if i = Space(c.b, end); i >= len(c.b) || c.b[i] != ':' {
			return nil, c.stop()
		}
		i = Space(c.b, i+1)
	}
	if i >= len(c.b) {
		return nil, c.stop()
	}
	c.i = i
	return key, true
}

// stop ends the walk.
func (c *Cursor) stop() bool {
	c.i = len(c.b)
	return false
}

// Kind is the first byte of the value that Next went to: '"', '{', '[', or that of a number or literal.
func (c *Cursor) Kind() byte {
	if c.i >= len(c.b) {
		return 0
	}
	return c.b[c.i]
}

// Take gives the value that Next went to, as it is written, and goes behind it. It is nil where no value ends.
func (c *Cursor) Take() []byte {
	end := skip(c.b, c.i)
	if end < 0 {
		c.stop()
		return nil
	}
	raw := c.b[c.i:end:end]
	c.i = end
	return raw
}

// Enter goes into the object or array that Next went to.
func (c *Cursor) Enter() { c.i = min(c.i+1, len(c.b)) }

// Pair is Next and Take.
func (c *Cursor) Pair(object bool) (key, raw []byte, ok bool) {
	if key, ok = c.Next(object); !ok {
		return nil, nil, false
	}
	raw = c.Take()
	return key, raw, raw != nil
}

// Member finds the value of a member of the object at the beginning of b, as it is written; nil where there is none.
func Member(b []byte, key string) []byte {
	for c := Inside(b); ; {
		k, raw, ok := c.Pair(true)
		if !ok {
			return nil
		}
		if string(k) == key || bytes.IndexByte(k, '\\') >= 0 && Unquote(k) == key {
			return raw
		}
	}
}

// Space gives the index of the first byte at i or behind it that is no white space.
func Space(b []byte, i int) int {
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

// skipString gives the index behind the string that begins at i, or -1.
func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
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
