package commitlog

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// copyOf copies what is held to a new directory.
func copyOf(t *testing.T, h *Held) (string, Info) {
	t.Helper()
	into := filepath.Join(t.TempDir(), "log")
	info, err := h.Copy(t.Context(), into, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	sum, err := Check(into, func(f Finding) { t.Errorf("the copy: %s: %s", f.Kind, f.Text) })
	if err != nil {
		t.Fatal(err)
	}
	if sum.Last != info.Last || sum.Missing != 0 {
		t.Errorf("the copy ends at %d and misses %d, its description says %d", sum.Last, sum.Missing, info.Last)
	}
	return into, info
}

// TestCopyWhileWriting copies a log that is written to: the copy has all that was acknowledged before, nothing that is not in the log,
// and an open log goes on as before.
func TestCopyWhileWriting(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	l := openLog(t, dir, Options{SegmentBytes: 256 << 10})
	mustSubmit(t, l, records(0, 100, 500)...)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for n := 100; ctx.Err() == nil; n++ {
			ticket, err := l.Submit(context.Background(), record(n, 500))
			if err == nil {
				_, err = ticket.Wait(context.Background())
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 6 {
		before := l.Info().Last
		h, err := Hold(dir)
		if err != nil {
			t.Fatal(err)
		}
		into, info := copyOf(t, h)
		if info.Last < before || info.First != 1 || info.ID != l.Info().ID {
			t.Errorf("the copy has %d to %d of %s, the log had %d before", info.First, info.Last, info.ID, before)
		}
		same(t, l, into)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// same holds the entries of a copy against the log.
func same(t *testing.T, l *Log, dir string) {
	t.Helper()
	c, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info := c.Info()
	got, gaps := readAll(t, c, info.First-1)
	if len(gaps) > 0 || uint64(len(got)) != info.Last+1-info.First {
		t.Fatalf("the copy has %d entries and %d gaps, want %d entries", len(got), len(gaps), info.Last+1-info.First)
	}
	r := l.Reader(info.First - 1)
	defer r.Close()
	for _, e := range got {
		want, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != want.ID || e.Position != want.Position || !bytes.Equal(e.Envelope, want.Envelope) {
			t.Fatalf("the copy has %s at %s, the log %s at %s", e.ID, e.Position, want.ID, want.Position)
		}
	}
}

// TestCopyHoldsWhatIsRemoved lets retention remove, between holding and copying, all segments but the last few: the copy has what was
// held, without a hole.
func TestCopyHoldsWhatIsRemoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	l := openLog(t, dir, Options{SegmentBytes: 8 << 10, MaxBytes: 64 << 10})
	mustSubmit(t, l, records(0, 60, 500)...)
	h, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	held := l.Info()
	for n := 60; l.Info().First <= held.Last+20; n += 10 {
		mustSubmit(t, l, records(n, 10, 500)...)
	}
	_, info := copyOf(t, h)
	if info.First != held.First || info.Last < held.Last {
		t.Errorf("the copy has %d to %d, %d to %d were held", info.First, info.Last, held.First, held.Last)
	}
}

// TestCopyLeavesTornEnd copies a log at whose end a write is under way.
func TestCopyLeavesTornEnd(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	l := openLog(t, dir, Options{})
	mustSubmit(t, l, records(0, 5, 100)...)
	name := segmentPath(dir, 1)
	all, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	mustSubmit(t, l, records(5, 1, 3000)...)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, int64(len(all)+2000)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, markName)); err != nil { // which says that it was durable
		t.Fatal(err)
	}
	h, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	into, info := copyOf(t, h)
	copied, err := os.ReadFile(filepath.Join(into, filepath.Base(name)))
	if err != nil {
		t.Fatal(err)
	}
	if info.Last != 5 || !bytes.Equal(copied, all) {
		t.Errorf("the copy ends at %d and has %d bytes, want 5 and %d", info.Last, len(copied), len(all))
	}
}

// TestCopyOfDamaged copies a log with a wrong byte: the entry is missing in the copy, and all others are there.
func TestCopyOfDamaged(t *testing.T) {
	t.Parallel()
	disk, rs := smallLog(t)
	names := logFiles(t, disk, segmentSuffix)
	data := disk.Bytes(names[0])
	data[segmentHead+200] ^= 1
	disk.SetBytes(names[0], data)
	h, err := holdLog(disk, filepath.Dir(names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	info, err := h.Copy(t.Context(), "/copy", nil)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := check(disk, "/copy", func(Finding) {})
	if err != nil || info.Last != uint64(len(rs)) || sum.Missing != 1 || sum.Entries != uint64(len(rs)-1) {
		t.Errorf("the copy ends at %d, has %d entries and misses %d, %v; want %d, and 1 missing", info.Last, sum.Entries, sum.Missing, err, len(rs))
	}
}

// TestCopySyncs sees that the log is synced before its last segment is read, so that the copy has nothing that the log can lose, and
// that everything in the copy is synced.
func TestCopySyncs(t *testing.T) {
	t.Parallel()
	disk, _ := smallLog(t)
	names := logFiles(t, disk, segmentSuffix)
	h, err := holdLog(disk, filepath.Dir(names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var ops []string
	disk.SetHooks(func(_ int, op durabletest.Op, name string) error {
		ops = append(ops, string(op)+" "+name)
		return nil
	}, nil)
	if _, err := h.Copy(t.Context(), "/copy", nil); err != nil {
		t.Fatal(err)
	}
	disk.SetHooks(nil, nil)
	last := names[len(names)-1]
	synced := slices.Index(ops, string(durabletest.OpSync)+" "+last)
	written := slices.IndexFunc(ops, func(op string) bool {
		return strings.HasPrefix(op, string(durabletest.OpWrite)) && strings.HasSuffix(op, "/copy/"+filepath.Base(last))
	})
	if synced < 0 || synced > written {
		t.Errorf("the log is synced at step %d, its last segment is copied at %d:\n%s", synced, written, strings.Join(ops, "\n"))
	}
	crashed := disk.Crash(durabletest.LoseAll, seeded(t))
	if sum, err := check(crashed, "/copy", func(f Finding) { t.Errorf("%s: %s", f.Kind, f.Text) }); err != nil || sum.Missing > 0 {
		t.Errorf("after a crash the copy misses %d entries: %v", sum.Missing, err)
	}
}

// TestCopyIsInterrupted ends a copy by its context.
func TestCopyIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "log")
	mustSubmit(t, openLog(t, dir, Options{}), records(0, 5, 100)...)
	h, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Copy(ctx, filepath.Join(t.TempDir(), "log"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := Hold(t.TempDir()); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("where no log is: %v", err)
	}
}
