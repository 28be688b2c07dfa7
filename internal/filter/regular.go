package filter

import (
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

const (
	maxPattern = 1000 // steps that a regular expression may have
	matchWork  = 16   // what a byte costs at least
)

// matches is a regular expression. It stands in the expression itself: one from a message would have to be made each time.
func (c *compiler) matches(n *ast.BinaryNode) eval {
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		return c.refuse(n.Right, "what stands behind matches must be a text, not something to work out")
	}
	re, err := regexp.Compile(pattern.Value)
	if err != nil {
		return c.refuse(n.Right, "the regular expression is wrong: "+err.Error())
	}
	steps, _ := steps(pattern.Value)
	of, each := c.node(n.Left), max(steps, matchWork)
	return func(r *run) value {
		v := of(r)
		return truth(v.kind == text && r.spend(1+each*len(v.text)) && re.MatchString(v.text))
	}
}

// regulars looks for regular expressions that are too large, before anybody makes one of them.
type regulars struct{ err *file.Error }

// Visit looks at one node.
func (p *regulars) Visit(n *ast.Node) {
	b, ok := (*n).(*ast.BinaryNode)
	if !ok || b.Operator != "matches" || p.err != nil {
		return
	}
	pattern, ok := b.Right.(*ast.StringNode)
	if !ok {
		return // the compiler refuses it
	}
	if _, fault := steps(pattern.Value); fault != "" {
		p.err = &file.Error{Location: pattern.Location(), Message: fault}
	}
}

// steps is about how many steps a regular expression is made into, and what is wrong with it.
func steps(pattern string) (n int, fault string) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, "the regular expression is wrong: " + err.Error()
	}
	if n = weight(parsed); n > maxPattern {
		return n, "the regular expression is too large; count less in its braces"
	}
	return n, ""
}

// weight is about how many steps a regular expression is made into.
func weight(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += weight(sub)
		if n > maxPattern {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}
