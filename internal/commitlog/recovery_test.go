package commitlog

import (
	"encoding/binary"
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
	l = openLog(t, testDir, Options{FS: disk.Crash(durabletest.KeepAll, nil)})
	if last := l.Info().Last; last != 1 {
		t.Errorf("the log ends at %d", last)
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
