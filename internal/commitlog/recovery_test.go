package commitlog

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// TestDamageIsNotTorn damages an acknowledged record in the last segment of a log that was killed, so that no mark helps:
// later writes show that it was durable. It is named and nothing is cut off.
func TestDamageIsNotTorn(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	for i := range 5 {
		mustSubmit(t, l, records(2*i, 2, 50)...)
	}
	killed := disk.Crash(durabletest.KeepAll, nil)
	path := segmentPath(testDir, 1)
	data := killed.Bytes(path)
	off, _ := l.snapshot()[0].active.offset(2) // the first record of the second write
	data[off+headerFixed] ^= 1
	killed.SetBytes(path, data)
	l = openLog(t, testDir, Options{FS: killed})
	entries, gaps := readAll(t, l, 0)
	if len(entries) != 9 || len(gaps) != 1 || gaps[0].From.Seq != 3 || gaps[0].To.Seq != 3 || gaps[0].Reason != fedmsg.GapDamaged {
		t.Fatalf("%d entries, %v", len(entries), gaps)
	}
	if s := l.Health()[4]; s.Level != Warning || !contains(s.Text, "entries 3 to 3") {
		t.Errorf("%+v", s)
	}
	if _, err := l.Get(3); fedmsg.CodeOf(err) != fedmsg.CodeDamaged {
		t.Errorf("Get: %v", err)
	}
}

// TestMarkAfterRecovery kills a process, opens its log and kills the next one at once. What the first one stored last was
// synced by the second, which has marked it: damage of it is damage.
func TestMarkAfterRecovery(t *testing.T) {
	disk := durabletest.NewDisk()
	isMark := func(op durabletest.Op, name string) bool {
		return op == durabletest.OpRename && name == filepath.Join(testDir, markName)
	}
	disk.SetHooks(func(_ int, op durabletest.Op, name string) error {
		if isMark(op, name) {
			return errors.New("the first process marks nothing, also where its keeper begins only now")
		}
		return nil
	}, nil)
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, records(0, 3, 50)...)
	killed := disk.Crash(durabletest.KeepAll, nil)
	marked := make(chan struct{})
	killed.SetHooks(nil, func(_ int, op durabletest.Op, name string) error {
		if isMark(op, name) {
			close(marked)
		}
		return nil
	})
	openLog(t, testDir, Options{FS: killed})
	<-marked
	killed = killed.Crash(durabletest.KeepAll, nil)
	path := segmentPath(testDir, 1)
	data := killed.Bytes(path)
	data[len(data)-1] ^= 1
	killed.SetBytes(path, data)
	l = openLog(t, testDir, Options{FS: killed})
	if entries, gaps := readAll(t, l, 0); len(entries) != 2 || len(gaps) != 1 || gaps[0].From.Seq != 3 {
		t.Errorf("%d entries, %v", len(entries), gaps)
	}
}

// TestDamageInHealth shortens a full segment: Health says so at once, not only when somebody reads it.
func TestDamageInHealth(t *testing.T) {
	disk, _ := smallLog(t)
	path := logFiles(t, disk, segmentSuffix)[0]
	data := disk.Bytes(path)
	disk.SetBytes(path, data[:len(data)-10])
	l := openLog(t, testDir, Options{FS: disk})
	if s := l.Health()[4]; s.Level != Warning {
		t.Errorf("%+v", s)
	}
}

// TestSyncAfterRecovery lets a process die between write and fsync. The next one finds the record in the page cache, and
// must make it durable before it answers a publisher that it is stored.
func TestSyncAfterRecovery(t *testing.T) {
	disk := durabletest.NewDisk()
	disk.SetSkip(func(op durabletest.Op, name string) bool {
		return op == durabletest.OpSync && name == segmentPath(testDir, 1)
	})
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(1, 50))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	disk.SetSkip(nil)
	l = openLog(t, testDir, Options{FS: disk})
	if r := mustSubmit(t, l, record(1, 50)); !r[0].Duplicate {
		t.Fatalf("%+v", r)
	}
	l = openLog(t, testDir, Options{FS: disk.Crash(durabletest.LoseAll, nil)})
	if _, ok, err := l.Find(record(1, 50).ID); !ok || err != nil {
		t.Errorf("a record that was acknowledged as a duplicate is lost: %v", err)
	}
}

// TestSyncDirAfterRestart lets a process die before it could sync any directory. The next one relies on names that it did
// not make, and must make them durable.
func TestSyncDirAfterRestart(t *testing.T) {
	disk := durabletest.NewDisk()
	disk.SetSkip(func(op durabletest.Op, _ string) bool { return op == durabletest.OpSyncDir })
	if err := openLog(t, testDir, Options{FS: disk}).Close(); err != nil {
		t.Fatal(err)
	}
	disk.Restart()
	var synced atomic.Bool
	disk.SetHooks(nil, func(_ int, op durabletest.Op, name string) error {
		if op == durabletest.OpSyncDir && name == filepath.Dir(testDir) {
			synced.Store(true)
		}
		return nil
	})
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(1, 50))
	if !synced.Load() {
		t.Error("the name of the log's directory is not synced")
	}
	l = openLog(t, testDir, Options{FS: disk.Crash(durabletest.LoseAll, nil)})
	if _, ok, err := l.Find(record(1, 50).ID); !ok || err != nil {
		t.Errorf("what was acknowledged is lost: %v", err)
	}
}

// TestDiskFullLeavesNothing refuses a batch of which whole records had been written when the disk was full: a refused
// message must not appear later.
func TestDiskFullLeavesNothing(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(0, 100))
	used := int64(len(disk.Bytes(segmentPath(testDir, 1))) + len(disk.Bytes(testDir+"/"+metaName)))
	disk.SetSpace(used + 1000) // two of three records
	for _, o := range submit(t, l, records(1, 3, 100)...) {
		if fedmsg.CodeOf(o.Err) != fedmsg.CodeStorageFull {
			t.Fatalf("%+v", o)
		}
	}
	rnd := seeded(t)
	for i := range 200 {
		fate := durabletest.Some // the power is cut
		if i == 0 {
			fate = durabletest.KeepAll
		}
		l, err := Open(testDir, Options{FS: disk.Crash(fate, rnd)})
		if err != nil {
			t.Fatal(err)
		}
		if last := l.Info().Last; last != 1 {
			t.Errorf("fate %d: the log ends at %d", fate, last)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollFullLeavesNothing has the disk run full while a new segment is made, and goes on in the old one: the segment that
// was given up must not come back with the next crash, or it would hide what was stored since.
func TestRollFullLeavesNothing(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 1500})
	mustSubmit(t, l, record(0, 100))
	disk.SetHooks(func(_ int, op durabletest.Op, name string) error {
		if op == durabletest.OpWrite && name != segmentPath(testDir, 1) {
			return syscall.ENOSPC
		}
		return nil
	}, nil)
	if out := submit(t, l, record(1, 1300)); fedmsg.CodeOf(out[0].Err) != fedmsg.CodeStorageFull {
		t.Fatalf("%+v", out)
	}
	disk.SetHooks(nil, nil)
	mustSubmit(t, l, record(2, 100)) // there is room for it in the old one
	rnd := seeded(t)
	for range 200 {
		l, err := Open(testDir, Options{FS: disk.Crash(durabletest.Some, rnd)})
		if err != nil {
			t.Fatal(err)
		}
		if last := l.Info().Last; last != 2 {
			t.Fatalf("what was acknowledged is lost: the log ends at %d", last)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollWithoutFiles lets the process run out of file descriptors when a new segment is due: nothing has happened to the
// log, which goes on when there are some again.
func TestRollWithoutFiles(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 1000})
	mustSubmit(t, l, record(0, 900))
	disk.SetHooks(func(_ int, op durabletest.Op, _ string) error {
		if op == durabletest.OpCreate {
			return syscall.EMFILE
		}
		return nil
	}, nil)
	if out := submit(t, l, record(1, 900)); fedmsg.CodeOf(out[0].Err) != fedmsg.CodeUnavailable {
		t.Fatalf("%+v", out)
	}
	if s := l.Health()[1]; s.Level != Failed {
		t.Errorf("%+v", s)
	}
	disk.SetHooks(nil, nil)
	mustSubmit(t, l, record(1, 900))
	if s := l.Health()[1]; s.Level != OK {
		t.Errorf("%+v", s)
	}
}

// TestSwappedOffsets makes an index say that two records stand in each other's place: both ids are still known.
func TestSwappedOffsets(t *testing.T) {
	disk, rs := smallLog(t)
	path := logFiles(t, disk, indexSuffix)[0]
	data := disk.Bytes(path)
	at := indexHead + int(binary.LittleEndian.Uint32(data[48:]))
	var first [4]byte
	copy(first[:], data[at:])
	copy(data[at:], data[at+4:at+8])
	copy(data[at+4:], first[:])
	disk.SetBytes(path, data)
	l := openLog(t, testDir, Options{FS: disk})
	for i, r := range mustSubmit(t, l, rs[:2]...) {
		if !r.Duplicate || r.Seq != uint64(i+1) {
			t.Errorf("%+v", r)
		}
	}
}
