package filter

import (
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// functions is said of a function that is not known.
const functions = "there are any, all, none, one, count, len, lower, upper, trim, int, float, date and text"

// function is a call of one that the language has.
func (c *compiler) function(n *ast.BuiltinNode) eval {
	switch n.Name {
	case "any", "all", "none", "one", "count":
		return c.loop(n)
	case "date":
		return c.date(n)
	}
	if len(n.Arguments) != 1 {
		return c.refuse(n, n.Name+" as it is called here is not part of this language; "+functions)
	}
	of := c.node(n.Arguments[0])
	switch n.Name {
	case "len":
		return func(r *run) value {
			v := of(r)
			if !r.spend(v.size()) {
				return value{}
			}
			return v.length()
		}
	case "lower":
		return textOf(of, strings.ToLower)
	case "upper":
		return textOf(of, strings.ToUpper)
	case "trim":
		return textOf(of, strings.TrimSpace)
	case "int", "float":
		return toNumber(of, n.Name == "int")
	}
	return c.refuse(n, n.Name+" is not part of this language; "+functions)
}

// textOf makes another text of a text.
func textOf(of eval, change func(string) string) eval {
	return func(r *run) value {
		v := of(r)
		if v.kind != text || !r.spend(4*v.size()) {
			return value{}
		}
		return textual(change(v.text))
	}
}

// longestNumber bounds the texts that are read as numbers.
const longestNumber = 64

// toNumber reads a text as a number; towards a whole number the rest is cut.
func toNumber(of eval, whole bool) eval {
	return func(r *run) value {
		v := of(r)
		if v.kind == text && len(v.text) <= longestNumber {
			v = numeric(v.text)
		}
		switch {
		case v.kind != number:
			return value{}
		case whole && !v.whole:
			if v.num > -1<<62 && v.num < 1<<62 {
				return integer(int64(v.num))
			}
			return value{}
		}
		return v
	}
}

// date is a point in time, which must stand in the expression.
func (c *compiler) date(n *ast.BuiltinNode) eval {
	if len(n.Arguments) == 1 {
		if s, ok := n.Arguments[0].(*ast.StringNode); ok {
			if t, ok := moment(s.Value); ok {
				return constant(value{kind: instant, time: t})
			}
		}
	}
	return c.refuse(n, "date takes a text as 2026-01-31 or 2026-01-31T12:00:00Z")
}

// loop asks something of each element of a list. Of what is no list, all of them are false, and count is 0.
func (c *compiler) loop(n *ast.BuiltinNode) eval {
	over := c.node(n.Arguments[0])
	var asks eval
	if len(n.Arguments) > 1 {
		p, ok := n.Arguments[1].(*ast.PredicateNode)
		if !ok {
			return c.refuse(n.Arguments[1], "here must be a condition")
		}
		asks = c.node(p.Node)
	} else {
		asks = func(r *run) value { return r.item }
	}
	return func(r *run) value {
		v := over(r)
		if v.kind != list || !r.spend(v.size()) {
			if n.Name == "count" {
				return integer(0)
			}
			return truth(false)
		}
		met, all := r.count(&v, asks, n.Name)
		switch n.Name {
		case "any":
			return truth(met > 0)
		case "all":
			return truth(met == all)
		case "none":
			return truth(met == 0)
		case "one":
			return truth(met == 1)
		}
		return integer(met)
	}
}

// count tells of how many elements the condition holds, and how many it was asked of: as soon as the answer is known it asks no
// more.
func (r *run) count(v *value, asks eval, name string) (met, all int64) {
	outer := r.item
	defer func() { r.item = outer }()
	v.each(func(item value) bool {
		if !r.spend(16) {
			return false
		}
		r.item = item
		all++
		if holds(asks(r)) {
			met++
			return name != "any" && name != "none" && (name != "one" || met < 2)
		}
		return name != "all"
	})
	return met, all
}

// maxWords bounds the words of one text().
const maxWords = 64

// call is text("some words"): all of them are among the words of the entry. They stand in the expression itself, so that an index can
// find them.
func (c *compiler) call(n *ast.CallNode) eval {
	if name, ok := n.Callee.(*ast.IdentifierNode); !ok || name.Value != "text" || len(n.Arguments) != 1 {
		return c.refuse(n, "there is no such function; "+functions)
	}
	wanted, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return c.refuse(n.Arguments[0], "text takes words as in text(\"some words\"), not something to work out")
	}
	words := facts.Query(wanted.Value)
	switch {
	case len(words) == 0:
		return c.refuse(wanted, "there is no word, that is no letter and no digit, in this text")
	case len(words) > maxWords:
		return c.refuse(wanted, "text has "+itoa(len(words))+" words; "+itoa(maxWords)+" are allowed")
	}
	return func(r *run) value { return truth(r.has(words)) }
}
