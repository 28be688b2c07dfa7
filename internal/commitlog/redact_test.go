package commitlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// secretly is a record whose envelope, signer, sender and signatures have a word in them that is nowhere else.
func secretly(n int) fedmsg.Record {
	r := record(n, 300)
	r.Envelope = bytes.Replace(r.Envelope, []byte("xxxxxxxx"), []byte("sEcReT-1"), 1)
	r.Sender, r.Signer, r.Signatures = "uid:sEcReT-2", "sEcReT-3", []byte(`[{"sig":"sEcReT-4"}]`)
	return r
}

// mustRedact erases a record.
func mustRedact(t testing.TB, l *Log, r fedmsg.Record) fedmsg.Entry {
	t.Helper()
	e, found, err := l.Redact(context.Background(), r.ID, sha256.Sum256(r.Envelope))
	if err != nil || !found {
		t.Fatalf("Redact: %v, found %t", err, found)
	}
	return e
}

// holds reports whether any file of a disk has the text.
func holds(disk *durabletest.Disk, text string) string {
	names, _ := disk.List(testDir)
	for _, name := range names {
		if bytes.Contains(disk.Bytes(testDir+"/"+name), []byte(text)) {
			return name
		}
	}
	return ""
}

// TestRedact erases entries of full segments and of the one that is written to. What is left says that it was erased, no file has
// the bytes any more, also after a crash, everything else stays as it was, and the log checks.
func TestRedact(t *testing.T) {
	t.Parallel()
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk, SegmentBytes: 4000})
	secret := map[uint64]bool{1: true, 3: true, 20: true, 39: true, 40: true}
	for i := range 40 {
		r := record(i, 300)
		if secret[uint64(i+1)] {
			r = secretly(i)
		}
		mustSubmit(t, l, r)
	}
	before, _ := readAll(t, l, 0)
	behind := l.Reader(2) // it has read on when 3 is erased
	defer behind.Close()  //nolint:errcheck // nothing was written
	if e, err := behind.Next(); err != nil || e.Redacted {
		t.Fatal(e, err)
	}
	reader := l.Reader(18)
	defer reader.Close() //nolint:errcheck // nothing was written
	if _, err := reader.Next(); err != nil {
		t.Fatal(err)
	}
	for n := range secret {
		e := mustRedact(t, l, secretly(int(n-1)))
		mustRedact(t, l, secretly(int(n-1))) // a second time changes nothing
		if !e.Redacted || e.Position.Seq != n || e.Envelope != nil || e.Sender+e.Signer+string(e.Signatures) != "" || !e.Origin.IsZero() {
			t.Errorf("what is left of %d: %+v", n, e)
		}
	}
	if e, err := reader.Next(); err != nil || e.Position.Seq != 20 || !e.Redacted {
		t.Errorf("a reader that had read on gave %v, erased %t, %v", e.Position, e.Redacted, err)
	}
	l = reopen(t, l, disk)
	for _, disk := range []*durabletest.Disk{disk, disk.Crash(durabletest.LoseAll, nil)} {
		if name := holds(disk, "sEcReT"); name != "" {
			t.Errorf("%s has the bytes still", name)
		}
	}
	after, gaps := readAll(t, l, 0)
	if len(gaps) > 0 || len(after) != len(before) {
		t.Fatalf("%d entries and %v", len(after), gaps)
	}
	for i := range after {
		a, b := after[i], before[i]
		if secret[a.Position.Seq] {
			if want := (fedmsg.Entry{Position: b.Position, Received: b.Received, ID: b.ID, Topic: b.Topic, Made: b.Made, Redacted: true}); fmt.Sprint(a) != fmt.Sprint(want) {
				t.Errorf("%+v is left, not %+v", a, want)
			}
		} else if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%+v became %+v", b, a)
		}
	}
	sum, err := check(disk, testDir, func(f Finding) { t.Errorf("%s: %s", f.Kind, f.Text) })
	if err != nil || sum.Entries != 40 {
		t.Errorf("%+v %v", sum, err)
	}
}

func reopen(t *testing.T, l *Log, disk *durabletest.Disk) *Log {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return openLog(t, testDir, Options{FS: disk, SegmentBytes: 4000})
}

// TestRedactedIDs holds that nobody publishes on the id of what was erased, be it in the log or only known to have been; that
// another envelope than the one that is meant stays; and that what is not there is not found.
func TestRedactedIDs(t *testing.T) {
	t.Parallel()
	l := openLog(t, testDir, Options{FS: durabletest.NewDisk(), Redacted: func(id string) bool { return id == record(9, 10).ID }})
	mustSubmit(t, l, record(1, 10), record(2, 10))
	mustRedact(t, l, record(1, 10))
	for i, want := range map[int]fedmsg.Code{1: fedmsg.CodeRedacted, 2: "", 3: "", 9: fedmsg.CodeRedacted} {
		if out := submit(t, l, record(i, 10)); fedmsg.CodeOf(out[0].Err) != want {
			t.Errorf("record %d: %v, not %q", i, out[0].Err, want)
		}
	}
	other := record(2, 11)
	if _, _, err := l.Redact(t.Context(), other.ID, sha256.Sum256(other.Envelope)); fedmsg.CodeOf(err) != fedmsg.CodeIDConflict {
		t.Errorf("another envelope: %v", err)
	}
	if e, found, err := l.Find(other.ID); err != nil || !found || e.Redacted {
		t.Errorf("%+v %t %v", e, found, err)
	}
	if _, found, err := l.Redact(t.Context(), "nobody", [sha256.Size]byte{}); found || err != nil {
		t.Errorf("of nothing: %t %v", found, err)
	}
}

// TestRedactCrash stops the disk at each of its operations, loses what was not synced, in part and in any order, and holds: no entry
// is ever damaged, what Redact has returned stays erased, and the rest stays as it was.
func TestRedactCrash(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	rnd := rand.New(rand.NewPCG(3, 4))
	for n, ended := 1, false; !ended; n++ {
		disk := durabletest.NewDisk()
		l, err := Open(testDir, Options{FS: disk, SegmentBytes: 2000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			mustSubmit(t, l, secretly(i))
		}
		if err := l.Close(); err != nil { // its keeper is done
			t.Fatal(err)
		}
		if l, err = Open(testDir, Options{FS: disk, SegmentBytes: 2000}); err != nil {
			t.Fatal(err)
		}
		before := disk.Ops()
		disk.SetHooks(func(k int, _ durabletest.Op, _ string) error {
			if k-before >= n {
				return stopped
			}
			return nil
		}, nil)
		done := map[uint64]bool{}
		for _, i := range []int{1, 9} {
			if _, _, err := l.Redact(t.Context(), secretly(i).ID, sha256.Sum256(secretly(i).Envelope)); err == nil {
				done[uint64(i+1)] = true
			}
		}
		ended = len(done) == 2 && disk.Ops()-before < n
		crashes := make([]*durabletest.Disk, 10)
		for k := range crashes {
			crashes[k] = disk.Crash(durabletest.Some, rnd)
		}
		disk.SetHooks(nil, nil)
		_ = l.Close()
		for _, d := range crashes {
			checkErased(t, n, d, done)
		}
	}
}

// checkErased opens what a crash left.
func checkErased(t *testing.T, n int, disk *durabletest.Disk, done map[uint64]bool) {
	t.Helper()
	for range 2 { // beside it, and again behind the start
		err := walk(disk, testDir, WalkOptions{
			Damage: func(f Finding) { t.Fatalf("stopped at %d: %s", n, f.Text) },
			Visit: func(e *fedmsg.Entry) bool {
				if done[e.Position.Seq] && !e.Redacted || e.Redacted && e.Position.Seq != 2 && e.Position.Seq != 10 {
					t.Fatalf("stopped at %d: entry %d is there: %t, done: %v", n, e.Position.Seq, !e.Redacted, done)
				}
				return true
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(testDir, Options{FS: disk, SegmentBytes: 2000})
		if err != nil {
			t.Fatalf("stopped at %d: %v", n, err)
		}
		if entries, gaps := readAll(t, l, 0); len(entries) != 10 || len(gaps) > 0 {
			t.Fatalf("stopped at %d: %d entries, %v", n, len(entries), gaps)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if name := holds(disk, intentName); name != "" || strings.Contains(fmt.Sprint(disk.List(testDir)), intentName) {
		t.Fatalf("stopped at %d: the note is left", n)
	}
}

// TestRedactBesideReaders erases while others read, look for ids and walk: they see an entry or what is left of it, and no damage.
func TestRedactBesideReaders(t *testing.T) {
	t.Parallel()
	const entries = 60
	dir := t.TempDir()
	l := openLog(t, dir, Options{SegmentBytes: 200 << 10})
	for i := range entries {
		mustSubmit(t, l, record(i, 20<<10))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begun := make(chan struct{}, 3)
	again := func(do func()) {
		wg.Go(func() {
			do()
			begun <- struct{}{}
			for ctx.Err() == nil {
				do()
			}
		})
	}
	again(func() {
		if got, gaps := readAllOrFail(t, l); len(gaps) > 0 || got != entries {
			t.Errorf("a reader got %d entries and %v", got, gaps)
		}
	})
	again(func() {
		for i := range entries {
			if e, found, err := l.Find(record(i, 0).ID); err != nil || !found || !e.Redacted && len(e.Envelope) < 20<<10 {
				t.Errorf("Find of %d: %t %v", i, found, err)
			}
		}
	})
	again(func() {
		err := Walk(dir, WalkOptions{Damage: func(f Finding) { t.Error(f.Text) }, Visit: func(*fedmsg.Entry) bool { return true }})
		if err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		<-begun
	}
	for i := range entries {
		mustRedact(t, l, record(i, 20<<10))
	}
	cancel()
	wg.Wait()
	for _, s := range l.Health() {
		if s.Level != OK {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
	}
}

// readAllOrFail is readAll for goroutines that are not the test's.
func readAllOrFail(t *testing.T, l *Log) (entries int, gaps []fedmsg.Gap) {
	r := l.Reader(0)
	defer r.Close() //nolint:errcheck // nothing was written
	for {
		_, err := r.Next()
		var gap *fedmsg.Gap
		switch {
		case err == nil:
			entries++
		case errors.As(err, &gap):
			gaps = append(gaps, *gap)
		case errors.Is(err, io.EOF):
			return entries, gaps
		default:
			t.Error(err)
			return entries, gaps
		}
	}
}

// TestRedactEveryCopy erases an id that is in the log twice, because the disk could not read the first when it came again: in the
// segment that is written to, in full ones, and in an index that was made while the disk could not read. While it cannot, Redact says
// that it is not certain; when it can, both are erased.
func TestRedactEveryCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		full int  // records behind it
		late bool // it is asked for only when the disk can read again
	}{{"written to", 0, false}, {"full", 40, false}, {"written to, late", 0, true}, {"full, late", 40, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disk := durabletest.NewDisk()
			o := Options{FS: disk, SegmentBytes: 16 << 10}
			l := openLog(t, testDir, o)
			mustSubmit(t, l, record(0, 6000), secretly(1), record(2, 6000)) // the secret is in the second page, and the first is longer
			for i := range c.full {
				mustSubmit(t, l, record(10+i, 1000))
			}
			segment := logFiles(t, disk, segmentSuffix)[0]
			disk.SetBad(segment, 1)
			again := submit(t, l, secretly(1))
			if again[0].Err != nil || again[0].Receipt.Duplicate {
				t.Fatalf("it was not stored a second time: %+v", again[0])
			}
			sum := sha256.Sum256(secretly(1).Envelope)
			doubtful := func() bool {
				_, _, err := l.Redact(t.Context(), secretly(1).ID, sum)
				return fedmsg.CodeOf(err) == fedmsg.CodeUnavailable
			}
			if !c.late && !doubtful() {
				t.Errorf("while the disk cannot read it is said to be erased")
			}
			if c.full > 0 { // the index is made without what cannot be read
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				for _, name := range append(logFiles(t, disk, indexSuffix), testDir+"/"+markName) {
					if err := disk.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
				l = openLog(t, testDir, o)
				if !c.late && !doubtful() {
					t.Errorf("with an index that lacks what cannot be read it is said to be erased")
				}
			}
			disk.SetBad(segment)
			for i := 0; i < 1_000_000 && l.Health()[4].Level == Failed; i++ {
				l.probe()
				runtime.Gosched()
			}
			e, found, err := l.Redact(t.Context(), secretly(1).ID, sum)
			if err != nil || !found || !e.Redacted {
				t.Errorf("when it can: %t %t %v", found, e.Redacted, err)
			}
			if name := holds(disk, "sEcReT"); name != "" {
				t.Errorf("%s has the bytes still", name)
			}
		})
	}
}
