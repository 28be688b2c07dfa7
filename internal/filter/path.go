package filter

import (
	"github.com/expr-lang/expr/ast"

	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

// member is a.b, a["b"] and a[1].
func (c *compiler) member(n *ast.MemberNode) eval {
	of, property := c.node(n.Node), c.node(n.Property)
	if name, ok := n.Property.(*ast.StringNode); ok {
		if t := n.Node.Type(); t != nil && t.String() == "time.Time" {
			return c.refuse(n, "received has no members; compare it with date(\"2026-01-31\")")
		}
		return func(r *run) value { return r.member(of(r), name.Value) }
	}
	return func(r *run) value {
		v, p := of(r), property(r)
		switch {
		case p.kind == text:
			return r.member(v, p.text)
		case p.kind == number && p.whole:
			return r.element(v, p.int)
		}
		return value{}
	}
}

// member looks up a member of an object.
func (r *run) member(v value, key string) value {
	if v.kind != object || !r.spend(v.size()) {
		return value{}
	}
	return fromJSON(jsonwalk.Member(v.raw, key))
}

// element looks up an element of a list, from its end where n is negative.
func (r *run) element(v value, n int64) (found value) {
	if v.kind != list || !r.spend(16*v.size()) {
		return value{}
	}
	if n < 0 {
		n += v.length().int
	}
	v.each(func(item value) bool {
		if n == 0 {
			found = item
		}
		n--
		return n >= 0
	})
	return found
}
