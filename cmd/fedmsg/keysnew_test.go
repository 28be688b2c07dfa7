package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestKeysNewAsRoot: a key that root makes belongs to whom the state directory belongs, whose node is to read it.
func TestKeysNewAsRoot(t *testing.T) {
	fedmsgtest.Root(t) // only root can give files away
	t.Parallel()
	state := t.TempDir()
	if err := os.Chown(state, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := &program{name: "fedmsg", args: []string{"keys", "new", "--state", state}, stdout: &out, stderr: &out, environ: func() []string { return nil }}
	if status := p.run(t.Context()); status != 0 {
		t.Fatalf("status %d: %s", status, out.String())
	}
	seen := 0
	err := filepath.WalkDir(filepath.Join(state, "keys"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 65534 || st.Gid != 65534 || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("owner of %s is %d:%d, mode %v", path, st.Uid, st.Gid, info.Mode())
		}
		return nil
	})
	if err != nil || seen != 2 {
		t.Errorf("saw %d files and directories: %v", seen, err)
	}
}
