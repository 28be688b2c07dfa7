package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKeysNewGivesNothingAway has root make a key of a node that runs as another user, who has put links into the state
// directory: nothing outside of it becomes his. Who is not root gives nobody anything.
func TestKeysNewGivesNothingAway(t *testing.T) {
	t.Parallel()
	const other = 12345
	state, outside := t.TempDir(), t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(state, other, other); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(state, "keys")); err != nil {
		t.Fatal(err)
	}
	_, diag, status := call(t, strings.NewReader(""), "keys", "new", "--state", state)
	if root := os.Geteuid() == 0; root != (status != 0) {
		t.Errorf("status %d: %s", status, diag)
	}
	err := filepath.WalkDir(outside, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid == other {
			t.Errorf("%s was given away", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestGiveWhatHasOneName gives no file that stands somewhere else too: the user of the directory may have put it there.
func TestGiveWhatHasOneName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if err := give(dir, uid, gid, path); err != nil {
		t.Error(err)
	}
	if err := os.Link(path, filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if err := give(dir, uid, gid, path); err == nil {
		t.Error("a file with two names was given")
	}
	if err := give(dir, uid, gid, filepath.Join(dir, "..", "x")); err == nil {
		t.Error("what is not below the directory was given")
	}
}
