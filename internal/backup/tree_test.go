package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestLinksAreRefused holds that no link in a state directory is followed, which is the node's user's to fill, and that it is named; the
// directory itself may be one.
func TestLinksAreRefused(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{
		"x": "/etc/passwd", "y": "keys", "sinks/rabbit/z": "../../keys/node.key", "readers/w": "/etc/passwd", "dangling": "nowhere", "round": ".",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			if err := os.Symlink(target, filepath.Join(n.state, name)); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "b")
			_, err := Make(t.Context(), n.options(), dir)
			if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), filepath.Join(n.state, name)+": it is a link") {
				t.Errorf("%v", err)
			}
			if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a backup was made: %v", err)
			}
		})
	}
	t.Run("the directory", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		o, dir := n.options(), filepath.Join(t.TempDir(), "b")
		o.State = filepath.Join(t.TempDir(), "state")
		if err := os.Symlink(n.state, o.State); err != nil {
			t.Fatal(err)
		}
		_, err := Make(t.Context(), o, dir)
		if letter, readErr := os.ReadFile(filepath.Join(dir, "state/sinks/rabbit/dead/3")); err != nil || string(letter) != "letter" {
			t.Errorf("the letter is %q: %v", letter, errors.Join(err, readErr))
		}
	})
}

// TestReplacedMeanwhile holds that what is put in the place of a file between the look at it and its opening is not copied unless it is
// a file of the directory, and that a FIFO keeps nobody waiting.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replace func(file string) error
		want    string // empty is refused
	}{
		"link":     {func(file string) error { return os.Symlink("secret", file) }, ""},
		"fifo":     {func(file string) error { return syscall.Mkfifo(file, 0o600) }, ""},
		"new file": {func(file string) error { return os.WriteFile(file, []byte("new"), 0o600) }, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
			file, old := filepath.Join(dir, "file"), filepath.Join(dir, "old")
			if err := errors.Join(os.WriteFile(file, nil, 0o600), os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600)); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close() //nolint:errcheck // nothing was written
			seen, err := root.Lstat("file")
			if err := errors.Join(err, os.Rename(file, old), c.replace(file)); err != nil {
				t.Fatal(err)
			}
			r := &run{ctx: t.Context()}
			err = r.inside(root, "file", seen, to)
			got, _ := os.ReadFile(to)
			if string(got) != c.want || (c.want == "") != (fedmsg.CodeOf(err) == fedmsg.CodeCannotMake) {
				t.Errorf("copied %q: %v", got, err)
			}
		})
	}
}

// TestDeepDirectories holds that directories without an end are refused.
func TestDeepDirectories(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.put("sinks"+strings.Repeat("/x", deepest+1), "deep")
	if _, err := Make(t.Context(), n.options(), filepath.Join(t.TempDir(), "b")); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), "deeper") {
		t.Error(err)
	}
}
