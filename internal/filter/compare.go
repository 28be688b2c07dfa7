package filter

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// ordered compares numbers with numbers, texts with texts and times with times; all else is false.
func ordered(a, b eval, is func(int) bool) eval {
	return func(r *run) value {
		x, y := a(r), b(r)
		if x.kind != y.kind || !r.spend(min(x.size(), y.size())) {
			return truth(false)
		}
		switch x.kind {
		case number:
			if x.whole && y.whole {
				return truth(is(compare(x.int, y.int)))
			}
			return truth(x.num == x.num && y.num == y.num && is(compare(x.num, y.num))) //nolint:staticcheck // NaN is not ordered
		case text:
			return truth(is(strings.Compare(x.text, y.text)))
		case instant:
			return truth(is(x.time.Compare(y.time)))
		}
		return truth(false)
	}
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// equalDepth bounds how deep lists are compared: as deep as messages may be nested.
const equalDepth = 64

// equal compares values of one kind; objects are equal to nothing.
func (r *run) equal(a, b value, depth int) bool {
	if a.kind != b.kind || depth > equalDepth {
		return false
	}
	switch a.kind {
	case null:
		return true
	case boolean:
		return a.yes == b.yes
	case number:
		if a.whole && b.whole {
			return a.int == b.int
		}
		return a.num == b.num
	case text:
		return len(a.text) == len(b.text) && r.spend(a.size()) && a.text == b.text
	case instant:
		return a.time.Equal(b.time)
	case list:
		return r.equalLists(a, b, depth)
	}
	return false
}

func (r *run) equalLists(a, b value, depth int) bool {
	if !r.spend(4 * (a.size() + b.size())) {
		return false
	}
	var others []value
	b.each(func(item value) bool {
		others = append(others, item)
		return r.spend(128)
	})
	same, n := r.left >= 0, 0
	a.each(func(item value) bool {
		same = same && n < len(others) && r.equal(item, others[n], depth+1)
		n++
		return same
	})
	return same && n == len(others)
}

// in reports whether a list has an element, or an object a member of that name.
func (r *run) in(a, b value) (found bool) {
	switch {
	case b.kind == object && a.kind == text:
		return r.spend(b.size()) && jsonwalk.Member(b.raw, a.text) != nil
	case b.kind == list && r.spend(b.size()):
		b.each(func(item value) bool {
			found = r.equal(a, item, 0)
			return !found && r.spend(8)
		})
	}
	return found
}
