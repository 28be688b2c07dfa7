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
		return onTexts(a, b, strings.Contains)
	case "startsWith":
		return onTexts(a, b, strings.HasPrefix)
	case "endsWith":
		return onTexts(a, b, strings.HasSuffix)
	case "+", "-", "*", "/", "%":
		if n.Operator == "+" && (isText(n.Left) || isText(n.Right)) {
			return c.refuse(n, "texts are not added in this language")
		}
		return func(r *run) value { return arithmetic(n.Operator, a(r), b(r)) }
	}
	return c.refuse(n, "operator "+n.Operator+" is not part of this language")
}

func isText(n ast.Node) bool { return n.Type() != nil && n.Type().String() == "string" }

// onTexts asks something of two texts; of anything else it is false.
func onTexts(a, b eval, is func(s, part string) bool) eval {
	return func(r *run) value {
		x, y := a(r), b(r)
		return truth(x.kind == text && y.kind == text && r.spend(x.size()+y.size()) && is(x.text, y.text))
	}
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
