package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestPowerCut cuts the power again and again under load: the file under a mounted ext4 is copied, which holds what has
// reached the disk and nothing of what the system still has in memory, and a node on the copy must have all that was
// acknowledged. The running node is frozen while the copy is taken, so that the copy shows one moment.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	fedmsgtest.Root(t)
	dir := t.TempDir()
	image := filepath.Join(dir, "disk")
	makeImage(t, image)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: filepath.Join(mount(t, "-o", "loop", image), "state")})
	acked := newAcknowledged()
	l := startLoad(t, node, 4, "power", acked)
	for cycle := range fedmsgtest.Count(3, 60) {
		acked.await(t, len(acked.snapshot())+1+rnd.IntN(2000), l.ended)
		if err := node.Pause(); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("%d", cycle), func(t *testing.T) {
			receipts := acked.snapshot()
			disk := filepath.Join(dir, "copy")
			if out, err := exec.Command("cp", "--sparse=always", image, disk).CombinedOutput(); err != nil {
				t.Fatalf("cp: %s", out)
			}
			after := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{State: filepath.Join(mount(t, "-o", "loop", disk), "state")})
			if err := after.Start(); err != nil {
				t.Fatal(err)
			}
			verify(t, after, receipts)
			publish(t, after, "after-0", 0)
			after.Stop(t)
		})
		if err := node.Resume(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			break
		}
	}
	l.stop()
	<-l.ended
	node.Kill9() // before its disk is unmounted
}

// makeImage makes a file of 1 GiB that holds an ext4 and takes only the space that is used.
func makeImage(t *testing.T, path string) {
	t.Helper()
	mkfs := fedmsgtest.Tool(t, "mkfs.ext4")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<30); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", "-F", path).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %s", out)
	}
}
