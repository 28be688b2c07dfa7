package token

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestTokenCompareIsConstantTime holds that a secret is compared with the hashes of all tokens, by a comparison that takes the
// same time wherever they differ, and that nothing ends the loop early: how long a refusal takes tells nothing. A clock could
// not tell nanoseconds from the noise of a machine, so that the source is looked at; what the test would find is tried on
// sources that are wrong.
func TestTokenCompareIsConstantTime(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("store.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range unsteady(t, string(source)) {
		t.Error(fault)
	}
	for _, c := range []struct{ name, old, new string }{
		{"an end at the first match", "found = i\n", "found = i\nbreak\n"},
		{"a return from the loop", "found = i\n", "return tokens[i].grant(), true\n"},
		{"tokens passed over", "if subtle", "if tokens[i].expired(now) { continue }\nif subtle"},
		{"a comparison that ends at the first difference", "subtle.ConstantTimeCompare(hash[:], tokens[i].SHA256[:]) == 1", "bytes.Equal(hash[:], tokens[i].SHA256[:])"},
		{"a comparison of arrays", "subtle.ConstantTimeCompare(hash[:], tokens[i].SHA256[:]) == 1", "hash == tokens[i].SHA256"},
		{"only some tokens", "range tokens {", "range tokens[:1] {"},
		{"a condition before the comparison", "if subtle", "if tokens[i].Name != \"\" && subtle"},
	} {
		wrong := strings.Replace(string(source), c.old, c.new, 1)
		if wrong == string(source) {
			t.Errorf("%s: Lookup has no %q; change this test with it", c.name, c.old)
		} else if len(unsteady(t, wrong)) == 0 {
			t.Errorf("%s is not found", c.name)
		}
	}
}

// unsteady lists what makes the time of Lookup depend on the hashes that it knows.
func unsteady(t *testing.T, source string) (faults []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "store.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	loops := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Lookup" {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			r, ok := n.(*ast.RangeStmt)
			if !ok {
				if mentions(n, "SHA256") && isComparison(n) {
					faults = append(faults, fmt.Sprintf("%s: hashes are compared otherwise than by subtle.ConstantTimeCompare", files.Position(n.Pos())))
				}
				return true
			}
			loops++
			if all, ok := r.X.(*ast.Ident); !ok || all.Name != "tokens" {
				faults = append(faults, fmt.Sprintf("%s: the loop is not over all tokens", files.Position(r.Pos())))
			}
			faults = append(faults, unsteadyLoop(files, r.Body)...)
			return true
		})
	}
	if loops != 1 {
		faults = append(faults, fmt.Sprintf("Lookup has %d loops, want 1", loops))
	}
	return faults
}

// unsteadyLoop wants one comparison, first and without a condition, and no way out.
func unsteadyLoop(files *token.FileSet, body *ast.BlockStmt) (faults []string) {
	first, ok := body.List[0].(*ast.IfStmt)
	if !ok || !isConstantTime(first.Cond) {
		faults = append(faults, fmt.Sprintf("%s: the loop does not begin with subtle.ConstantTimeCompare alone", files.Position(body.Pos())))
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.BranchStmt, *ast.ReturnStmt:
			faults = append(faults, fmt.Sprintf("%s: the loop can be left or cut short", files.Position(n.Pos())))
		}
		return true
	})
	return faults
}

// isConstantTime recognises subtle.ConstantTimeCompare(…) == 1.
func isConstantTime(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL {
		return false
	}
	c, ok := b.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := c.Fun.(*ast.SelectorExpr)
	return ok && f.Sel.Name == "ConstantTimeCompare"
}

// isComparison reports whether n compares by itself, and is not what isConstantTime takes.
func isComparison(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return (n.Op == token.EQL || n.Op == token.NEQ) && !isConstantTime(n)
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name != "ConstantTimeCompare"
	}
	return false
}

func mentions(n ast.Node, name string) bool {
	if n == nil {
		return false
	}
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}
