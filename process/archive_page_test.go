package process

import (
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestArchivePage runs docs/archive.md and holds what it shows.
func TestArchivePage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "sqlite3")
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := onFreePorts(t, readPage(t, "docs/archive.md"))
	out := newShell(t, home, home).run(t, script(blocks(page)))
	for _, has := range []string{
		"org.example.dev.git.receive", "boots fine here", `"karma": 4`, ",alice,2\n", ",bob,1\n",
		`"name":"bodhi","count":2`,
		`"next":"`, // of a page of one
	} {
		if !strings.Contains(out, has) {
			t.Errorf("the page shows nothing with %q", has)
		}
	}
	if _, then, found := strings.Cut(out, "\nimported "); !found || !strings.Contains(then, " org.example.dev.bodhi.update.comment uid:") {
		t.Error("the archive that was made anew has not what the page looks for at its end")
	}
	if t.Failed() {
		t.Log(out)
	}
}

// onFreePorts is a page whose node listens on ports that are free, so that pages can be tried beside one another. Their
// configuration says nothing of ZeroMQ, which by default has a port too.
func onFreePorts(t *testing.T, page string) string {
	t.Helper()
	if strings.Count(page, "\n[http]\n") != 1 {
		t.Fatal("the page has not one [http] in its configuration")
	}
	return strings.NewReplacer(
		"127.0.0.1:8940", "127.0.0.1:"+fedmsgtest.FreePort(),
		"\n[http]\n", "\n[zeromq]\npublish = [\"tcp://127.0.0.1:"+fedmsgtest.FreePort()+"\"]\n[http]\n",
	).Replace(page)
}
