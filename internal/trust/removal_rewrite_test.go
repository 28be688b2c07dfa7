package trust

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// marker is the comment on the line above a statement without which something bad would get through. The tests named behind it
// are those that must notice; without any, all tests of the package and of those above it are asked.
var marker = regexp.MustCompile(`^// verification: ([^()]*[^() ])(?: \((Test[A-Za-z0-9_]+)\))?$`)

// mark is one such comment.
type mark struct {
	name string
	test string // empty where none is named
	line int    // of the comment
	pkg  string // directory, as internal/trust
}

// switchable puts a switch into each marked statement of a source file: while the program runs with the mark's name in
// removalVariable, the statement does not refuse. All statements can so be tried with one build. A shape that it does not know
// is an error, as is a mark that stands above no statement.
func switchable(name string, source []byte) ([]byte, []mark, error) {
	files := token.NewFileSet()
	if bytes.Contains(source, []byte("\n//go:")) {
		return nil, nil, fmt.Errorf("%s has a //go: line, which would be lost", name)
	}
	file, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	var marks []mark
	for _, group := range file.Comments {
		for _, c := range group.List {
			if m := marker.FindStringSubmatch(c.Text); m != nil {
				marks = append(marks, mark{name: m[1], test: m[2], line: files.Position(group.End()).Line})
			} else if bytes.HasPrefix([]byte(c.Text), []byte("// verification:")) {
				return nil, nil, fmt.Errorf("%s: %q is no mark", files.Position(c.Pos()), c.Text)
			}
		}
	}
	for _, m := range marks {
		s := &switcher{name: m.name}
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			if s.done { // the outermost of those that begin there
				return false
			}
			s.fn = innermost(append(stack, n))
			s.look(n, func(n ast.Node) bool { return files.Position(n.Pos()).Line == m.line+1 })
			return true
		})
		if s.err == nil && !s.done {
			s.err = errors.New("no statement begins on the line after it")
		}
		if s.err != nil {
			return nil, nil, fmt.Errorf("%s:%d: verification %s: %w", name, m.line, m.name, s.err)
		}
	}
	file.Comments = nil // they would be printed at places that have moved
	var out bytes.Buffer
	if err := printer.Fprint(&out, files, file); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), marks, nil
}

// switcher changes one statement of a file.
type switcher struct {
	name string
	done bool
	err  error
	fn   *ast.FuncType // the function that is looked at
}

// innermost gives the type of the last function of a path through the syntax tree.
func innermost(path []ast.Node) *ast.FuncType {
	for _, n := range slices.Backward(path) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return n.Type
		case *ast.FuncLit:
			return n.Type
		}
	}
	return nil
}

// look changes the statements of a block that are at the place.
func (s *switcher) look(n ast.Node, here func(ast.Node) bool) {
	switch n := n.(type) {
	case *ast.BlockStmt:
		n.List = s.list(n.List, here)
	case *ast.CaseClause:
		n.Body = s.list(n.Body, here)
	case *ast.SwitchStmt:
		for _, c := range n.Body.List {
			if here(c) {
				s.clause(n, c.(*ast.CaseClause))
			}
		}
	}
}

func (s *switcher) list(list []ast.Stmt, here func(ast.Node) bool) []ast.Stmt {
	for i, stmt := range list {
		if _, isClause := stmt.(*ast.CaseClause); isClause || !here(stmt) {
			continue
		}
		s.done = true
		if after := s.statement(stmt); after != nil {
			return slices.Insert(slices.Clone(list), i+1, after)
		}
		return list
	}
	return list
}

// statement changes one statement, and gives what is to come after it.
func (s *switcher) statement(stmt ast.Stmt) ast.Stmt {
	switch n := stmt.(type) {
	case *ast.IfStmt: // if COND { return … }
		n.Cond = and(s.kept(), n.Cond)
		return nil
	case *ast.ExprStmt: // check(…)
		s.err = errors.New("only a call can be switched")
		if call, ok := n.X.(*ast.CallExpr); ok {
			s.err = nil
			body := &ast.BlockStmt{List: []ast.Stmt{&ast.ExprStmt{X: call}}}
			n.X = &ast.CallExpr{Fun: &ast.FuncLit{Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{List: []ast.Stmt{&ast.IfStmt{Cond: s.kept(), Body: body}}}}}
		}
		return nil
	case *ast.ReturnStmt: // return f(…), of a function that gives an error or whether something is good
		s.result(n)
		return nil
	case *ast.AssignStmt: // err = f(…), ok = f(…)
		last, ok := n.Lhs[len(n.Lhs)-1].(*ast.Ident)
		if good := map[string]string{"err": "nil", "ok": "true"}; ok && good[last.Name] != "" {
			set := &ast.AssignStmt{Lhs: []ast.Expr{ast.NewIdent(last.Name)}, Tok: token.ASSIGN, Rhs: []ast.Expr{ast.NewIdent(good[last.Name])}}
			return &ast.IfStmt{Cond: s.removed(), Body: &ast.BlockStmt{List: []ast.Stmt{set}}}
		}
	}
	s.err = fmt.Errorf("a %T of this shape cannot be switched; it is none of if, return, err = and ok =", stmt)
	return nil
}

// result makes a return say that all is well.
func (s *switcher) result(n *ast.ReturnStmt) {
	if s.fn != nil && s.fn.Results != nil && len(n.Results) == s.fn.Results.NumFields() {
		last := &n.Results[len(n.Results)-1]
		kind, _ := s.fn.Results.List[len(s.fn.Results.List)-1].Type.(*ast.Ident)
		switch {
		case kind != nil && kind.Name == "error":
			*last = &ast.CallExpr{Fun: ast.NewIdent("verificationError"), Args: []ast.Expr{quotedName(s.name), *last}}
			return
		case kind != nil && kind.Name == "bool":
			*last = &ast.BinaryExpr{X: s.removed(), Op: token.LOR, Y: &ast.ParenExpr{X: *last}}
			return
		}
	}
	s.err = errors.New("it returns neither an error nor a bool by an expression of its own")
}

// clause changes a case of a switch without a tag.
func (s *switcher) clause(n *ast.SwitchStmt, c *ast.CaseClause) {
	s.done = true
	if n.Tag != nil || len(c.List) == 0 {
		s.err = errors.New("only the cases of a switch without a tag can be switched")
	}
	for i := range c.List {
		c.List[i] = and(s.kept(), c.List[i])
	}
}

func (s *switcher) removed() ast.Expr {
	return &ast.CallExpr{Fun: ast.NewIdent("verificationRemoved"), Args: []ast.Expr{quotedName(s.name)}}
}

func (s *switcher) kept() ast.Expr { return &ast.UnaryExpr{Op: token.NOT, X: s.removed()} }

func and(a, b ast.Expr) ast.Expr {
	return &ast.BinaryExpr{X: a, Op: token.LAND, Y: &ast.ParenExpr{X: b}}
}

func quotedName(name string) ast.Expr {
	return &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(name)}
}

// switches is what the switched statements of a package call.
func switches(pkg string) []byte {
	return fmt.Appendf(nil, `package %s

import "os"

func verificationRemoved(name string) bool { return os.Getenv(%q) == name }

func verificationError(name string, err error) error {
	if verificationRemoved(name) {
		return nil
	}
	return err
}
`, pkg, removalVariable)
}

// TestSwitchableShapes holds which statements can be switched, and that any other is an error and never passed over.
func TestSwitchableShapes(t *testing.T) {
	t.Parallel()
	const mark, end = "// verification: it\n", "\nreturn nil\n}"
	for _, c := range []struct {
		body string
		want string // what stands in the result; empty: it is an error
	}{
		{mark + "if x {\nreturn bad\n}" + end, `if !verificationRemoved("it") && (x) {`},
		{mark + "if err := g(); err != nil { return err }" + end, `if err := g(); !verificationRemoved("it") && (err != nil) {`},
		{"// why\n" + mark + "return g()\n}", `return verificationError("it", g())`},
		{mark + "err := g()\nreturn err\n}", "if verificationRemoved(\"it\") {\n\t\terr = nil"},
		{mark + "y, ok := h()\nreturn k(y, ok)\n}", "if verificationRemoved(\"it\") {\n\t\tok = true"},
		{"return nil\n}\nfunc k() bool {\n" + mark + "return x == y\n}", `return verificationRemoved("it") || (x == y)`},
		{"g(func() bool {\n" + mark + "return x == y\n})" + end, `return verificationRemoved("it") || (x == y)`},
		{"switch {\n" + mark + "case x, y:\nreturn bad\n}" + end, `case !verificationRemoved("it") && (x), !verificationRemoved("it") && (y):`},
		{"switch x {\n" + mark + "case y:\nreturn bad\n}" + end, ""},
		{"switch {\n" + mark + "default:\nreturn bad\n}" + end, ""},
		{mark + "\n" + end, ""},
		{mark + "y := g()\nreturn y\n}", ""},
		{mark + "for x { }" + end, ""},
		{mark + "g()" + end, `if !verificationRemoved("it") {`},
		{mark + "<-x" + end, ""},
		{mark + "return g(), nil\n}", ""},
		{"// verification: it (soon)\nif x { return bad }" + end, ""},
	} {
		source := "package p\n\nfunc f(x bool) error {\n" + c.body
		got, _, err := switchable("p.go", []byte(source))
		if c.want == "" && err == nil {
			t.Errorf("%s is not refused:\n%s", c.body, got)
		}
		if c.want != "" && !bytes.Contains(got, []byte(c.want)) {
			t.Errorf("%s became\n%s\nwithout %s (%v)", c.body, got, c.want, err)
		}
	}
}
