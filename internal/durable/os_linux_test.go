package durable

import (
	"errors"
	"os"
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
