package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// backUp runs `fedmsg backup` beside a node, and verifies what it made.
func backUp(t *testing.T, node *fedmsgtest.Node, dir string) {
	t.Helper()
	if r := node.CLI(t, nil, "backup", "--state", node.State, dir); r.Status != 0 {
		t.Fatalf("backup: %s", r)
	}
	if r := node.CLI(t, nil, "backup", "verify", dir); r.Status != 0 {
		t.Fatalf("backup verify: %s", r)
	}
}

// restored is a node on the state of a backup, which is not started.
func restored(t *testing.T, dir string) *fedmsgtest.Node {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(state, os.DirFS(filepath.Join(dir, "state"))); err != nil {
		t.Fatal(err)
	}
	return fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{State: state, Archive: "sqlite"})
}

// TestBackupWhileServing backs a node up again and again while publishers write, and goes on with each backup: it has everything that
// was acknowledged before it was begun, its archive has what its log has, and it takes nothing before it was adopted.
func TestBackupWhileServing(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	acked := newAcknowledged()
	l := startLoad(t, node, 4, "backup", acked)
	type copied struct {
		dir    string
		before map[string]fedmsg.Receipt
	}
	var all []copied
	for n := range fedmsgtest.Count(2, 8) {
		acked.await(t, 500*(n+1), l.ended)
		c := copied{filepath.Join(t.TempDir(), "b"), acked.snapshot()}
		backUp(t, node, c.dir)
		all = append(all, c)
	}
	l.stop()
	<-l.ended
	for _, c := range all {
		old := restored(t, c.dir)
		mustNotTake(t, old)
		if r := old.CLI(t, nil, "log", "adopt", "--state", old.State); r.Status != 0 {
			t.Fatalf("adopt: %s", r)
		}
		if err := old.Start(); err != nil {
			t.Fatal(err)
		}
		verifyContent(t, old, c.before)
		publish(t, old, "after-1", 1)
		sameAsLog(t, old)
	}
}

// mustNotTake starts a node on a backup that was not adopted: it says what is to be done, and takes nothing.
func mustNotTake(t *testing.T, node *fedmsgtest.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := node.Launch(); err != nil {
		t.Fatal(err)
	}
	if _, err := node.AwaitLine(ctx, 0, "listening on unix://"); err != nil {
		t.Fatal(err)
	}
	_, err := node.Publish(ctx, submission("before-1", 1))
	if fedmsg.CodeOf(err) != fedmsg.CodeLogAhead || !strings.Contains(err.Error(), "fedmsg log adopt") {
		t.Errorf("a node that was not adopted says %v, want %s", err, fedmsg.CodeLogAhead)
	}
	node.Kill9()
}

// verifyContent is verify for a log that has another id since.
func verifyContent(t *testing.T, node *fedmsgtest.Node, receipts map[string]fedmsg.Receipt) {
	t.Helper()
	log := node.Log(t).ID
	moved := make(map[string]fedmsg.Receipt, len(receipts))
	for id, r := range receipts {
		r.Position.Log = log
		moved[id] = r
	}
	verify(t, node, moved)
}

// TestBackupIsRefusedHalf finds what a backup left that was killed: it is not taken for one, and the next one says what to do. A backup
// that was changed is told.
func TestBackupIsRefusedHalf(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	publish(t, node, "one-1", 1)
	dir := filepath.Join(t.TempDir(), "b")
	if err := os.Mkdir(dir+".partial", 0o700); err != nil {
		t.Fatal(err)
	}
	r := node.CLI(t, nil, "backup", "--state", node.State, dir)
	if r.Status != 73 || !strings.Contains(r.Stderr, "remove it") {
		t.Errorf("beside half a backup: %s", r)
	}
	if r := node.CLI(t, nil, "backup", "verify", dir+".partial"); r.Status == 0 {
		t.Errorf("half a backup: %s", r)
	}
	if err := os.Remove(dir + ".partial"); err != nil {
		t.Fatal(err)
	}
	backUp(t, node, dir)
	if err := os.WriteFile(filepath.Join(dir, "state/format"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := node.CLI(t, nil, "backup", "verify", dir); r.Status != 65 || !strings.HasPrefix(r.Stdout, "state/format has 1 bytes, not 2\n") {
		t.Errorf("a changed file: %s", r)
	}
	if r := node.CLI(t, nil, "backup", "--state", filepath.Join(dir, "no"), dir+"2"); r.Status != fedmsg.CodeNotFound.ExitStatus() {
		t.Errorf("where no log is: %s", r)
	}
}
