package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestGoPage vets and runs each program of docs/go.md, in order, beside one node.
func TestGoPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, public := filepath.Join(dir, "shop.key"), filepath.Join(dir, "shop.pub")
	made := fedmsgtest.CLI(t, nil, "keys", "new", "--out", key)
	if err := os.WriteFile(public, []byte(made.Stdout), 0o600); err != nil || made.Status != 0 {
		t.Fatal(err, made)
	}
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: strings.Replace(trustOfPage(t, "docs/go.md"), "/etc/fedmsg/shop.pub", public, 1),
	})
	sh := newShell(t, repository, filepath.Dir(node.Socket), "FEDMSG_NODE=unix://"+node.Socket, "SHOP_KEY="+key)
	wants := []string{
		" ", "true\n", "signed and stored at ", "1000 on disk", "org.example.dev.shop.order.new uid:",
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
	entries := node.ReadAll(t)
	if len(entries) != 1003 {
		t.Errorf("the programs stored %d messages, want 1003", len(entries))
	}
	for _, e := range entries {
		if own := e.Topic == "org.example.dev.shop.order.paid"; own != (e.Signer == "shop") || e.Verdict != fedmsg.VerdictOK {
			t.Fatalf("%s is signed by %q: %s", e.Topic, e.Signer, e.Verdict)
		}
	}
}

// trustOfPage gives the lines of configuration on a page.
func trustOfPage(t *testing.T, page string) string {
	t.Helper()
	for _, b := range blocks(readPage(t, page)) {
		if b.info == "toml" {
			return b.text
		}
	}
	t.Fatalf("%s has no lines of configuration", page)
	return ""
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
