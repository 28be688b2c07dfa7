package maildir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestRename holds that no mail is renamed to a name that another has, whether or not the file system looks for that itself.
func TestRename(t *testing.T) {
	t.Parallel()
	for what, rename := range map[string]func(d *Dir, m, to Mail) error{"one step": (*Dir).rename, "two steps": (*Dir).lookAndRename} {
		path, d := made(t)
		write(t, path, "new/1.a", "first")
		write(t, path, "cur/1.a:2,S", "another")
		if err := rename(d, Mail{fresh, "1.a"}, Mail{known, "1.a:2,S"}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want that the name is taken", what, err)
		}
		hold(t, what, below(t, path), "cur/1.a:2,S=another", "new/1.a=first")
		if err := rename(d, Mail{fresh, "1.a"}, Mail{known, "1.b:2,S"}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		hold(t, what, below(t, path), "cur/1.a:2,S=another", "cur/1.b:2,S=first")
	}
}

// TestMarkSeenNowhere holds that a mail which cannot be moved because cur/ is gone does not count as gone itself: it would be published
// again and again.
func TestMarkSeenNowhere(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	write(t, path, "new/1.a", "first")
	if err := os.Remove(filepath.Join(path, known)); err != nil {
		t.Fatal(err)
	}
	if err := d.MarkSeen(Mail{fresh, "1.a"}); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "new/1.a") {
		t.Errorf("there is no cur/: %v", err)
	}
	if err := d.MarkSeen(Mail{fresh, "2.b"}); err != nil {
		t.Errorf("there is neither the mail nor cur/: %v", err)
	}
}
