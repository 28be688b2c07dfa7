package filter

import (
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

const (
	maxPattern = 1000 // steps that the regular expressions may have together
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

// regulars looks for regular expressions that are too large, alone or together, before anybody makes one of them.
type regulars struct {
	steps int // of all so far
	err   *file.Error
}

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
	more, fault := steps(pattern.Value)
	if p.steps += more; fault == "" && p.steps > maxPattern {
		fault = tooLarge
	}
	if fault != "" {
		p.err = &file.Error{Location: pattern.Location(), Message: fault}
	}
}

const tooLarge = "the regular expressions are too large; count less in their braces"

// steps is about how many steps a regular expression is made into, and what is wrong with it.
func steps(pattern string) (n int, fault string) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, "the regular expression is wrong: " + err.Error()
	}
	if n = weight(parsed); n > maxPattern {
		return n, tooLarge
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
