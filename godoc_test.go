package fedmsg_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryExportedNameIsDocumented holds that every exported name of every package has a comment: packages, types,
// functions, methods, also those that everybody knows such as String, the methods of interfaces, constants and variables.
// A group of constants or variables may have one comment for all, or each one behind it on its line.
func TestEveryExportedNameIsDocumented(t *testing.T) {
	packages := make(map[string]*docs)
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(".", name, d.Name())
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(name)
		if packages[dir] == nil {
			packages[dir] = &docs{set: set}
		}
		packages[dir].file(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for dir, d := range packages {
		names += d.names
		if !d.documented {
			t.Errorf("package %s has no comment", dir)
		}
		for _, fault := range d.faults {
			t.Error(fault)
		}
	}
	if len(packages) < 10 || names < 300 {
		t.Errorf("%d packages with %d exported names were found; that is not all", len(packages), names)
	}
	t.Logf("%d packages, %d exported names", len(packages), names)
}

// TestUndocumentedNamesAreFound shows that each kind of name without a comment is noticed.
func TestUndocumentedNamesAreFound(t *testing.T) {
	const source = `// Package p is documented.
package p

type A struct{}

func (A) String() string { return "" }
func (a *B[T]) Error() string { return "" }
func F() {}

const C = 1

var (
	V = 1
	W = 2 // W is documented.
)

// I is documented.
type I interface {
	M()
	// N is documented.
	N()
}

// The group is documented.
const (
	D = 1
	E = 2
)

type (
	// B is documented.
	B[T any] struct{}
	G        int
)

//go:noinline
func H() {}

// hidden names need none.
type hidden struct{}

func (hidden) Public() {}
func small()           {}
`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	d := docs{set: set}
	d.file(file)
	var got []string
	for _, fault := range d.faults {
		_, rest, _ := strings.Cut(fault, ": ")
		name, _, _ := strings.Cut(rest, " ")
		got = append(got, name)
	}
	if want := []string{"A", "A.String", "B.Error", "F", "C", "V", "I.M", "G", "H"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if d.names != 15 || !d.documented {
		t.Errorf("%d names, documented %v", d.names, d.documented)
	}
}

// docs gathers what the files of one package document.
type docs struct {
	set        *token.FileSet
	names      int  // exported ones
	documented bool // a file has the package's comment
	faults     []string
}

// file looks at one file.
func (d *docs) file(f *ast.File) {
	d.documented = d.documented || said(f.Doc)
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			d.function(decl)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				d.spec(decl, spec)
			}
		}
	}
}

// name counts one exported name; comments are those that may be its own.
func (d *docs) name(at token.Pos, name string, comments ...*ast.CommentGroup) {
	d.names++
	if !slices.ContainsFunc(comments, said) {
		d.faults = append(d.faults, fmt.Sprintf("%s: %s has no comment", d.set.Position(at), name))
	}
}

// said reports whether a comment says something to people: directives do not.
func said(c *ast.CommentGroup) bool { return c != nil && strings.TrimSpace(c.Text()) != "" }

func (d *docs) function(f *ast.FuncDecl) {
	if !f.Name.IsExported() {
		return
	}
	name := f.Name.Name
	if f.Recv != nil {
		owner := receiver(f.Recv.List[0].Type)
		if !ast.IsExported(owner) {
			return
		}
		name = owner + "." + name
	}
	d.name(f.Pos(), name, f.Doc)
}

// receiver gives the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func (d *docs) spec(decl *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		group := decl.Doc
		if decl.Lparen.IsValid() {
			group = nil // says nothing of each of several types
		}
		d.name(s.Pos(), s.Name.Name, group, s.Doc, s.Comment)
		if i, ok := s.Type.(*ast.InterfaceType); ok {
			d.methods(s.Name.Name, i)
		}
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() {
				d.name(n.Pos(), n.Name, decl.Doc, s.Doc, s.Comment)
			}
		}
	}
}

// methods looks at those of an interface; what it embeds is documented where it is from.
func (d *docs) methods(owner string, i *ast.InterfaceType) {
	for _, m := range i.Methods.List {
		for _, n := range m.Names {
			if n.IsExported() {
				d.name(n.Pos(), owner+"."+n.Name, m.Doc, m.Comment)
			}
		}
	}
}
