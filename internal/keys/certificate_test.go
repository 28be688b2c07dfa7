package keys

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadCertificateFromPipe waits for no pipe to which nobody writes: a node looks at its certificate again while it signs.
func TestReadCertificateFromPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "node.crt")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() {
		_, err := ReadCertificate(path, Public{})
		said <- err
	}()
	select {
	case err := <-said:
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for the pipe")
	}
}
