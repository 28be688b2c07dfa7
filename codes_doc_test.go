package fedmsg_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestDocumentedCodes holds the table of docs/http.md against the table of codes: every code has its row with HTTP status,
// exit status and whether to try again, and no other row is there.
func TestDocumentedCodes(t *testing.T) {
	page := read(t, "docs/http.md")
	known := map[string]bool{}
	for _, c := range declaredCodes(t) {
		known[string(c)] = true
		again := "no"
		if c.Retryable() {
			again = "yes"
		}
		row := fmt.Sprintf("| `%s` | %d | %d | %s |", c, c.HTTPStatus(), c.ExitStatus(), again)
		if !strings.Contains(page, "\n"+row) {
			t.Errorf("docs/http.md lacks the row %s", row)
		}
	}
	if len(known) < 30 {
		t.Fatalf("errors.go declares %d codes", len(known))
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| \\d+ \\| \\d+ \\|").FindAllStringSubmatch(page, -1) {
		if !known[m[1]] {
			t.Errorf("docs/http.md has a row for %s, which is no code", m[1])
		}
	}
}

// declaredCodes gives the constants of type Code in errors.go.
func declaredCodes(t *testing.T) []fedmsg.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []fedmsg.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fedmsg.Code(text))
		}
		return true
	})
	return all
}
