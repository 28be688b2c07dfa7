package filter

import "github.com/expr-lang/expr/ast"

// present gives what must be there for a value not to be nil: the names of members, which are words of the entry.
func (d needer) present(n ast.Node) Need {
	switch n := n.(type) {
	case *ast.ChainNode:
		return d.present(n.Node)
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			return allOf(d.present(n.Node), said(name.Value))
		}
		return d.present(n.Node)
	case *ast.BuiltinNode:
		switch n.Name {
		case "lower", "upper", "trim", "int", "float", "len":
			return d.present(n.Arguments[0])
		}
	case *ast.UnaryNode:
		if n.Operator == "-" || n.Operator == "+" {
			return d.present(n.Node)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "-", "*", "/", "%":
			return allOf(d.present(n.Left), d.present(n.Right))
		}
	}
	return Need{}
}

// said reports whether a value is a part of the message's headers or body, so that its words are words of the entry: not one that
// stands in the expression.
func (d needer) said(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ChainNode:
		return d.said(n.Node)
	case *ast.IdentifierNode:
		return n.Value == "msg" || n.Value == "headers"
	case *ast.MemberNode:
		if _, ok := n.Property.(*ast.StringNode); ok {
			return true // only objects have members, and none can be made here
		}
		return d.said(n.Node)
	case *ast.PointerNode:
		return d.ofMessage
	}
	return false
}
