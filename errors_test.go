package fedmsg

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codes finds every constant of type Code in the source, and the names that codeTable has a row for.
func codes(t *testing.T) (declared map[string]Code, rows []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared = map[string]Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "Code" {
				text, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared[n.Names[0].Name] = Code(text)
			}
		case *ast.FuncDecl:
			if n.Name.Name != "codeTable" {
				return false
			}
			ast.Inspect(n, func(n ast.Node) bool {
				if c, ok := n.(*ast.CaseClause); ok {
					for _, name := range c.List {
						rows = append(rows, name.(*ast.Ident).Name)
					}
				}
				return true
			})
		}
		return true
	})
	return declared, rows
}

func TestEveryCodeHasARow(t *testing.T) {
	declared, rows := codes(t)
	if len(declared) < 30 {
		t.Fatalf("found %d codes", len(declared))
	}
	seen := map[Code]string{}
	for name, code := range declared {
		if !slices.Contains(rows, name) {
			t.Errorf("%s has no row in codeTable", name)
		}
		if other, ok := seen[code]; ok {
			t.Errorf("%s and %s are both %q", name, other, code)
		}
		seen[code] = name
		if strings.Trim(string(code), "abcdefghijklmnopqrstuvwxyz_") != "" || code == "" {
			t.Errorf("%s is %q, which is no lower-case word", name, code)
		}
		if s := code.HTTPStatus(); s < 200 || s > 599 || s == 200 {
			t.Errorf("%s has HTTP status %d", name, s)
		}
		if s := code.ExitStatus(); (s < 64 || s > 78) && s != 130 {
			t.Errorf("%s has exit status %d", name, s)
		}
		if code.Retryable() && code.HTTPStatus() < 500 {
			t.Errorf("%s may be tried again and has HTTP status %d", name, code.HTTPStatus())
		}
	}
}

// TestUnknownCode holds what a code of a later version is shown as, and that scripts may read 75 as kept.
func TestUnknownCode(t *testing.T) {
	if q, full := CodeQueued.ExitStatus(), CodeStorageFull.ExitStatus(); q != 75 || full != 73 { // scripts read 75 as kept
		t.Errorf("queued ends with %d, and a full disk with %d", q, full)
	}
	if c := Code("of a later version"); c.HTTPStatus() != 500 || c.ExitStatus() != 70 || c.Retryable() {
		t.Errorf("%d %d", c.HTTPStatus(), c.ExitStatus())
	}
}

func TestCodeOf(t *testing.T) {
	inside := errors.New("inside")
	coded := WrapError(CodeLocked, inside, "log is locked")
	for _, test := range []struct {
		err  error
		want Code
	}{
		{nil, ""}, {inside, CodeInternal}, {coded, CodeLocked}, {fmt.Errorf("around: %w", coded), CodeLocked}, {&Error{}, CodeInternal},
	} {
		if got := CodeOf(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
	if !errors.Is(coded, inside) || coded.Error() != "log is locked: inside" {
		t.Errorf("%v", coded)
	}
	if _, text := Public(fmt.Errorf("around: %w", coded)); text != "log is locked" {
		t.Errorf("shown outside: %q", text)
	}
}

// TestErrorSaysNothingTwice holds that a sentence which ends with its cause's is followed only by what that has inside.
func TestErrorSaysNothingTwice(t *testing.T) {
	plain := Errorf(CodeLogFailed, "restart the node")
	deep := WrapError(CodeUnavailable, errors.New("refused"), "no node answers")
	for _, c := range []struct {
		cause error
		text  string
		want  string
	}{
		{plain, "queued: restart the node", "queued: restart the node"},
		{deep, "queued: no node answers", "queued: no node answers: refused"},
		{deep, "queued", "queued: no node answers: refused"},
		{errors.New("refused"), "queued: refused", "queued: refused"},
	} {
		if got := WrapError(CodeQueued, c.cause, "%s", c.text).Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
