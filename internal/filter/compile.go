package filter

import (
	"strconv"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// compiler makes functions of a checked expression. It keeps the first fault.
type compiler struct {
	err *file.Error
}

// refuse keeps a fault at the place of n.
func (c *compiler) refuse(n ast.Node, what string) eval {
	if c.err == nil {
		c.err = &file.Error{Location: n.Location(), Message: what}
	}
	return constant(value{})
}

func constant(v value) eval { return func(*run) value { return v } }

func (c *compiler) node(n ast.Node) eval {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(value{})
	case *ast.BoolNode:
		return constant(truth(n.Value))
	case *ast.IntegerNode:
		return constant(integer(int64(n.Value)))
	case *ast.FloatNode:
		return constant(floating(n.Value))
	case *ast.StringNode:
		return constant(textual(n.Value))
	case *ast.IdentifierNode:
		return c.name(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.ChainNode:
		return c.node(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.BuiltinNode:
		return c.function(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.SliceNode:
		return c.refuse(n, "parts of lists and texts, as in [1:2], are not part of this language")
	}
	return c.refuse(n, "variables, maps and what else is no condition are not part of this language")
}

func (c *compiler) name(n *ast.IdentifierNode) eval {
	switch n.Value {
	case "topic":
		return func(r *run) value { return textual(r.entry.Topic) }
	case "id":
		return func(r *run) value { return textual(r.entry.ID) }
	case "sender":
		return func(r *run) value { return textual(r.entry.Sender) }
	case "signer":
		return func(r *run) value { return textual(r.entry.Signer) }
	case "verdict":
		return func(r *run) value { return textual(string(r.entry.Verdict)) }
	case "received":
		return func(r *run) value { return value{kind: instant, time: r.entry.Received} }
	case "username":
		return func(r *run) value {
			r.outer()
			if v := fromJSON(r.username); v.kind == text {
				return v
			}
			return textual("")
		}
	case "headers":
		return func(r *run) value { r.outer(); return fromJSON(r.headers) }
	case "msg":
		return func(r *run) value { r.outer(); return fromJSON(r.msg) }
	case "null":
		return constant(value{})
	case "category":
		return func(r *run) value { return textual(facts.Category(r.entry.Topic)) }
	case "users":
		return func(r *run) value { return value{kind: list, items: r.about().users} }
	case "packages":
		return func(r *run) value { return value{kind: list, items: r.about().packages} }
	case "severity":
		return func(r *run) value { return textual(r.about().severity) }
	}
	return c.refuse(n, "unknown name "+n.Value)
}

func (c *compiler) pointer(n *ast.PointerNode) eval {
	if n.Name != "" {
		return c.refuse(n, "#"+n.Name+" is not part of this language")
	}
	return func(r *run) value { return r.item }
}

func (c *compiler) conditional(n *ast.ConditionalNode) eval {
	if !n.Ternary {
		return c.refuse(n, "if is not part of this language; write condition ? one : other")
	}
	condition, one, other := c.node(n.Cond), c.node(n.Exp1), c.node(n.Exp2)
	return func(r *run) value {
		if holds(condition(r)) {
			return one(r)
		}
		return other(r)
	}
}

// array is a list in the expression itself; of constants it is made once.
func (c *compiler) array(n *ast.ArrayNode) eval {
	parts := make([]eval, len(n.Nodes))
	fixed := true
	for i, item := range n.Nodes {
		parts[i] = c.node(item)
		switch item.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		default:
			fixed = false
		}
	}
	make := func(r *run) value {
		v := value{kind: list, items: make([]value, 0, len(parts))}
		for _, part := range parts {
			v.items = append(v.items, part(r))
		}
		return v
	}
	if fixed {
		return constant(make(&run{}))
	}
	return func(r *run) value {
		if !r.spend(128 * len(parts)) {
			return value{}
		}
		return make(r)
	}
}

// moment reads the text of date().
func moment(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func itoa(n int) string { return strconv.Itoa(n) }
