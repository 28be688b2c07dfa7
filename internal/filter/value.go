package filter

import (
	"math"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// kind is a sort of value.
type kind uint8

const (
	null kind = iota // also what is missing, and what an operation makes of values that it is not for
	boolean
	number
	text
	instant
	list   // raw, or items where it stands in the expression
	object // raw
)

// value is a value while an expression is worked out.
type value struct {
	kind  kind
	yes   bool
	whole bool // the number is exactly int
	int   int64
	num   float64
	text  string
	raw   []byte // JSON of a list or object
	items []value
	time  time.Time
}

func truth(b bool) value       { return value{kind: boolean, yes: b} }
func textual(s string) value   { return value{kind: text, text: s} }
func floating(f float64) value { return value{kind: number, num: f} }
func integer(n int64) value    { return value{kind: number, whole: true, int: n, num: float64(n)} }

// fromJSON makes a value of JSON. What NaN and its like are on the old wire is a number.
func fromJSON(raw []byte) value {
	if len(raw) == 0 {
		return value{}
	}
	switch raw[0] {
	case '"':
		if len(raw) < 2 {
			return value{}
		}
		return textual(jsonwalk.Unquote(raw[1 : len(raw)-1]))
	case '{':
		return value{kind: object, raw: raw}
	case '[':
		return value{kind: list, raw: raw}
	case 't':
		return truth(true)
	case 'f':
		return truth(false)
	case 'n':
		return value{}
	}
	return numeric(string(raw))
}

// numeric reads a number, or gives null.
func numeric(s string) value {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return integer(n)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return value{}
	}
	return floating(f)
}

// size is what looking at the whole value costs.
func (v *value) size() int {
	return 1 + len(v.text) + len(v.raw) + 8*len(v.items)
}

// each calls yield for each element of a list, until it returns false.
func (v *value) each(yield func(value) bool) {
	for _, item := range v.items {
		if !yield(item) {
			return
		}
	}
	if v.raw == nil {
		return
	}
	for w := jsonwalk.Inside(v.raw); ; {
		_, raw, ok := w.Pair(false)
		if !ok || !yield(fromJSON(raw)) {
			return
		}
	}
}

// length counts the elements of a list, the members of an object and the characters of a text.
func (v *value) length() value {
	n := int64(0)
	switch v.kind {
	case text:
		for range v.text {
			n++
		}
	case list:
		v.each(func(value) bool { n++; return true })
	case object:
		for w := jsonwalk.Inside(v.raw); ; n++ {
			if _, _, ok := w.Pair(true); !ok {
				break
			}
		}
	default:
		return value{}
	}
	return integer(n)
}
