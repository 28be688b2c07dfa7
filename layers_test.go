package fedmsg_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/federated-messaging/fedmsg"

// layers is the order of the packages. A package imports only packages on lines above its own; packages on one line never
// import one another, so that each can be read, tested and deleted alone.
func layers() [][]string {
	return [][]string{
		{".", "zmtp"}, // the vocabulary, which imports the standard library only; ZeroMQ's protocol, which knows nothing of fedmsg
		{"internal/bind", "internal/durable", "internal/jsonwalk", "internal/tabular", "internal/mutate", "internal/nearest", "internal/program", "internal/pyconf", "internal/smtpd", "internal/span", "internal/stamp", "internal/tracecontext"},
		{"internal/facts"},
		{
			"internal/wire", "internal/commitlog", "internal/feed", "internal/filter", "internal/backoff", "internal/ops",
			"internal/spool", "internal/token", "internal/replay", "internal/durable/durabletest", "internal/pki/pkitest", "internal/keys",
			"internal/place", "internal/remote", "internal/rowset", "internal/mailmsg", "internal/maildir",
		},
		{"internal/pki", "internal/pgp", "internal/debian", "internal/compose", "internal/carry", "internal/deadletter", "internal/conform", "internal/archive", "internal/archive/block", "internal/dump", "internal/oldconfig"},
		{
			"internal/ingest", "client", "internal/trust", "internal/sign", "internal/seqid",
			"internal/deliver", "internal/receive", "internal/mailtrust",
			"internal/archive/sqlite", "internal/archive/postgres", "internal/archive/archivetest", "internal/archiver", "internal/datagrepper", "internal/redact",
		},
		{"mesh", "internal/deliver/delivertest", "internal/receive/receivetest"},
		{
			"internal/httpapi", "internal/zeromq",
			"internal/amqp", "internal/stomp", "internal/nats", "internal/peer", "internal/trigger", "internal/poll", "internal/mailin",
		},
		{"internal/config", "internal/gateway"},
		{"internal/daemon", "fedmsgtest"},
		{"internal/backup", "internal/doctor"},
		{"cmd/fedmsg"},
	}
}

// TestLayers holds the table above against the imports of every package. It parses the files itself: what a child process
// such as `go list` reads is not seen by the test cache, which would then keep an old answer.
func TestLayers(t *testing.T) {
	imports, err := importsBelow(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(imports) == 0 {
		t.Fatal("no package was found")
	}
	for _, fault := range layerFaults(layers(), imports) {
		t.Error(fault)
	}
}

// TestLayersFaults shows that each kind of breach is seen.
func TestLayersFaults(t *testing.T) {
	table := [][]string{{"."}, {"a", "b"}, {"c"}}
	cases := []struct {
		name, from, to, want string
	}{
		{"downwards is allowed", "c", module + "/a", ""},
		{"standard library is allowed", "c", "net/http", ""},
		{"other modules are allowed above the root", "a", "example.org/x", ""},
		{"beside", "a", module + "/b", "on the same line"},
		{"upwards", "a", module + "/c", "on a line below"},
		{"unknown importer", "d", "fmt", "add it to the table"},
		{"unknown import", "c", module + "/d", "add it to the table"},
		{"root imports a module", ".", "example.org/x", "only the standard library"},
		{"root imports the project", ".", module + "/a", "only the standard library"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(layerFaults(table, map[string][]string{c.from: {c.to}}), "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s imports %s: got %q, want %q in it", c.from, c.to, got, c.want)
			}
		})
	}
}

// layerFaults names every import that breaks the table. The keys of imports are directories, its values import paths.
func layerFaults(table [][]string, imports map[string][]string) []string {
	line := make(map[string]int)
	for n, packages := range table {
		for _, p := range packages {
			line[p] = n
		}
	}
	var faults []string
	for dir, paths := range imports {
		from, known := line[dir]
		if !known {
			faults = append(faults, fmt.Sprintf("package %s has no line; add it to the table of layers_test.go", dir))
			continue
		}
		for _, p := range paths {
			if fault := importFault(line, dir, from, p); fault != "" {
				faults = append(faults, fault)
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// importFault says what is wrong with the package in dir, which stands on line from, importing p.
func importFault(line map[string]int, dir string, from int, p string) string {
	first, _, _ := strings.Cut(p, "/")
	ours := p == module || strings.HasPrefix(p, module+"/")
	if dir == "." && (ours || strings.Contains(first, ".")) {
		return fmt.Sprintf("the root imports %s; the vocabulary imports only the standard library", p)
	}
	if !ours {
		return ""
	}
	target := "."
	if p != module {
		target = strings.TrimPrefix(p, module+"/")
	}
	to, known := line[target]
	switch {
	case !known:
		return fmt.Sprintf("%s imports %s, which has no line; add it to the table of layers_test.go", dir, target)
	case to == from:
		return fmt.Sprintf("%s imports %s, which stands on the same line", dir, target)
	case to > from:
		return fmt.Sprintf("%s imports %s, which stands on a line below", dir, target)
	}
	return ""
}

// importsBelow reads what the packages of this module import, by directory. Test files are exempt.
func importsBelow(root string) (map[string][]string, error) {
	imports := make(map[string][]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, name, d.Name())
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(name))
		imports[dir] = append(imports[dir], nil...)
		for _, spec := range file.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[dir] = append(imports[dir], p)
		}
		return nil
	})
	return imports, err
}

// enter says whether the walk goes into a directory: not into other modules, test data and what go build passes over.
func enter(root, name, base string) error {
	if name == root {
		return nil
	}
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
