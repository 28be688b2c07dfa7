package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestGoPage vets and runs each program of docs/go.md, in order, beside one node.
func TestGoPage(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	sh := newShell(t, repository, filepath.Dir(node.Socket), "FEDMSG_NODE=unix://"+node.Socket)
	dir := t.TempDir()
	wants := []string{
		" ", "true\n", "1000 on disk", "org.example.dev.shop.order.new uid:",
	}
	programs := 0
	for _, b := range blocks(readPage(t, "docs/go.md")) {
		if b.info != "go" {
			continue
		}
		if programs == len(wants) {
			t.Fatal("the page has more programs than this test knows")
		}
		file := filepath.Join(dir, "main.go")
		if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := sh.run(t, "set -e; test -z \"$(gofmt -l "+file+")\"; go vet "+file+"; go run "+file)
		if want := wants[programs]; !strings.Contains(out, want) {
			t.Errorf("program %d prints %q, want %q in it", programs+1, out, want)
		}
		programs++
	}
	if programs != len(wants) {
		t.Errorf("the page has %d programs, want %d", programs, len(wants))
	}
	if n := node.Log(t).Last; n != 1002 {
		t.Errorf("the programs stored %d messages, want 1002", n)
	}
}

// TestReadmeGo compiles the lines of Go in the README, which stand there without what is around them.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(readPage(t, "README.md")) {
		if b.info != "go" {
			continue
		}
		file := filepath.Join(t.TempDir(), "main.go")
		text := "package main\n\nimport (\n\t\"context\"\n\n\t\"github.com/federated-messaging/fedmsg/client\"\n)\n\nfunc main() {\n\tctx := context.Background()\n" +
			b.text + "\t_, _ = receipt, err\n}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		newShell(t, repository, t.TempDir()).run(t, "go vet "+file)
		return
	}
	t.Error("the README has no Go")
}
