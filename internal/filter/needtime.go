package filter

import (
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// during gives the time of a comparison with a date. A microsecond more is as good: indexes count in them.
func during(n *ast.BinaryNode) Need {
	operator := n.Operator
	t, ok := dateOf(n.Right)
	if !ok || !received(n.Left) {
		if t, ok = dateOf(n.Left); !ok || !received(n.Right) {
			return Need{}
		}
		operator = strings.NewReplacer("<", ">", ">", "<").Replace(operator)
	}
	need := Need{Kind: NeedTime}
	if operator[0] != '<' {
		need.Since = t
	}
	if operator[0] != '>' {
		need.Until = t.Add(time.Microsecond)
	}
	return need
}

func received(n ast.Node) bool {
	name, ok := n.(*ast.IdentifierNode)
	return ok && name.Value == "received"
}

func dateOf(n ast.Node) (time.Time, bool) {
	call, ok := n.(*ast.BuiltinNode)
	if !ok || call.Name != "date" {
		return time.Time{}, false
	}
	text, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		return time.Time{}, false
	}
	return moment(text.Value)
}
