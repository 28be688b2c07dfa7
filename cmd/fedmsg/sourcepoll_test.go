package main

import (
	"os"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/poll"
)

// TestNotAsRoot: root does not run the program of a node of another user, and is told how that user does.
func TestNotAsRoot(t *testing.T) {
	t.Parallel()
	c := &config.Config{State: t.TempDir()}
	c.Source = make([]config.MessageSource, 2)
	c.Source[0].Name, c.Source[0].Poll = "builds", poll.Config{Command: []string{"/bin/true"}}
	c.Source[1].Name = "page"
	if err := notAsRoot(os.Geteuid(), c, "builds"); err != nil {
		t.Errorf("its own user may not: %v", err)
	}
	if os.Geteuid() != 0 {
		return // only root can give the directory to somebody
	}
	if err := os.Chown(c.State, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := notAsRoot(0, c, "builds"); err == nil || !strings.Contains(err.Error(), "fedmsg source poll builds --dry-run") {
		t.Errorf("root ran another user's program: %v", err)
	}
	for _, allowed := range []struct {
		euid int
		name string
	}{{65534, "builds"}, {0, "page"}, {0, "unknown"}} {
		if err := notAsRoot(allowed.euid, c, allowed.name); err != nil {
			t.Errorf("uid %d, source %s: %v", allowed.euid, allowed.name, err)
		}
	}
	c.State += "/none"
	if err := notAsRoot(0, c, "builds"); err != nil {
		t.Errorf("without a state directory: %v", err)
	}
}
