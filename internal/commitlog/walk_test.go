package commitlog

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// walked gives what a walk finds, as values that stay, and the numbers that it says cannot be read.
func walked(t testing.TB, disk *durabletest.Disk, since time.Time) (entries []fedmsg.Entry, missing []uint64) {
	t.Helper()
	copied := disk.Crash(durabletest.KeepAll, nil)
	err := walk(copied, testDir, WalkOptions{
		Since: since,
		Visit: func(e *fedmsg.Entry) bool {
			entries = append(entries, copyEntry(e))
			return true
		},
		Damage: func(f Finding) {
			for n := f.From; n > 0 && n <= f.To; n++ {
				missing = append(missing, n)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if copied.Ops() > 0 {
		t.Fatal("the log was changed")
	}
	return entries, missing
}

// copyEntry copies all that a walk may write again.
func copyEntry(e *fedmsg.Entry) fedmsg.Entry {
	c := *e
	c.ID, c.Topic, c.Sender, c.Signer = strings.Clone(e.ID), strings.Clone(e.Topic), strings.Clone(e.Sender), strings.Clone(e.Signer)
	c.Verdict = fedmsg.Verdict(strings.Clone(string(e.Verdict)))
	c.Envelope, c.Signatures = slices.Clone(e.Envelope), slices.Clone(e.Signatures)
	return c
}

// TestWalk compares a walk beside an open log with what a reader of that log gives, from every entry's time on.
func TestWalk(t *testing.T) {
	t.Parallel()
	disk := durabletest.NewDisk()
	now := time.Unix(1_800_000_000, 0)
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 2000, Now: func() time.Time { return now }})
	for i := range 60 {
		mustSubmit(t, l, record(i, 100))
		if i%3 != 0 { // some have the same time
			now = now.Add(time.Second)
		}
	}
	all, _ := readAll(t, l, 0)
	if len(all) != 60 || l.Info().Segments < 5 {
		t.Fatalf("%d entries in %d segments", len(all), l.Info().Segments)
	}
	for i := range all {
		since := all[i].Received
		want := all[slices.IndexFunc(all, func(e fedmsg.Entry) bool { return !e.Received.Before(since) }):]
		if got, missing := walked(t, disk, since); !reflect.DeepEqual(got, want) || missing != nil {
			t.Fatalf("since %s: %d entries from %v, want %d from %d", since, len(got), got[:1], len(want), want[0].Position.Seq)
		}
	}
	if got, _ := walked(t, disk, time.Time{}); !reflect.DeepEqual(got, all) {
		t.Errorf("%d entries, want %d", len(got), len(all))
	}
	if got, _ := walked(t, disk, now.Add(time.Hour)); got != nil {
		t.Errorf("%d entries of the future", len(got))
	}
	mustSubmit(t, l, record(60, 100), record(61, 100))
	path := segmentPath(testDir, l.snapshot()[l.Info().Segments-1].first)
	data := disk.Bytes(path)
	data[strings.Index(string(data), record(60, 100).ID)] ^= 1 // of the write only the second record is on the disk yet
	disk.SetBytes(path, data)
	if got, missing := walked(t, disk, time.Time{}); len(got) != 60 || missing != nil {
		t.Errorf("with a write underway: %d entries, %d missing", len(got), missing)
	}
}

// TestWalkDamaged flips a bit in every fifth byte of a log: what can still be read is what a reader gives, and the rest is named.
func TestWalkDamaged(t *testing.T) {
	t.Parallel()
	disk, rs := smallLog(t)
	for _, path := range logFiles(t, disk, segmentSuffix) {
		for at := 0; at < len(disk.Bytes(path)); at += 5 {
			copied := disk.Crash(durabletest.KeepAll, nil)
			data := disk.Bytes(path)
			data[at] ^= 1
			copied.SetBytes(path, data)
			got, missing := walked(t, copied, time.Time{})
			for _, e := range got {
				if want := rs[e.Position.Seq-1]; e.ID != want.ID || string(e.Envelope) != string(want.Envelope) {
					t.Fatalf("%s, byte %d: entry %d is %s", path, at, e.Position.Seq, e.ID)
				}
				missing = append(missing, e.Position.Seq)
			}
			slices.Sort(missing)
			for i, n := range missing {
				if n != uint64(i+1) || len(missing) != len(rs) {
					t.Fatalf("%s, byte %d: of %d entries these are given or named: %d", path, at, len(rs), missing)
				}
			}
		}
	}
}

// TestWalkForeign puts a segment of another log in the place of one: its entries are named, and not given.
func TestWalkForeign(t *testing.T) {
	t.Parallel()
	disk, rs := smallLog(t)
	other, _ := smallLog(t)
	path := logFiles(t, disk, segmentSuffix)[1]
	disk.SetBytes(path, other.Bytes(path))
	got, missing := walked(t, disk, time.Time{})
	if len(missing) == 0 || len(got)+len(missing) != len(rs) {
		t.Errorf("%d entries given, %d named", len(got), missing)
	}
}

// TestWalkEnds stops a walk, asks where nothing is, and follows one.
func TestWalkEnds(t *testing.T) {
	t.Parallel()
	disk, _ := smallLog(t)
	n, last := 0, int64(-1)
	o := WalkOptions{Visit: func(*fedmsg.Entry) bool { n++; return n < 5 }}
	if err := walk(disk, testDir, o); err != nil || n != 5 {
		t.Errorf("%d entries, %v", n, err)
	}
	if err := walk(durabletest.NewDisk(), testDir, o); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("where there is no log: %v", err)
	}
	o.Visit = func(*fedmsg.Entry) bool { return true }
	o.Progress = func(done, all int64) {
		if done <= last || done > all {
			t.Errorf("%d of %d after %d", done, all, last)
		}
		last = done
	}
	if err := walk(disk, testDir, o); err != nil || last <= 0 {
		t.Errorf("%d bytes, %v", last, err)
	}
}

// BenchmarkWalk walks along messages of 1 KB.
func BenchmarkWalk(b *testing.B) {
	dir, count := b.TempDir(), fedmsgtest.Count(100_000, 1_000_000)
	l := openLog(b, dir, Options{})
	for i := 0; i < count; i += 2000 {
		mustSubmit(b, l, records(i, 2000, 1000)...)
	}
	for b.Loop() {
		n := 0
		err := Walk(dir, WalkOptions{Visit: func(*fedmsg.Entry) bool { n++; return true }})
		if err != nil || n != count {
			b.Fatal(fmt.Sprint(n, err))
		}
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
