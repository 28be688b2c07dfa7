package process

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestPrivacyPage runs docs/privacy.md: what there is about a person is found, and gone when it was redacted.
func TestPrivacyPage(t *testing.T) {
	t.Parallel()
	fedmsgtest.Tool(t, "jq")
	port := fedmsgtest.FreePort()
	home, env := nodeOnPort(t, port)
	page := strings.ReplaceAll(readPage(t, "docs/privacy.md"), "127.0.0.1:8940", "127.0.0.1:"+port)
	out := newShell(t, home, home, env...).run(t, script(blocks(page)))
	for _, has := range []string{"org.example.dev.wiki.page.edit", "org.example.dev.bugs.bug.new", "\n  archive: erased"} {
		if !strings.Contains(out, has) {
			t.Errorf("the page shows nothing with %q", has)
		}
	}
	if strings.Count(out, "redacted ") < 2 || t.Failed() {
		t.Errorf("not both messages were erased:\n%s", clipEnd(out))
	}
}
