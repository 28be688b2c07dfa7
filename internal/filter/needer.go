package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// needer reads a checked expression for what it needs. What it does not understand needs nothing.
type needer struct {
	kind      NeedKind // what an entry needs for # to be some text: NeedUser, NeedPackage, or NeedAny where it is no such name
	ofMessage bool     // # is a part of the message
}

// of gives what an entry must have for a condition to be true.
func (d needer) of(n ast.Node) Need {
	switch n := n.(type) {
	case *ast.BinaryNode:
		return d.binary(n)
	case *ast.ConditionalNode:
		return one(allOf(d.of(n.Cond), d.of(n.Exp1)), d.of(n.Exp2))
	case *ast.BuiltinNode:
		return d.loop(n)
	case *ast.CallNode:
		if wanted, ok := n.Arguments[0].(*ast.StringNode); ok { // text("some words")
			return Need{Kind: NeedWords, Words: facts.Query(wanted.Value)}
		}
	case *ast.ChainNode, *ast.MemberNode:
		return d.present(n)
	}
	return Need{}
}

func (d needer) binary(n *ast.BinaryNode) Need {
	switch n.Operator {
	case "and", "&&":
		return allOf(d.of(n.Left), d.of(n.Right))
	case "or", "||":
		return one(d.of(n.Left), d.of(n.Right))
	case "==":
		return allOf(d.equal(n.Left, n.Right), d.equal(n.Right, n.Left), during(n))
	case "in":
		return d.in(n)
	case "<", "<=", ">", ">=":
		return allOf(during(n), d.present(n.Left), d.present(n.Right))
	case "startsWith", "contains", "endsWith", "matches":
		return allOf(d.part(n), d.present(n.Left), d.present(n.Right))
	}
	return Need{}
}

// loop gives what the elements of a list must have, where there must be one. Of what is no list each is false.
func (d needer) loop(n *ast.BuiltinNode) Need {
	switch n.Name {
	case "all", "none":
		return d.present(n.Arguments[0])
	case "any", "one":
		need := d.present(n.Arguments[0])
		if len(n.Arguments) > 1 {
			if p, ok := n.Arguments[1].(*ast.PredicateNode); ok {
				kind, _ := elementOf(n.Arguments[0])
				need = allOf(need, needer{kind: kind, ofMessage: d.said(n.Arguments[0])}.of(p.Node))
			}
		}
		return need
	}
	return Need{}
}

// equal gives what a must have to be equal to b, where that stands in the expression.
func (d needer) equal(a, b ast.Node) Need {
	if negated, ok := b.(*ast.UnaryNode); ok {
		b = negated.Node // a number below zero
	}
	switch b := b.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return d.present(a)
	case *ast.StringNode:
		return allOf(d.present(a), d.equalText(a, b.Value))
	}
	return Need{}
}

func (d needer) equalText(a ast.Node, text string) Need {
	switch n := a.(type) {
	case *ast.IdentifierNode:
		if k, ok := termOf(n.Value); ok {
			return named(k, text)
		}
	case *ast.PointerNode:
		if d.kind != NeedAny {
			return named(d.kind, text)
		}
	case *ast.MemberNode: // users[0]
		if k, ok := elementOf(n.Node); ok {
			return named(k, text)
		}
	}
	if d.said(a) {
		return said(text)
	}
	return Need{}
}

// in gives what must be there for a to be in b: an element of a list, or the name of a member.
func (d needer) in(n *ast.BinaryNode) Need {
	if b, ok := n.Right.(*ast.ArrayNode); ok {
		needs := make([]Need, len(b.Nodes))
		for i, item := range b.Nodes {
			needs[i] = d.equal(n.Left, item)
		}
		return one(needs...)
	}
	need := d.present(n.Right)
	text, ok := n.Left.(*ast.StringNode)
	if !ok {
		return need
	}
	if k, ok := elementOf(n.Right); ok {
		return named(k, text.Value)
	}
	if d.said(n.Right) {
		return allOf(need, said(text.Value))
	}
	return need
}

// part gives what a text must have to begin or end with another, or to have it in it.
func (d needer) part(n *ast.BinaryNode) Need {
	text, ok := n.Right.(*ast.StringNode)
	if !ok || n.Operator == "matches" {
		return Need{}
	}
	if name, ok := n.Left.(*ast.IdentifierNode); ok && n.Operator == "startsWith" {
		switch name.Value {
		case "topic":
			return named(NeedPrefix, text.Value)
		case "sender":
			return named(NeedSender, text.Value[:max(0, strings.LastIndexByte(text.Value, ':'))])
		case "signer":
			return named(NeedSigner, text.Value[:max(0, strings.LastIndexByte(text.Value, '/'))])
		}
	}
	if !d.said(n.Left) {
		return Need{}
	}
	return said(inner(text.Value, n.Operator != "startsWith", n.Operator != "endsWith"))
}

// inner cuts off what may be only a part of a word, at each side where the text may go on.
func inner(text string, left, right bool) string {
	between := func(r rune) bool { return r < utf8.RuneSelf && wordless(byte(r)) }
	if left {
		first := strings.IndexFunc(text, between)
		if first < 0 {
			return ""
		}
		text = text[first+1:]
	}
	if right {
		text = text[:strings.LastIndexFunc(text, between)+1]
	}
	return text
}

// wordless reports whether a byte of ASCII stands between words.
func wordless(c byte) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
}

// termOf is the kind of need that a name of the language stands for.
func termOf(name string) (NeedKind, bool) {
	switch name {
	case "topic":
		return NeedTopic, true
	case "id":
		return NeedID, true
	case "sender":
		return NeedSender, true
	case "signer":
		return NeedSigner, true
	case "category":
		return NeedCategory, true
	case "severity":
		return NeedSeverity, true
	}
	return NeedAny, false
}

// elementOf is termOf for lists.
func elementOf(list ast.Node) (NeedKind, bool) {
	if name, ok := list.(*ast.IdentifierNode); ok {
		switch name.Value {
		case "users":
			return NeedUser, true
		case "packages":
			return NeedPackage, true
		}
	}
	return NeedAny, false
}
