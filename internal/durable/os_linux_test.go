package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSyncAsksKernel syncs what the kernel refuses to sync: that it refuses shows that it was asked.
func TestSyncAsksKernel(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // nothing was written
	if err := (osFile{w}).Sync(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Sync of a pipe: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (OS{}).SyncDir("/proc"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("SyncDir of /proc: %v", err)
	}
}

// TestLockEndsWithClose holds that a lock is given up although a child that is just being started still has its file.
func TestLockEndsWithClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	lock, err := OS{}.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(lock.(lockFile).Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child) //nolint:errcheck // nothing was written
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OS{}.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}
