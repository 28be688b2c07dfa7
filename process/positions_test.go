package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// items follows the query until n entries and gaps have come. When the stream has nothing to give yet, live is called once
// by the first item, so that what is published there comes behind it.
func items(t *testing.T, node *fedmsgtest.Node, query string, n int, live func()) []fedmsgtest.Item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []fedmsgtest.Item
	err := node.Follow(ctx, query, func(i fedmsgtest.Item) bool {
		if i.Entry == nil && i.Gap == nil {
			return true
		}
		got = append(got, i)
		if len(got) == 1 && live != nil {
			live()
		}
		return len(got) < n
	})
	if err != nil || len(got) < n {
		t.Fatalf("stream?%s gave %d of %d items: %v", query, len(got), n, err)
	}
	return got
}

// wantGap fails the test unless the item is a gap for the reason.
func wantGap(t *testing.T, i fedmsgtest.Item, reason fedmsg.GapReason) *fedmsg.Gap {
	t.Helper()
	if i.Gap == nil {
		t.Fatalf("came the entry at %s, want a gap: %s", i.Entry.Position, reason)
	}
	if i.Gap.Reason != reason {
		t.Fatalf("came %s, want the reason %s", i.Gap, reason)
	}
	return i.Gap
}

// wantEntry fails the test unless the item is the entry with the sequence number.
func wantEntry(t *testing.T, i fedmsgtest.Item, seq uint64) {
	t.Helper()
	if i.Entry == nil {
		t.Fatalf("came %s, want the entry %d", i.Gap, seq)
	}
	if i.Entry.Position.Seq != seq {
		t.Fatalf("came the entry at %s, want number %d", i.Entry.Position, seq)
	}
}

// TestPositionRefused asks for positions that are none.
func TestPositionRefused(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	id := node.Log(t).ID
	for _, p := range []string{
		"-1", "1", "garbage", "%00", "../../etc/passwd", "-", string(id), string(id) + "-", string(id) + "--1", string(id) + "-%2B1",
		string(id) + "-01", string(id) + "-1x", string(id) + "-18446744073709551616", "short-1", "ABCDEFGHIJKL-1",
	} {
		err := node.Follow(t.Context(), "after="+p, func(i fedmsgtest.Item) bool { return false })
		if fedmsg.CodeOf(err) != fedmsg.CodeBadPosition {
			t.Errorf("after=%s: %v, want %s", p, err, fedmsg.CodeBadPosition)
		}
	}
}

// TestPositions asks a log that was trimmed for every kind of position.
func TestPositions(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"1MiB\"\n"})
	log := node.Log(t)
	first := publish(t, node, "p-1", 1)
	if got := items(t, node, "after=0", 1, nil); got[0].Entry == nil || got[0].Entry.Position != first.Position {
		t.Errorf("after=0 gave %+v, want the first entry", got[0])
	}
	wantEntry(t, items(t, node, fmt.Sprintf("after=%s-0", log.ID), 1, nil)[0], 1)
	n := 1
	for ; log.First <= 2; n++ {
		if _, err := node.Publish(t.Context(), heavy(fmt.Sprintf("p-%d", n+1), n+1, 30<<10)); err != nil {
			t.Fatal(err)
		}
		if log = node.Log(t); n > 1000 {
			t.Fatalf("30 MB are in a log of 1 MiB: %+v", log)
		}
	}

	got := items(t, node, "after="+first.Position.String(), 2, nil)
	gap := wantGap(t, got[0], fedmsg.GapTrimmed)
	if gap.From.Seq != 2 || got[1].Entry == nil || gap.To.Seq+1 != got[1].Entry.Position.Seq {
		t.Errorf("after the trimmed entry 1: gap %+v and then %+v, want from 2 to just before the next entry", gap, got[1])
	}

	live := func() { n++; publish(t, node, fmt.Sprintf("p-%d", n), n) }
	got = items(t, node, fmt.Sprintf("after=%s-%d", log.ID, log.Last+1000), 2, live)
	wantGap(t, got[0], fedmsg.GapAhead)
	wantEntry(t, got[1], log.Last+1)

	log = node.Log(t)
	got = items(t, node, "after=aaaaaaaaaaaa-5", 2, nil)
	wantGap(t, got[0], fedmsg.GapOtherLog)
	wantEntry(t, got[1], log.First)

	wantEntry(t, items(t, node, fmt.Sprintf("after=%s-%d", log.ID, log.Last-1), 1, nil)[0], log.Last)
}

// TestPositionsOfRestoredBackup restores an older copy of the state. A reader that was further is told of the gap. When a
// saved reader was further, the node refuses to append until the log is adopted, which keeps the older positions valid.
func TestPositionsOfRestoredBackup(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	kept := publish(t, node, "old-1", 1)
	last := publish(t, node, "old-2", 2)
	node.Stop(t)
	backup := filepath.Join(t.TempDir(), "state")
	if out, err := exec.Command("cp", "-a", node.State, backup).CombinedOutput(); err != nil {
		t.Fatalf("cp: %s", out)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	publish(t, node, "lost-3", 3)
	lost := publish(t, node, "lost-4", 4)
	node.Stop(t)

	restored := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: backup})
	got := items(t, restored, "after="+lost.Position.String(), 2, func() { publish(t, restored, "new-3", 3) })
	wantGap(t, got[0], fedmsg.GapAhead)
	wantEntry(t, got[1], last.Seq+1)
	restored.Stop(t)

	saved := filepath.Join(backup, "readers", "archive")
	if err := os.WriteFile(saved, []byte(lost.Position.String()+" hold\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(restored.Logs())
	if err := restored.Launch(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := restored.AwaitLine(ctx, before, "listening on unix://"); err != nil {
		t.Fatal(err)
	}
	if _, err := restored.Publish(t.Context(), submission("refused-5", 5)); fedmsg.CodeOf(err) != fedmsg.CodeLogAhead {
		t.Errorf("publishing while a saved reader is ahead of the log: %v, want %s", err, fedmsg.CodeLogAhead)
	}
	restored.Stop(t)
	adopt := restored.Command(nil, "log", "adopt")
	adopt.Env = append(adopt.Env, "FEDMSG_STATE="+backup)
	if r, err := adopt.Run(); err != nil || r.Status != 0 {
		t.Fatalf("log adopt: %v %s", err, r)
	}
	if err := restored.Start(); err != nil {
		t.Fatal(err)
	}
	next := publish(t, restored, "adopted-4", 4)
	if next.Position.Log == kept.Position.Log {
		t.Errorf("the adopted log is still %s", next.Position.Log)
	}
	got = items(t, restored, "after="+kept.Position.String(), 1, nil)
	wantEntry(t, got[0], last.Seq)
}
