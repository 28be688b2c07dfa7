package durable_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// each runs a test on the real file system and on the disk of the tests, which must behave alike.
func each(t *testing.T, run func(t *testing.T, fsys durable.FS, dir string)) {
	t.Run("os", func(t *testing.T) { run(t, durable.OS{}, t.TempDir()) })
	t.Run("disk", func(t *testing.T) { run(t, durabletest.NewDisk(), "/d") })
	t.Run("layer", func(t *testing.T) { run(t, &durabletest.Layer{FS: durable.OS{}}, t.TempDir()) })
}

func TestFile(t *testing.T) {
	each(t, func(t *testing.T, fsys durable.FS, dir string) {
		name := filepath.Join(dir, "a")
		if _, err := fsys.Open(name, true); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open of nothing: %v", err)
		}
		f, err := fsys.Create(name, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fsys.Create(name, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create of what is there: %v", err)
		}
		if _, err := f.WriteAt([]byte("hello world"), 3); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(8), f.Sync(), fsys.SyncDir(dir)); err != nil {
			t.Fatal(err)
		}
		if size, err := f.Size(); size != 8 || err != nil {
			t.Errorf("Size: %d %v", size, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := fsys.Rename(name, name+"b"); err != nil {
			t.Fatal(err)
		}
		if data, err := durable.ReadFile(fsys, name+"b"); string(data) != "\x00\x00\x00hello" || err != nil {
			t.Errorf("%q %v", data, err)
		}
		if names, err := fsys.List(dir); len(names) != 1 || names[0] != "ab" || err != nil {
			t.Errorf("%v %v", names, err)
		}
		r, err := fsys.Open(name+"b", true)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() //nolint:errcheck // read only
		if _, err := r.WriteAt([]byte("x"), 0); err == nil {
			t.Error("a file opened for reading takes a write")
		}
		if err := fsys.Remove(name + "b"); err != nil {
			t.Fatal(err)
		}
		if err := fsys.Remove(name + "b"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove of nothing: %v", err)
		}
	})
}

func TestLock(t *testing.T) {
	each(t, func(t *testing.T, fsys durable.FS, dir string) {
		name := filepath.Join(dir, "LOCK")
		lock, err := fsys.Lock(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fsys.Lock(name); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("second Lock: %v", err)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		lock, err = fsys.Lock(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = lock.Close()
	})
}

// TestWriteFile replaces a file and stops at each operation: there is the old content or the new one, and the new one once
// WriteFile has returned.
func TestWriteFile(t *testing.T) {
	const name = "/d/f"
	rnd := rand.New(rand.NewPCG(1, 2))
	stopped := errors.New("stopped")
	for n := 1; ; n++ {
		disk := durabletest.NewDisk()
		if err := durable.WriteFile(disk, name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := disk.Ops()
		disk.SetHooks(func(k int, _ durabletest.Op, _ string) error {
			if k-before >= n {
				return stopped
			}
			return nil
		}, nil)
		err := durable.WriteFile(disk, name, []byte("the new content"), 0o600)
		for range 30 {
			data := string(disk.Crash(durabletest.Some, rnd).Bytes(name))
			if data != "the new content" && (data != "old" || err == nil) {
				t.Fatalf("stopped at %d: %q, WriteFile said %v", n, data, err)
			}
		}
		if err == nil {
			if n < 5 {
				t.Fatalf("%d operations are too few", n)
			}
			break
		}
		disk.SetHooks(nil, nil)
		if err := durable.WriteFile(disk, name, []byte("again"), 0o600); err != nil {
			t.Fatalf("after stopping at %d: %v", n, err)
		}
	}
}

// TestOSPermissions shows that files are made for their owner alone when asked.
func TestOSPermissions(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := durable.WriteFile(durable.OS{}, name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(name)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
}
