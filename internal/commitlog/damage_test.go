package commitlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// smallLog makes a closed log of several segments on a disk in memory.
func smallLog(t *testing.T) (*durabletest.Disk, []fedmsg.Record) {
	t.Helper()
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 1500})
	rs := records(0, 16, 50)
	for i := 0; i < len(rs); i += 2 {
		mustSubmit(t, l, rs[i:i+2]...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := l.Info().Segments; n < 3 {
		t.Fatalf("%d segments", n)
	}
	return disk, rs
}

// logFiles gives the paths of the log's files with this suffix.
func logFiles(t *testing.T, disk *durabletest.Disk, suffix string) []string {
	t.Helper()
	names, err := disk.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			paths = append(paths, filepath.Join(testDir, name))
		}
	}
	return paths
}

// covered checks that entries and gaps together are the numbers 1 to last, each once, that entries are right, and gives
// how many are missing.
func covered(disk *durabletest.Disk, rs []fedmsg.Record, readTwice bool) (missing int, err error) {
	o := Options{FS: disk, SegmentBytes: 1500}
	l, err := Open(testDir, o)
	if err != nil {
		return 0, err
	}
	defer l.Close() //nolint:errcheck // a damaged log
	seen := make([]int, len(rs)+1)
	r := l.Reader(0)
	defer r.Close() //nolint:errcheck // nothing was written
	for next := uint64(1); next <= uint64(len(rs)); {
		e, err := r.Next()
		switch gap, isGap := err.(*fedmsg.Gap); {
		case isGap:
			if gap.From.Seq != next || gap.To.Seq < next || gap.Reason != fedmsg.GapDamaged {
				return 0, fmt.Errorf("at %d: %w", next, gap)
			}
			missing += int(gap.To.Seq - gap.From.Seq + 1)
			next = gap.To.Seq + 1
		case err != nil:
			return missing, fmt.Errorf("at %d of %d: %w", next, l.Info().Last, err)
		default:
			want := rs[next-1]
			if e.Position.Seq != next || e.ID != want.ID || string(e.Envelope) != string(want.Envelope) || e.Sender != want.Sender {
				return 0, fmt.Errorf("at %d: wrong entry %+v", next, e)
			}
			seen[next]++
			next++
		}
	}
	// The log goes on, and its next number was never used.
	ticket, err := l.Submit(context.Background(), record(5000, 50))
	if err != nil {
		return missing, err
	}
	out, err := ticket.Wait(context.Background())
	if err != nil || out[0].Err != nil || out[0].Receipt.Seq != uint64(len(rs)+1) {
		return missing, fmt.Errorf("going on: %+v %w", out, err)
	}
	if readTwice {
		for i := range rs {
			if e, err := l.Get(uint64(i + 1)); (err == nil) != (seen[i+1] == 1) || err == nil && e.ID != rs[i].ID {
				return missing, fmt.Errorf("Get(%d): %+v %w", i+1, e, err)
			}
		}
	}
	return missing, nil
}

// damageEach damages one segment file after the other, at each offset, and wants every entry or a gap for it.
func damageEach(t *testing.T, step int, damage func(data []byte, at int) []byte, maxMissing int) {
	disk, rs := smallLog(t)
	for _, path := range logFiles(t, disk, segmentSuffix) {
		size := len(disk.Bytes(path))
		for at := 0; at < size; at += step {
			copied := disk.Crash(durabletest.KeepAll, nil)
			data := damage(disk.Bytes(path), at)
			copied.SetBytes(path, data)
			var found []Finding
			_, err := check(copied, testDir, func(f Finding) { found = append(found, f) })
			if err != nil {
				t.Fatalf("%s at %d: check: %v", path, at, err)
			}
			missing, err := covered(copied, rs, at%16 == 0)
			if err != nil {
				t.Fatalf("%s at %d: %v", path, at, err)
			}
			if missing > maxMissing {
				t.Fatalf("%s at %d: %d entries are missing", path, at, missing)
			}
			named := false
			for _, f := range found {
				named = named || f.Kind == FindingDamage && f.To > 0
			}
			if named != (missing > 0) {
				t.Fatalf("%s at %d: %d entries are missing, check found %+v", path, at, missing, found)
			}
			if err := reopened(copied, missing); err != nil {
				t.Fatalf("%s at %d, opened again: %v", path, at, err)
			}
		}
	}
}

// reopened checks that a log that was damaged, opened and written to names the same damage when it is opened again.
func reopened(disk *durabletest.Disk, missing int) error {
	sum, err := check(disk, testDir, func(Finding) {})
	if err != nil {
		return err
	}
	if int(sum.Missing) != missing || sum.Last != 17 || sum.Entries+sum.Missing != 17 {
		return fmt.Errorf("%+v, want %d missing", sum, missing)
	}
	return nil
}

func TestFlippedBit(t *testing.T) {
	t.Parallel()
	rnd := seeded(t)
	damageEach(t, 1, func(data []byte, at int) []byte {
		data[at] ^= 1 << rnd.IntN(8)
		return data
	}, 1)
}

func TestZeroedSector(t *testing.T) {
	t.Parallel()
	damageEach(t, 7, func(data []byte, at int) []byte {
		clear(data[at:min(len(data), at+512)])
		return data
	}, 4)
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	damageEach(t, 1, func(data []byte, at int) []byte { return data[:at] }, 8)
}

func TestInsertedBytes(t *testing.T) {
	damageEach(t, 11, func(data []byte, at int) []byte {
		return append(append(append([]byte{}, data[:at]...), "garbage"...), data[at:]...)
	}, 1)
}

// TestTornWriteIsCut leaves every possible beginning of the last write, with garbage or a later part of the write behind,
// and no mark: only that write may go, and it goes whole or up to where it is torn.
func TestTornWriteIsCut(t *testing.T) {
	t.Parallel()
	rnd := seeded(t)
	disk := durabletest.NewDisk()
	o := Options{FS: disk}
	l := openLog(t, testDir, o)
	mustSubmit(t, l, records(0, 3, 50)...)
	before := disk.Crash(durabletest.KeepAll, nil)
	mustSubmit(t, l, records(3, 4, 50)...)
	path := segmentPath(testDir, 1)
	from, all := len(before.Bytes(path)), disk.Bytes(path)
	for cut := from; cut < len(all); cut++ {
		for _, kind := range []string{"end", "zeros", "hole"} {
			torn := before.Crash(durabletest.KeepAll, nil)
			torn.SetBytes(path, tear(all, cut, kind, rnd))
			var found []Finding
			if _, err := check(torn, testDir, func(f Finding) { found = append(found, f) }); err != nil {
				t.Fatal(err)
			}
			if hasKind(found, FindingDamage) || (cut > from) && kind == "end" && !hasKind(found, FindingTorn) && !wholeRecords(all[from:cut]) {
				t.Fatalf("cut at %d, %s: %+v", cut, kind, found)
			}
			o.FS = torn
			l, err := Open(testDir, o)
			if err != nil {
				t.Fatal(err)
			}
			entries, gaps := readAll(t, l, 0)
			if len(gaps) > 0 || len(entries) < 3 || len(entries) >= 7 && kind == "end" {
				t.Fatalf("cut at %d, %s: %d entries, gaps %v", cut, kind, len(entries), gaps)
			}
			if r := mustSubmit(t, l, record(6, 50)); r[0].Seq != uint64(len(entries)+1) {
				t.Fatalf("cut at %d, %s: %+v", cut, kind, r)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			sum, err := check(torn, testDir, func(f Finding) { t.Errorf("cut at %d, %s: afterwards %+v", cut, kind, f) })
			if err != nil || sum.Entries != uint64(len(entries)+1) {
				t.Fatalf("%+v %v", sum, err)
			}
		}
	}
}

// tear gives a file of which a part of the last write is missing from cut on.
func tear(all []byte, cut int, kind string, rnd *rand.Rand) []byte {
	data := append([]byte{}, all...)
	switch kind {
	case "zeros":
		clear(data[cut:])
	case "hole": // what comes later is there again
		hole := data[cut:min(len(data), cut+1+rnd.IntN(200))]
		clear(hole)
		hole[0] = ^all[cut]
	default:
		data = data[:cut]
	}
	return data
}

// wholeRecords reports whether b ends where a record ends.
func wholeRecords(b []byte) bool {
	for len(b) > 0 {
		h, v := decodeRecord(b)
		if v != whole {
			return false
		}
		b = b[h.recordLen():]
	}
	return true
}

// TestDamagedIndex flips every byte of an index: ids are still found, numbers are still read, nothing is stored twice.
func TestDamagedIndex(t *testing.T) {
	disk, rs := smallLog(t)
	path := logFiles(t, disk, indexSuffix)[0]
	size := len(disk.Bytes(path))
	for at := -1; at < size; at++ {
		copied := disk.Crash(durabletest.KeepAll, nil)
		data := disk.Bytes(path)
		if at < 0 {
			data = data[:len(data)/2]
		} else {
			data[at] ^= 0xff
		}
		copied.SetBytes(path, data)
		found := 0
		if _, err := check(copied, testDir, func(f Finding) { found++ }); err != nil || found == 0 {
			t.Fatalf("at %d: check does not name it: %v", at, err)
		}
		l := openLog(t, testDir, Options{FS: copied, SegmentBytes: 1500})
		for i, r := range mustSubmit(t, l, rs...) {
			if !r.Duplicate || r.Seq != uint64(i+1) {
				t.Fatalf("at %d: %+v", at, r)
			}
			if e, err := l.Get(uint64(i + 1)); err != nil || e.ID != rs[i].ID {
				t.Fatalf("at %d: Get: %v", at, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMissingFiles removes each file of a log in turn.
func TestMissingFiles(t *testing.T) {
	disk, rs := smallLog(t)
	segments := logFiles(t, disk, segmentSuffix)
	for _, path := range append(segments[1:], append(logFiles(t, disk, indexSuffix), filepath.Join(testDir, metaName))...) {
		copied := disk.Crash(durabletest.KeepAll, nil)
		if err := copied.Remove(path); err != nil {
			t.Fatal(err)
		}
		missing, err := covered(copied, rs, true)
		if err != nil || missing > 0 != strings.HasSuffix(path, segmentSuffix) {
			t.Fatalf("without %s: %d missing, %v", path, missing, err)
		}
		l := openLog(t, testDir, Options{FS: copied})
		want, _ := readMeta(disk, testDir)
		if l.Info().ID != want.ID {
			t.Fatalf("without %s: the log's id has changed", path)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForeignSegment puts a segment of another log in the place of one.
func TestForeignSegment(t *testing.T) {
	disk, rs := smallLog(t)
	other, _ := smallLog(t)
	path := logFiles(t, disk, segmentSuffix)[1]
	disk.SetBytes(path, other.Bytes(path))
	var found []Finding
	if _, err := check(disk, testDir, func(f Finding) { found = append(found, f) }); err != nil || !hasKind(found, FindingHead) {
		t.Fatalf("%+v %v", found, err)
	}
	if missing, err := covered(disk, rs, true); err != nil || missing == 0 {
		t.Fatalf("%d missing, %v", missing, err)
	}
}

// TestDamagedJSON flips every bit of log.json and end.json: what they say is known from the segments too, and a number or id
// that is still good JSON is not believed.
func TestDamagedJSON(t *testing.T) {
	t.Parallel()
	disk, rs := smallLog(t)
	want, err := readMeta(disk, testDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{metaName, markName} {
		path := filepath.Join(testDir, name)
		for bit := range 8 * len(disk.Bytes(path)) {
			copied := disk.Crash(durabletest.KeepAll, nil)
			data := disk.Bytes(path)
			data[bit/8] ^= 1 << (bit % 8)
			copied.SetBytes(path, data)
			if name == metaName && strings.Contains(string(data), `"format":`) && !strings.Contains(string(data), `"format":1,`) {
				continue // it is of a newer format, says the file: TestNewerFormat
			}
			if missing, err := covered(copied, rs, false); err != nil || missing > 0 {
				t.Fatalf("%s, bit %d: %d missing, %v: %s", name, bit, missing, err, data)
			}
			if m, err := readMeta(copied, testDir); err != nil || m.ID != want.ID {
				t.Fatalf("%s, bit %d: the log's id is %s, was %s: %v", name, bit, m.ID, want.ID, err)
			}
		}
	}
}
