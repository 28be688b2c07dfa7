package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestPollPage runs docs/poll.md and holds that what it shows is what comes.
func TestPollPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	fedmsgtest.Tool(t, "sqlite3")
	fedmsgtest.Tool(t, "curl")
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := readPage(t, "docs/poll.md")
	shown := strings.ReplaceAll(page, "127.0.0.1:8940", "127.0.0.1:"+fedmsgtest.FreePort())
	web := fedmsgtest.FreePort()
	shown = strings.NewReplacer("127.0.0.1:8099", "127.0.0.1:"+web, "www 8099", "www "+web).Replace(shown)
	sh := newShell(t, home, home, "FEDMSG_ZEROMQ_PUBLISH=")
	out := sh.run(t, script(blocks(shown)))
	preview, err := os.ReadFile(filepath.Join(home, "preview"))
	if err != nil {
		t.Fatal(err)
	}
	both := string(preview) + out
	count := 0
	for _, b := range blocks(page) {
		if b.info == "json" {
			count++
			if !strings.Contains(both, b.text) {
				t.Errorf("the page shows\n%swhich is not in\n%s", b.text, clipEnd(both))
			}
		}
	}
	if count != 2 {
		t.Errorf("the page shows %d messages, want 2", count)
	}
}
