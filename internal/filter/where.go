package filter

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/federated-messaging/fedmsg"
)

// Where is an expression about an entry, in the language of expr-lang: its grammar and its checks of types. It is worked out here
// and not by that library, whose machine knows no limit on time and fails where a member is missing; what would need more is left
// out of the language. Any number of goroutines may use it.
//
// What is missing is nil. Nil is equal to nil alone, every other comparison with it is false, and so is an operation on values
// that it is not for.
type Where struct {
	source string
	run    eval
	needs  Need
}

const (
	maxSource = 4096
	maxNodes  = 400

	// The work for one entry is bounded, in units of at most some nanoseconds: maxWork, and workOfByte for each byte of its envelope. An
	// expression that needs more is false. Most bytes that are looked at cost one: finding msg in the envelope one a byte, and as much
	// each member that is looked up in what it lies in. So a comparison with a member of the largest message, whose body has 1 MiB,
	// needs 2 MiB of the 5 MiB that there are; four members, or all objects of a list, can be asked for; and an entry of some KB,
	// as nearly all are, takes no longer than one of 200 KB.
	maxWork    = 1 << 20
	workOfByte = 4
)

// budget is the work that may be done for an entry.
func budget(e *fedmsg.Entry) int { return maxWork + workOfByte*len(e.Envelope) }

// names is what an expression can ask for, and of which type.
type names struct {
	Topic    string            `expr:"topic"`
	ID       string            `expr:"id"`
	Sender   string            `expr:"sender"`
	Signer   string            `expr:"signer"`
	Verdict  string            `expr:"verdict"`
	Received time.Time         `expr:"received"`
	Username string            `expr:"username"`
	Headers  map[string]string `expr:"headers"`
	Msg      any               `expr:"msg"`
	Null     any               `expr:"null"` // as JSON writes nil

	Category string            `expr:"category"`
	Users    []string          `expr:"users"`
	Packages []string          `expr:"packages"`
	Severity string            `expr:"severity"`
	Text     func(string) bool `expr:"text"`
}

const known = "topic, id, sender, signer, verdict, received, username, headers, msg, category, users, packages, severity and text(\"some words\")"

// ParseWhere reads an expression. Its errors have CodeBadRequest and say where the fault is.
func ParseWhere(source string) (*Where, error) {
	switch {
	case strings.TrimSpace(source) == "":
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "the where expression is empty; write one as in msg.severity == \"serious\", or leave it out")
	case len(source) > maxSource:
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "the where expression has %d bytes; %d are allowed", len(source), maxSource)
	case !utf8.ValidString(source):
		return nil, fedmsg.Errorf(fedmsg.CodeBadRequest, "the where expression is not UTF-8")
	}
	if err := parseFirst(source); err != nil {
		return nil, refused(source, err)
	}
	program, err := expr.Compile(source, expr.Env(names{}), expr.AsBool(), expr.Optimize(false), expr.MaxNodes(maxNodes), expr.DisableIfOperator())
	if err != nil {
		return nil, refused(source, err)
	}
	c := compiler{}
	run := c.node(program.Node())
	if c.err != nil {
		return nil, refused(source, c.err.Bind(file.NewSource(source)))
	}
	return &Where{source: source, run: run, needs: needer{}.of(program.Node())}, nil
}

// parseFirst refuses what would take much memory to check: the library compiles the regular expressions that it finds.
func parseFirst(source string) error {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(source, c)
	if err != nil {
		return err
	}
	var v regulars
	ast.Walk(&tree.Node, &v)
	if v.err != nil {
		return v.err.Bind(file.NewSource(source))
	}
	return nil
}

// refused says what is wrong with an expression, and where.
func refused(source string, err error) error {
	what := strings.TrimSpace(printable(err.Error()))
	at := ""
	if e, ok := errors.AsType[*file.Error](err); ok {
		what = strings.TrimSpace(printable(e.Message))
		if strings.HasPrefix(what, "unknown name ") {
			what += "; it may ask for " + known
		}
		if e.Line > 0 {
			at = " at character " + itoa(e.Column+1)
			if strings.Contains(source, "\n") {
				at += " of line " + itoa(e.Line)
			}
		}
	}
	return fedmsg.Errorf(fedmsg.CodeBadRequest, "the where expression is wrong%s: %s", at, clipLong(what))
}

// String is the expression as it was written; of nil it is empty.
func (w *Where) String() string {
	if w == nil {
		return ""
	}
	return w.source
}

// Match reports whether the expression is true of the entry.
func (w *Where) Match(e *fedmsg.Entry) bool {
	r := run{entry: e, left: budget(e)}
	v := w.run(&r)
	return v.kind == boolean && v.yes && r.left >= 0
}
