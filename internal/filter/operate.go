package filter

import (
	"math"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// holds reports whether a condition is true; what is no condition is not.
func holds(v value) bool { return v.kind == boolean && v.yes }

func (c *compiler) unary(n *ast.UnaryNode) eval {
	of := c.node(n.Node)
	switch n.Operator {
	case "not", "!":
		return func(r *run) value { return truth(!holds(of(r))) }
	case "-":
		return func(r *run) value {
			v := of(r)
			switch {
			case v.kind != number:
				return value{}
			case v.whole && v.int != math.MinInt64:
				return integer(-v.int)
			}
			return floating(-v.num)
		}
	case "+":
		return func(r *run) value {
			if v := of(r); v.kind == number {
				return v
			}
			return value{}
		}
	}
	return c.refuse(n, "operator "+n.Operator+" is not part of this language")
}

func (c *compiler) binary(n *ast.BinaryNode) eval {
	if n.Operator == "matches" {
		return c.matches(n)
	}
	a, b := c.node(n.Left), c.node(n.Right)
	switch n.Operator {
	case "and", "&&":
		return func(r *run) value { return truth(holds(a(r)) && holds(b(r))) }
	case "or", "||":
		return func(r *run) value { return truth(holds(a(r)) || holds(b(r))) }
	case "??":
		return func(r *run) value {
			if v := a(r); v.kind != null {
				return v
			}
			return b(r)
		}
	case "==":
		return func(r *run) value { return truth(r.equal(a(r), b(r), 0)) }
	case "!=":
		return func(r *run) value { return truth(!r.equal(a(r), b(r), 0)) }
	case "in":
		return func(r *run) value { return truth(r.in(a(r), b(r))) }
	case "<":
		return ordered(a, b, func(c int) bool { return c < 0 })
	case "<=":
		return ordered(a, b, func(c int) bool { return c <= 0 })
	case ">":
		return ordered(a, b, func(c int) bool { return c > 0 })
	case ">=":
		return ordered(a, b, func(c int) bool { return c >= 0 })
	case "contains":
		return texts(a, b, strings.Contains)
	case "startsWith":
		return texts(a, b, strings.HasPrefix)
	case "endsWith":
		return texts(a, b, strings.HasSuffix)
	case "+", "-", "*", "/", "%":
		if n.Operator == "+" && (isText(n.Left) || isText(n.Right)) {
			return c.refuse(n, "texts are not added in this language")
		}
		return func(r *run) value { return arithmetic(n.Operator, a(r), b(r)) }
	}
	return c.refuse(n, "operator "+n.Operator+" is not part of this language")
}

func isText(n ast.Node) bool { return n.Type() != nil && n.Type().String() == "string" }

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

// texts asks something of two texts; of anything else it is false.
func texts(a, b eval, is func(s, part string) bool) eval {
	return func(r *run) value {
		x, y := a(r), b(r)
		return truth(x.kind == text && y.kind == text && r.spend(x.size()+y.size()) && is(x.text, y.text))
	}
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
		return r.spend(b.size()) && member(b.raw, a.text) != nil
	case b.kind == list && r.spend(b.size()):
		b.each(func(item value) bool {
			found = r.equal(a, item, 0)
			return !found && r.spend(8)
		})
	}
	return found
}

func arithmetic(operator string, a, b value) value {
	if a.kind != number || b.kind != number {
		return value{}
	}
	x, y := a.num, b.num
	switch operator {
	case "+":
		x += y
	case "-":
		x -= y
	case "*":
		x *= y
	case "/":
		x /= y
	case "%":
		if !a.whole || !b.whole || b.int == 0 {
			return value{}
		}
		return integer(a.int % b.int)
	}
	// What is whole and exact stays so, to be equal to what is written without a point.
	if operator != "/" && a.whole && b.whole && math.Abs(x) < 1<<53 {
		return integer(int64(x))
	}
	return floating(x)
}
