package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestDebianPage runs what docs/debian.md says about getting mails in, and holds that its mail is the message it tells of, by whichever
// way it comes.
func TestDebianPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	fedmsgtest.Tool(t, "curl")
	home, err := os.MkdirTemp("", "fm") // not t.TempDir: the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	page := readPage(t, "docs/debian.md")
	for place, own := range map[string]string{"127.0.0.1:8940": "127.0.0.1:" + fedmsgtest.FreePort(), "127.0.0.1:2525": "127.0.0.1:" + fedmsgtest.FreePort()} {
		page = strings.ReplaceAll(page, place, own)
	}
	end := "fedmsg publish --topic-prefix org.debian --topic org.debian.dev.end --message '{}' --json-input\nfedmsg tail --topic 'org.debian.#' --since 1h --limit 2 --format terse >all\n"
	out := newShell(t, home, home, "FEDMSG_ZEROMQ_PUBLISH=tcp://127.0.0.1:"+fedmsgtest.FreePort()).run(t, script(blocks(page))+end)
	message, err := os.ReadFile(filepath.Join(home, "message"))
	if err != nil || !strings.Contains(string(message), `"org.debian.dev.debmessenger.bug.followup"`) || !strings.Contains(string(message), "It is cold.") {
		t.Errorf("%v: %s\n%s", err, message, clipEnd(out))
	}
	all, err := os.ReadFile(filepath.Join(home, "all"))
	if err != nil || strings.Count(string(all), "bug.followup") != 1 || !strings.Contains(string(all), "org.debian.dev.end") {
		t.Errorf("%v: the mail came three times and is not one message: %s\n%s", err, all, clipEnd(out))
	}
}
