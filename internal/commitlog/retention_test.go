package commitlog

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// TestTrimBySize fills a log beyond its limit.
func TestTrimBySize(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, MaxBytes: 20_000})
	r := l.Reader(0)
	defer r.Close() //nolint:errcheck // nothing was written
	for i := range 200 {
		mustSubmit(t, l, record(i, 300))
		if i == 0 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if b := l.Info().Bytes; b > 20_000 {
			t.Fatalf("%d bytes after %d entries", b, i)
		}
	}
	info := l.Info()
	if info.Last != 200 || info.First < 100 || info.First > 190 {
		t.Fatalf("%+v", info)
	}
	names, err := disk.List(testDir)
	if err != nil || len(names) > 2*info.Segments+3 {
		t.Fatalf("%v %v", names, err)
	}
	// The reader is in a segment that was removed under it: it reads that to its end, and then learns of the gap.
	next := uint64(2)
	for ; ; next++ {
		e, err := r.Next()
		if gap, ok := err.(*fedmsg.Gap); ok {
			if gap.Reason != fedmsg.GapTrimmed || gap.From.Seq != next || gap.To.Seq != l.Info().First-1 {
				t.Fatalf("%v at %d", gap, next)
			}
			break
		}
		if err != nil || e.Position.Seq != next {
			t.Fatalf("%+v %v at %d", e, err, next)
		}
	}
	if next < 3 {
		t.Errorf("the reader lost its segment at %d", next)
	}
	if e, err := r.Next(); err != nil || e.Position.Seq != l.Info().First {
		t.Errorf("%+v %v", e, err)
	}
	if _, ok, err := l.Find(record(1, 0).ID); ok || err != nil {
		t.Errorf("a removed entry is found: %v %v", ok, err)
	}
}

// TestTrimOrder removes several segments at once: the removal of each is durable before the next one goes, or a crash could
// leave a hole.
func TestTrimOrder(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, MaxBytes: 40_000, QueueBytes: 40_000, SegmentBytes: 2000})
	for l.Info().Bytes < 35_000 {
		mustSubmit(t, l, record(int(l.Info().Last), 300))
	}
	removed, pending := 0, false
	disk.SetHooks(nil, func(_ int, op durabletest.Op, name string) error {
		switch {
		case op == durabletest.OpSyncDir:
			pending = false
		case op == durabletest.OpRemove && strings.HasSuffix(name, segmentSuffix):
			if pending {
				t.Errorf("%s goes before the removal of the one in front of it is durable", name)
			}
			removed, pending = removed+1, true
		}
		return nil
	})
	mustSubmit(t, l, record(10_000, 15_000))
	disk.SetHooks(nil, nil) // the keeper may be at work
	if removed < 3 {
		t.Errorf("%d segments were removed", removed)
	}
}

// TestPinHolds fills a log while a reader holds its entries: publishing stops, nothing is removed, and it goes on when the
// reader does.
func TestPinHolds(t *testing.T) {
	position := fedmsg.Position{}
	pins := func() []Pin {
		return []Pin{{Name: "archive", Position: position, Hold: true}, {Name: "other", Position: fedmsg.Position{}, Hold: false}}
	}
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk(), MaxBytes: 20_000, Pins: func() []Pin { return pins() }})
	fill := func() int {
		for i := range 100 {
			out := submit(t, l, record(int(l.Info().Last), 300))
			if out[0].Err != nil {
				if fedmsg.CodeOf(out[0].Err) != fedmsg.CodeStorageFull {
					t.Fatal(out[0].Err)
				}
				return i
			}
		}
		return 100
	}
	position.Log = l.Info().ID
	n := fill()
	if n < 10 || n > 50 || l.Info().First != 1 {
		t.Fatalf("%d entries, %+v", n, l.Info())
	}
	if s := l.Health()[1]; s.Level != Failed || !contains(s.Text, "archive") {
		t.Errorf("%+v", s)
	}
	if s := l.Health()[5]; s.Level != Warning || !contains(s.Text, "archive") {
		t.Errorf("%+v", s)
	}
	if out := submit(t, l, record(3, 300), record(999, 300)); !out[0].Receipt.Duplicate || fedmsg.CodeOf(out[1].Err) != fedmsg.CodeStorageFull {
		t.Errorf("at the limit: %+v", out)
	}
	position.Seq = uint64(n / 2)
	if fill() == 0 || l.Info().First == 1 || l.Info().First > position.Seq+1 {
		t.Errorf("after the reader went on: %+v", l.Info())
	}
	if entries, gaps := readAll(t, l, position.Seq); len(gaps) > 0 || len(entries) == 0 {
		t.Errorf("the reader that held has %v", gaps)
	}
	pins = func() []Pin { return nil }
	if n := fill(); n != 100 {
		t.Errorf("without pins: %d", n)
	}
	if s := l.Health()[1]; s.Level != OK {
		t.Errorf("%+v", s)
	}
}

// TestPinOfAncestor has a reader that saw entries of an ancestor which this log does not have: it reads on from where the
// two went apart, so that what came there since is held for it.
func TestPinOfAncestor(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, records(0, 5, 100)...)
	before := l.Info().ID
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(testDir, Options{FS: disk}); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, testDir, Options{FS: disk, Pins: func() []Pin {
		return []Pin{{Name: "archive", Position: fedmsg.Position{Log: before, Seq: 50}, Hold: true}}
	}})
	if h := l.holds(); h.after != 5 {
		t.Errorf("%+v, the reader reads on behind 5", h)
	}
}

// TestOptionBounds keeps the number of segments, and the largest write, in proportion to the log.
func TestOptionBounds(t *testing.T) {
	o := Options{SegmentBytes: 64 << 10, MaxBytes: 10 << 30, QueueBytes: 8 << 20}.withDefaults()
	if n := o.MaxBytes / o.SegmentBytes; n > maxSegments || o.QueueBytes != 8<<20 {
		t.Errorf("%d segments, %+v", n, o)
	}
	if o := (Options{MaxBytes: 1 << 20}).withDefaults(); o.SegmentBytes > 1<<18 || o.QueueBytes > 1<<19 {
		t.Errorf("%+v", o)
	}
}

// TestTrimByAge lets time pass over a log.
func TestTrimByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLog(t, testDir, Options{FS: durabletest.NewDisk(), MaxAge: 8 * time.Hour})
		for i := range 48 {
			mustSubmit(t, l, record(i, 100))
			time.Sleep(time.Hour)
		}
		info := l.Info()
		if info.Last != 48 || info.First < 36 || info.First > 42 {
			t.Fatalf("%+v", info)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if info := l.Info(); info.Last != 48 || info.First != 49 || info.Segments != 1 {
			t.Errorf("a log without news keeps %d to %d in %d segments", info.First, info.Last, info.Segments)
		}
		if r := mustSubmit(t, l, record(100, 100)); r[0].Seq != 49 {
			t.Errorf("%+v", r)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestClock steps the clock both ways: receive times never decrease, also over a restart, and Health warns.
func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	o := Options{FS: durabletest.NewDisk(), Now: func() time.Time { return now }}
	l := openLog(t, testDir, o)
	last := time.Time{}
	n := 0
	put := func(want time.Time, level Level) {
		t.Helper()
		n++
		r := mustSubmit(t, l, record(n, 10))[0]
		if !r.Received.Equal(want) || r.Received.Before(last) {
			t.Errorf("received %v, want %v", r.Received, want)
		}
		last = r.Received
		if s := l.Health()[3]; s.Level != level {
			t.Errorf("%+v", s)
		}
	}
	noon := now
	put(noon, OK)
	now = noon.Add(-500 * time.Millisecond)
	put(noon, OK)
	now = noon.Add(-time.Minute)
	put(noon, Warning)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, testDir, o)
	if s := l.Health()[3]; s.Level != Warning {
		t.Errorf("after a restart: %+v", s)
	}
	put(noon, Warning)
	now = noon.Add(3 * time.Hour)
	put(now, OK)
}

// TestClockStep compares the wall clock with the monotonic one.
func TestClockStep(t *testing.T) {
	base := time.Now() // with a monotonic reading
	steps := []time.Time{base, base.Add(time.Second)}
	c := clock{now: func() time.Time { n := steps[0]; steps = steps[1:]; return n }}
	c.next()
	if _, step, _ := c.next(); step != 0 {
		t.Errorf("a second that passed is a step of %v", step)
	}
	// A clock that was set: its monotonic reading went on by nothing, its wall time by an hour. Such a value can only be
	// had by taking the reading off one side, which the clock sees as time that has passed; a step back shows.
	steps = []time.Time{base.Round(0).Add(-time.Hour)}
	c.before = base.Round(0)
	if _, step, behind := c.next(); step != -time.Hour || behind < time.Hour {
		t.Errorf("step %v, behind %v", step, behind)
	}
}
