package stamp

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestOf changes a file in each way, one after the other.
func TestOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	at := time.Now().Add(-time.Hour)
	write := func(name, text string) error {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
		return os.Chtimes(name, at, at)
	}
	before := Of(path)
	if before != (Stamp{}) {
		t.Errorf("no file: %+v", before)
	}
	for _, c := range []struct {
		name   string
		change func() error
		same   bool
	}{
		{"made", func() error { return write(path, "text") }, false},
		{"nothing", func() error { return nil }, true},
		{"read", func() error { _, err := os.ReadFile(path); return err }, true},
		{"longer", func() error { return write(path, "texts") }, false},
		{"later", func() error { return os.Chtimes(path, at, at.Add(time.Nanosecond)) }, false},
		{"rights", func() error { return os.Chmod(path, 0o640) }, false},
		{"replaced by one of the same time and size", func() error {
			if err := write(other, "TEXTS"); err != nil {
				return err
			}
			if err := os.Chmod(other, 0o640); err != nil {
				return err
			}
			if err := os.Chtimes(other, at, at.Add(time.Nanosecond)); err != nil {
				return err
			}
			return os.Rename(other, path)
		}, false},
		{"removed", func() error { return os.Remove(path) }, false},
		{"cannot be looked at", func() error { return os.Symlink(path, path) }, false},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		after := Of(path)
		if (after == before) != c.same {
			t.Errorf("%s: %+v, before %+v", c.name, after, before)
		}
		before = after
	}
}
