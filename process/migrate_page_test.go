package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMigratePage runs docs/migrate.md and holds what it shows: the old files become a configuration, and an old publisher is heard
// by an old subscriber through the node that starts with it.
func TestMigratePage(t *testing.T) {
	t.Parallel()
	python := fedmsgtest.PythonZMQ(t)
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := readPage(t, "docs/migrate.md")
	for _, port := range []string{"4001", "2003"} {
		page = strings.ReplaceAll(page, "127.0.0.1:"+port, "127.0.0.1:"+fedmsgtest.FreePort())
	}
	page = strings.Replace(page, "fedmsg serve --config", "sed -i 's|127.0.0.1:9940|127.0.0.1:"+fedmsgtest.FreePort()+"|' imported.toml\nfedmsg serve --config", 1)
	sh := newShell(t, home, home)
	if err := os.Symlink(python, filepath.Join(home, "bin", "python3")); err != nil {
		t.Fatal(err)
	}
	out := sh.run(t, script(blocks(page)))
	for _, has := range []string{
		`topic_prefix = "org.example" # fedmsg.d/base.py:2`,
		"#   io_threads: the node's own ZeroMQ does not need it",
		`?name=bodhi.`,
		"the configuration is right; read imported.toml",
		`org.example.prod.logger.log {"i": 1, `,
		"I have not changed.",
		"fedmsg: fedmsg.d/endpoints.py:9: nobody proves who they are on the old ways",
	} {
		if !strings.Contains(out, has) {
			t.Errorf("the page shows nothing with %q", has)
		}
	}
	if t.Failed() {
		t.Log(clipEnd(out))
	}
}
