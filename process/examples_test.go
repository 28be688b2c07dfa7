package process

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// skipped names the blocks of shell that no test runs, by page and first line: each needs what a test cannot have.
func skipped() []string {
	return []string{
		"docs/backup.md: fedmsg backup /backup/fedmsg-$(date +%F) && fedmsg backup verify /backup/fedmsg-$(date +%F)", // the place of a site
		"docs/backup.md: systemctl stop fedmsg",                                                       // a service manager
		"docs/log.md: systemctl stop fedmsg",                                                          // a service manager
		"docs/metrics.md: journalctl -u fedmsg -g 'refused a' --since today",                          // as above
		"docs/operate.md: nft add rule inet filter input ip saddr 192.0.2.0/24 tcp dport 8943 accept", // the rules of a site
	}
}

// TestDocsExamples runs every block of shell in the pages, those of a page in order and in one shell, beside a node that was
// started for it. Pages that have a test of their own are left to it.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	var left, ran []string
	for _, path := range pages {
		name := "docs/" + filepath.Base(path)
		all := blocks(readPage(t, name))
		for _, b := range all {
			first, _, _ := strings.Cut(b.text, "\n")
			switch b.info {
			case "sh skip":
				left = append(left, name+": "+first)
			case "", "bash", "shell", "console":
				t.Errorf("%s has a block that says %q; mark it sh, text or by its language", name, b.info)
			case "sh":
				if !slices.Contains(ran, name) {
					ran = append(ran, name)
				}
			}
		}
		own := []string{"docs/tour.md", "docs/trust.md", "docs/zeromq.md", "docs/bridges.md", "docs/archive.md", "docs/datagrepper.md", "docs/migrate.md", "docs/poll.md",
			"docs/debian.md", "docs/privacy.md", "docs/operate.md"}
		if slices.Contains(ran, name) && !slices.Contains(own, name) {
			t.Run(filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				runPage(t, all)
			})
		}
	}
	if !slices.Equal(left, skipped()) {
		t.Errorf("blocks that no test runs: %q, want %q", left, skipped())
	}
	if len(ran) < 6 {
		t.Errorf("only %q have blocks to run", ran)
	}
}

// runPage runs the blocks of a page and gives what they printed. The places that its text names are those of a node of its own.
func runPage(t *testing.T, all []block) string {
	t.Helper()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	home := filepath.Dir(node.Socket)
	text := strings.NewReplacer(
		"http://127.0.0.1:8940", node.URL,
		"/run/fedmsg/fedmsg.sock", node.Socket,
		"/var/lib/fedmsg", node.State,
	).Replace(script(all))
	sh := newShell(t, t.TempDir(), home, "FEDMSG_NODE=unix://"+node.Socket, "FEDMSG_STATE="+node.State)
	out := sh.run(t, text)
	t.Logf("%s", clipEnd(out))
	return out
}
