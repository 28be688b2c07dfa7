package commitlog

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestReadInfo compares what is read beside an open log with what that log says, at every stage, and sees no change.
func TestReadInfo(t *testing.T) {
	disk := durabletest.NewDisk()
	if _, err := readInfo(disk, testDir); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("where there is no log: %v", err)
	}
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 2000, MaxBytes: 12_000})
	compare := func() {
		t.Helper()
		for _, s := range l.snapshot() {
			for x := s.full.Load(); x != nil && x.disk == nil; x = s.full.Load() {
				runtime.Gosched() // the keeper is at it
			}
		}
		copied := disk.Crash(durabletest.KeepAll, nil)
		got, err := readInfo(copied, testDir)
		if want := l.Info(); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
		}
		if copied.Ops() > 0 {
			t.Fatal("the log was changed")
		}
	}
	compare()
	for i := range 60 {
		mustSubmit(t, l, record(i, 100))
		compare()
	}
	path := segmentPath(testDir, l.Info().Last+1-l.snapshot()[len(l.snapshot())-1].count)
	disk.SetBytes(path, append(disk.Bytes(path), recordMagic+"torn"...))
	if got, err := readInfo(disk, testDir); err != nil || got.Last != 60 {
		t.Errorf("with a write underway: %+v %v", got, err)
	}
}

// TestCheckProgress follows a check.
func TestCheckProgress(t *testing.T) {
	disk, _ := smallLog(t)
	size := int64(0)
	for _, path := range logFiles(t, disk, segmentSuffix) {
		size += int64(len(disk.Bytes(path)))
	}
	calls, last := 0, int64(-1)
	_, err := checkWith(disk, testDir, func(f Finding) { t.Errorf("%+v", f) }, func(done, all int64) {
		if calls++; done <= last || all != size {
			t.Errorf("%d of %d after %d", done, all, last)
		}
		last = done
	})
	if err != nil || last != size || calls < 3 {
		t.Errorf("%d calls, the last with %d of %d: %v", calls, last, size, err)
	}
}

// growing is a disk on which a log goes on, and its mark with it, as soon as somebody has seen its files.
type growing struct {
	*durabletest.Disk
	grow func()
}

func (g growing) List(dir string) ([]string, error) {
	names, err := g.Disk.List(dir)
	g.grow()
	return names, err
}

// TestCheckBesideWriter has retention remove a segment, and the mark of what is durable go on, while a log is checked: it is
// not called damaged.
func TestCheckBesideWriter(t *testing.T) {
	disk, _ := smallLog(t)
	_, err := check(growing{disk, func() {
		if err := writeMark(disk, testDir, 1000); err != nil {
			t.Fatal(err)
		}
		if err := disk.Remove(segmentPath(testDir, 1)); err != nil {
			t.Fatal(err)
		}
	}}, testDir, func(f Finding) { t.Errorf("%+v", f) })
	if err != nil {
		t.Fatal(err)
	}
}
