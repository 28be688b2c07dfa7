package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// archiveElsewhere makes a state directory whose archive lies in another one.
func archiveElsewhere(t *testing.T, dir string) (state string) {
	t.Helper()
	state = filepath.Join(t.TempDir(), "state")
	err := errors.Join(os.Mkdir(state, 0o700), os.WriteFile(filepath.Join(state, "format"), []byte("1\n"), 0o600),
		os.Symlink(filepath.Join(dir, "archive.sqlite"), filepath.Join(state, "archive.sqlite")))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// fill makes a file that takes what space is left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestArchiveDiskFull fills the disk under the archive alone: the bus goes on, the health says what is wrong, and retention waits, so that
// publishing ends only where the log has no space either. With space again the archive has everything, without a restart, and retention
// goes on.
func TestArchiveDiskFull(t *testing.T) {
	t.Parallel()
	dir := mount(t, "-t", "tmpfs", "-o", "size=32m", "tmpfs")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		State: archiveElsewhere(t, dir), Archive: "sqlite", Config: "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"8MiB\"\n",
	})
	n := 0
	say := func() error {
		n++
		_, err := node.Publish(t.Context(), heavy(fmt.Sprintf("full-%d", n), n, 20<<10))
		if err != nil {
			n--
		}
		return err
	}
	for range 10 {
		if err := say(); err != nil {
			t.Fatal(err)
		}
	}
	archived(t, node)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	for range 20 {
		if err := say(); err != nil {
			t.Fatalf("publishing while the archive's disk is full: %v", err)
		}
	}
	if text := awaitArchiveHealth(t, node, "failed"); !strings.Contains(text, "the log keeps what is not in it") || !strings.Contains(text, "full") {
		t.Errorf("the health says: %s", text)
	}
	var err error
	for err = say(); err == nil && n < 2000; err = say() {
	}
	if fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
		t.Fatalf("behind %d messages: %v, want %s: the archive's place holds the log", n, err, fedmsg.CodeStorageFull)
	}
	if log := node.Log(t); log.First > 11 {
		t.Errorf("retention has removed up to %d, which the archive has not", log.First)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	noneMissing(t, archived(t, node), n)
	awaitArchiveHealth(t, node, "ok")
	trimFirst(t, node)
	noneMissing(t, archived(t, node), int(node.Log(t).Last))
}

// noneMissing fails the test unless the rows are those of the log's entries from 1 to last, each once.
func noneMissing(t *testing.T, rows []fedmsg.Entry, last int) {
	t.Helper()
	if len(rows) != last {
		t.Errorf("the archive has %d rows, want %d", len(rows), last)
	}
	for i := range rows {
		if rows[i].Position.Seq != uint64(i+1) {
			t.Fatalf("row %d of the archive stands at %s", i+1, rows[i].Position)
		}
	}
}

// TestArchiveFileDamaged damages the archive's file in places: the bus goes on, the health says what to do, retention waits, and what the
// page says brings everything back that the log has.
func TestArchiveFileDamaged(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	for n := range 500 {
		publish(t, node, fmt.Sprintf("whole-%d", n), n)
	}
	sameAsLog(t, node)
	node.Stop(t)
	file := filepath.Join(node.State, "archive.sqlite")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int{"beginning": 0, "rest": 4096} {
		spoilt := append([]byte{}, data...)
		for i := from; i < len(spoilt) && (from > 0 || i < 4096); i++ {
			spoilt[i] ^= 0x55
		}
		if err := os.WriteFile(file, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := node.Start(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range 50 {
			publish(t, node, fmt.Sprintf("behind-%s-%d", name, n), n)
		}
		text := awaitArchiveHealth(t, node, "failed")
		if !strings.Contains(text, "damaged") || !strings.Contains(text, "move") {
			t.Errorf("%s: the health says: %s", name, text)
		}
		if r := node.CLI(t, nil, "query", "--topic", "#", "--limit", "1"); r.Status == 0 && from == 0 {
			t.Errorf("%s: a question is answered: %s", name, r)
		}
		node.Stop(t)
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(file + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		sameAsLog(t, node)
		awaitArchiveHealth(t, node, "ok")
		node.Stop(t)
	}
}
