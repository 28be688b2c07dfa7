package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// mount mounts what args say on a new directory, until the test ends, or ends the test as missing.
func mount(t *testing.T, args ...string) string {
	t.Helper()
	fedmsgtest.Root(t)
	tool, umount := fedmsgtest.Tool(t, "mount"), fedmsgtest.Tool(t, "umount")
	dir := t.TempDir()
	if out, err := exec.Command(tool, append(args, dir)...).CombinedOutput(); err != nil {
		fedmsgtest.Missing(t, fmt.Sprintf("the right to mount: %s", strings.TrimSpace(string(out))))
	}
	t.Cleanup(func() {
		if out, err := exec.Command(umount, dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %s", dir, out)
		}
	})
	return dir
}

// TestDiskFull fills the disk under the node: publishing is refused as storage_full and nothing acknowledged is lost; when
// there is space again it goes on, without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := mount(t, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 12<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: filepath.Join(dir, "state")})
	acked := newAcknowledged()
	refused := false
	for n := 0; n < 1000 && !refused; n++ {
		r, err := node.Publish(t.Context(), heavy(fmt.Sprintf("full-%d", n), n, 100<<10))
		switch {
		case err == nil:
			acked.add(fedmsg.Outcome{Receipt: r})
		case fedmsg.CodeOf(err) == fedmsg.CodeStorageFull:
			refused = true
		default:
			t.Fatalf("publishing to a full disk: %v, want %s", err, fedmsg.CodeStorageFull)
		}
	}
	if !refused {
		t.Fatal("100 MB were accepted on a disk of 24 MB")
	}
	verify(t, node, acked.snapshot())
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		r, err := node.Publish(t.Context(), heavy(fmt.Sprintf("space-%d", n), n, 100<<10))
		if err != nil {
			t.Fatalf("publishing with space again: %s", err)
		}
		acked.add(fedmsg.Outcome{Receipt: r})
	}
	verify(t, node, acked.snapshot())
	node.Restart(t)
	verify(t, node, acked.snapshot())
}

// heavy is a submission of about size bytes.
func heavy(id string, n, size int) []byte {
	return fmt.Appendf(nil, `{"topic":%q,"id":%q,"msg":{"n":%d,"pad":"%0200d","more":"%s"}}`, topic, id, n, n, strings.Repeat("x", size))
}
