package process

import (
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestDatagrepperPage runs docs/datagrepper.md and holds what it shows.
func TestDatagrepperPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := onFreePorts(t, readPage(t, "docs/datagrepper.md"))
	out := newShell(t, home, home).run(t, script(blocks(page)))
	for _, has := range []string{
		`"text": "boots fine here"`, "org.example.dev.bodhi.update.comment\norg.example.dev.git.receive\n", "1\n3\n3\n1\n0\n",
		`"branch": "main"`, `{"messagecount":3}`, `"packages": [`, `/**/show({"messagecount":3});`, "rows_per_page must be <= 100",
	} {
		if !strings.Contains(out, has) {
			t.Errorf("the page shows nothing with %q", has)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
