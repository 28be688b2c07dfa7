package commitlog

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestResolve asks with positions of every kind, also after the log was adopted.
func TestResolve(t *testing.T) {
	disk := durabletest.NewDisk()
	o := Options{FS: disk, SegmentBytes: 2000, MaxBytes: 12_000}
	l := openLog(t, testDir, o)
	for i := 0; i < 60; i += 2 {
		mustSubmit(t, l, records(i, 2, 100)...)
	}
	info := l.Info()
	if info.First < 10 || info.Last != 60 {
		t.Fatalf("%+v", info)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	adopted, err := Adopt(testDir, Options{FS: disk})
	if err != nil || adopted.ID == info.ID || len(adopted.Lineage) != 1 || adopted.Lineage[0] != (Ancestor{info.ID, 60}) {
		t.Fatalf("%+v %v", adopted, err)
	}
	l = openLog(t, testDir, Options{FS: disk, SegmentBytes: 2000})
	mustSubmit(t, l, records(60, 10, 100)...)
	at := func(id fedmsg.LogID, seq uint64) fedmsg.Position { return fedmsg.Position{Log: id, Seq: seq} }
	old, now, first := info.ID, adopted.ID, l.Info().First
	for _, c := range []struct {
		name  string
		p     fedmsg.Position
		after uint64
		gap   *fedmsg.Gap
	}{
		{"zero", fedmsg.Position{}, first - 1, nil},
		{"end", at(now, 70), 70, nil},
		{"middle", at(now, 65), 65, nil},
		{"before the first", at(now, first-1), first - 1, nil},
		{"trimmed", at(now, 3), first - 1, &fedmsg.Gap{From: at(now, 4), To: at(now, first-1), Reason: fedmsg.GapTrimmed}},
		{"number 0", at(now, 0), first - 1, &fedmsg.Gap{From: at(now, 1), To: at(now, first-1), Reason: fedmsg.GapTrimmed}},
		{"future", at(now, 71), 70, &fedmsg.Gap{From: at(now, 71), To: at(now, 70), Reason: fedmsg.GapAhead}},
		{"ancestor", at(old, 55), 55, nil},
		{"ancestor's end", at(old, 60), 60, nil},
		{"ancestor, trimmed", at(old, 3), first - 1, &fedmsg.Gap{From: at(now, 4), To: at(now, first-1), Reason: fedmsg.GapTrimmed}},
		{"ancestor, lost", at(old, 65), 60, &fedmsg.Gap{From: at(old, 65), To: at(now, 60), Reason: fedmsg.GapAhead}},
		{"other log", at("zzzzzzzzzzzz", 7), first - 1, &fedmsg.Gap{From: at("zzzzzzzzzzzz", 7), To: at(now, first-1), Reason: fedmsg.GapOtherLog}},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, gap := l.Resolve(c.p)
			if after != c.after || (gap == nil) != (c.gap == nil) || gap != nil && *gap != *c.gap {
				t.Errorf("Resolve(%s) = %d, %v; want %d, %v", c.p, after, gap, c.after, c.gap)
			}
			entries, _ := readAll(t, l, after)
			if len(entries) != int(70-after) {
				t.Errorf("%d entries behind %d", len(entries), after)
			}
		})
	}
	entries, gaps := readAll(t, l, 0)
	if len(gaps) != 1 || gaps[0].Reason != fedmsg.GapTrimmed || gaps[0].From.Seq != 1 || gaps[0].To.Seq != first-1 || entries[0].Position.Seq != first {
		t.Errorf("from 0: %v", gaps)
	}
	for _, e := range entries {
		if e.Position.Log != now {
			t.Fatalf("entry %s is not of %s", e.Position, now)
		}
	}
	for seq, code := range map[uint64]fedmsg.Code{0: fedmsg.CodeNotFound, 3: fedmsg.CodeNotFound, 71: fedmsg.CodeNotFound} {
		if _, err := l.Get(seq); fedmsg.CodeOf(err) != code {
			t.Errorf("Get(%d): %v", seq, err)
		}
	}
	if r := l.Reader(1000); r != nil {
		if _, err := r.Next(); !isEOF(err) {
			t.Errorf("reader in the future: %v", err)
		}
		_ = r.Close()
	}
}

// TestRestoredBackup restores an older copy under readers that have read further.
func TestRestoredBackup(t *testing.T) {
	disk := durabletest.NewDisk()
	o := Options{FS: disk}
	l := openLog(t, testDir, o)
	mustSubmit(t, l, records(0, 5, 100)...)
	backup := disk.Crash(durabletest.KeepAll, nil)
	mustSubmit(t, l, records(5, 5, 100)...)
	saved := fedmsg.Position{Log: l.Info().ID, Seq: 8}

	o.FS = backup
	o.Pins = func() []Pin {
		return []Pin{{Name: "archive", Position: saved, Hold: true}, {Name: "x", Position: fedmsg.Position{Log: "zzzzzzzzzzzz", Seq: 99}}}
	}
	l = openLog(t, testDir, o)
	_, err := l.Submit(context.Background(), record(50, 100))
	if code, text := fedmsg.Public(err); code != fedmsg.CodeLogAhead || !contains(text, "fedmsg log adopt") || !contains(text, "archive") || !contains(text, saved.String()) {
		t.Fatalf("%v", err)
	}
	if s := l.Health()[2]; s.Level != Failed {
		t.Errorf("%+v", s)
	}
	if entries, _ := readAll(t, l, 0); len(entries) != 5 {
		t.Errorf("%d entries", len(entries))
	}
	if _, err := Adopt(testDir, o); fedmsg.CodeOf(err) != fedmsg.CodeLocked {
		t.Errorf("adopting a log that is open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(testDir, o); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, testDir, o)
	if r := mustSubmit(t, l, record(50, 100)); r[0].Seq != 6 || r[0].Position.Log == saved.Log {
		t.Errorf("%+v", r)
	}
	after, gap := l.Resolve(saved)
	if after != 5 || gap == nil || gap.Reason != fedmsg.GapAhead {
		t.Errorf("%d %v", after, gap)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(testDir, o); err != nil { // a second time
		t.Fatal(err)
	}
	l = openLog(t, testDir, o)
	if lineage := l.Info().Lineage; len(lineage) != 2 || lineage[0].Last != 5 || lineage[1].Last != 6 {
		t.Errorf("%+v", lineage)
	}
	sum, err := check(backup, testDir, func(f Finding) { t.Errorf("%+v", f) })
	if err != nil || sum.Last != 6 {
		t.Errorf("%+v %v", sum, err)
	}
	if _, err := Adopt("/state/none", Options{FS: backup}); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("adopting nothing: %v", err)
	}
}

// TestAdoptEmpty adopts a log whose last segment has no entries: its head must follow.
func TestAdoptEmpty(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := Adopt(testDir, Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	l = openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(0, 10))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Remove(testDir + "/" + metaName); err != nil { // the heads alone tell the id
		t.Fatal(err)
	}
	l = openLog(t, testDir, Options{FS: disk})
	if l.Info().ID != info.ID {
		t.Errorf("%s, want %s", l.Info().ID, info.ID)
	}
}

// TestLock opens a log twice.
func TestLock(t *testing.T) {
	dir := t.TempDir() + "/log"
	l := openLog(t, dir, Options{})
	if _, err := Open(dir, Options{}); fedmsg.CodeOf(err) != fedmsg.CodeLocked {
		t.Fatalf("second Open: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	openLog(t, dir, Options{})
}

// TestLockOfKilledNode opens a log whose lock a child of the node that was killed still has for a moment.
func TestLockOfKilledNode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/log"
	if err := openLog(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	child, err := durable.OS{}.Lock(filepath.Join(dir, lockName))
	if err != nil {
		t.Fatal(err)
	}
	fsys := &lateFS{FS: durable.OS{}, tried: make(chan struct{}, 1)}
	go func() {
		<-fsys.tried
		_ = child.Close()
	}()
	openLog(t, dir, Options{FS: fsys})
}

// lateFS tells when a lock was asked for in vain.
type lateFS struct {
	durable.FS
	tried chan struct{}
}

func (f *lateFS) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	if err != nil {
		select {
		case f.tried <- struct{}{}:
		default:
		}
	}
	return lock, err
}

// TestSeekTime looks for times at, between, before and behind those of entries, in full segments and the active one.
func TestSeekTime(t *testing.T) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	now := start
	disk := durabletest.NewDisk()
	o := Options{FS: disk, SegmentBytes: 2000, Now: func() time.Time { return now }}
	l := openLog(t, testDir, o)
	for i := range 60 {
		now = start.Add(time.Duration(i/2) * time.Minute) // two at each time
		mustSubmit(t, l, record(i, 100))
	}
	for _, c := range []struct {
		at    time.Duration
		after uint64
	}{{-time.Hour, 0}, {0, 0}, {time.Second, 2}, {time.Minute, 2}, {10*time.Minute + 1, 22}, {29 * time.Minute, 58}, {29*time.Minute + 1, 60}, {time.Hour, 60}} {
		if after, err := l.SeekTime(start.Add(c.at)); err != nil || after != c.after {
			t.Errorf("SeekTime(+%v) = %d, %v; want %d", c.at, after, err, c.after)
		}
	}
}

// TestSeekTimeDamaged looks for times in a log of which one segment is destroyed.
func TestSeekTimeDamaged(t *testing.T) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	now := start
	disk := durabletest.NewDisk()
	o := Options{FS: disk, SegmentBytes: 2000, Now: func() time.Time { return now }}
	l := openLog(t, testDir, o)
	for i := range 60 {
		now = start.Add(time.Duration(i) * time.Minute)
		mustSubmit(t, l, record(i, 100))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	segments := logFiles(t, disk, segmentSuffix)
	for k := range segments[:len(segments)-1] {
		copied := disk.Crash(durabletest.KeepAll, nil)
		copied.SetBytes(segments[k], nil)
		if err := copied.Remove(indexPath(segments[k])); err != nil {
			t.Fatal(err)
		}
		o.FS = copied
		l := openLog(t, testDir, o)
		for i := range 60 {
			at := start.Add(time.Duration(i) * time.Minute)
			after, err := l.SeekTime(at)
			if err != nil || after > uint64(i) || uint64(i)-after > 10 {
				t.Fatalf("without segment %d: SeekTime(+%d min) = %d, %v", k, i, after, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClosed uses a log that is closed.
func TestClosed(t *testing.T) {
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk()})
	mustSubmit(t, l, records(0, 3, 10)...)
	r := l.Reader(0)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Submit(context.Background(), record(5, 10)); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("Submit: %v", err)
	}
	fresh := l.Reader(0)
	if _, err := fresh.Next(); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("Next of a new reader: %v", err)
	}
	for i := 0; ; i++ {
		if _, err := r.Next(); err != nil {
			if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || i > 2 {
				t.Errorf("Next: %v", err)
			}
			break
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
