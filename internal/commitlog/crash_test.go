package commitlog

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

var errStopped = errors.New("the process was stopped here")

// long reports whether full counts are wanted.
func long() bool { return os.Getenv("FEDMSG_TEST_LONG") == "1" }

// seeded gives a source of randomness whose seed is printed. FEDMSG_TEST_SEED repeats one.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("FEDMSG_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

const testDir = "/state/log"

// script does a little of everything on a log over disk and ends early when the disk stops.
func script(disk durable.FS, dir string, m *model, o Options) error {
	o.FS, o.Committed = disk, m.commit
	for round := range 3 {
		l, err := Open(dir, o)
		if err != nil {
			return err
		}
		err = scriptRound(l, m, round)
		if e := l.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func scriptRound(l *Log, m *model, round int) error {
	for i := range 4 {
		from := round*40 + i*10
		if err := m.submit(l, records(from, 10, 60+17*i)...); err != nil {
			return err
		}
		if err := m.submit(l, record(from, 60+17*i), record(round*3, 60)); err != nil {
			return err
		}
	}
	return nil
}

var scriptOptions = Options{SegmentBytes: 4 << 10}

// stopAt makes the disk stop at the n-th operation: before it, or when it was done and nobody could be told.
func stopAt(disk *durabletest.Disk, n int, happens bool) {
	disk.SetHooks(func(k int, _ durabletest.Op, _ string) error {
		if k > n || k == n && !happens {
			return errStopped
		}
		return nil
	}, func(k int, _ durabletest.Op, _ string) error {
		if k >= n {
			return errStopped
		}
		return nil
	})
}

// TestCrashAfterEveryOperation stops the log at each operation of the file layer, and looks at what a disk may hold then.
func TestCrashAfterEveryOperation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"keep", scriptOptions},
		{"trim", Options{SegmentBytes: 4 << 10, MaxBytes: 24 << 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rnd := seeded(t)
			disk := durabletest.NewDisk()
			if err := script(disk, testDir, newModel(), c.o); err != nil {
				t.Fatal(err)
			}
			last := disk.Ops()
			t.Logf("%d operations", last)
			tries := 2
			if long() {
				tries = 50
			}
			for n := 1; n <= last; n++ {
				for _, happens := range []bool{false, true} {
					crashAt(t, c.o, n, happens, tries, rnd)
				}
			}
		})
	}
}

func crashAt(t *testing.T, o Options, n int, happens bool, tries int, rnd *rand.Rand) {
	t.Helper()
	disk, m := durabletest.NewDisk(), newModel()
	stopAt(disk, n, happens)
	if err := script(disk, testDir, m, o); err == nil {
		return // the keeper did one operation less this time
	}
	fates := []durabletest.Fate{durabletest.LoseAll, durabletest.KeepAll}
	for range tries {
		fates = append(fates, durabletest.Some)
	}
	for _, fate := range fates {
		after := disk.Crash(fate, rnd)
		if err := m.clone().verify(after, testDir, o); err != nil {
			t.Fatalf("stopped at operation %d, done=%v, fate %d: %v", n, happens, fate, err)
		}
	}
	// The process alone dies, the next one goes on with what it finds in memory, and then the power is cut.
	disk.Restart()
	if err := m.verify(disk, testDir, o); err != nil {
		t.Fatalf("stopped at operation %d, done=%v, restarted: %v", n, happens, err)
	}
	if err := m.verify(disk.Crash(durabletest.LoseAll, nil), testDir, o); err != nil {
		t.Fatalf("stopped at operation %d, done=%v, power cut after a restart: %v", n, happens, err)
	}
}

// without runs the script over a disk that leaves some operations out, pulls the plug when all is acknowledged, and gives
// what the model says.
func without(t *testing.T, skip func(op durabletest.Op, name string) bool) error {
	t.Helper()
	disk, m := durabletest.NewDisk(), newModel()
	disk.SetSkip(skip)
	o := scriptOptions
	o.FS, o.Committed = disk, m.commit
	l := openLog(t, testDir, o)
	if err := scriptRound(l, m, 0); err != nil {
		t.Fatal(err)
	}
	after := disk.Crash(durabletest.LoseAll, nil) // while the log is open: nothing is tidied up before
	return m.verify(after, testDir, scriptOptions)
}

// TestPowerCut is the counterpart of the tests below: with all operations in place nothing is lost.
func TestPowerCut(t *testing.T) {
	if err := without(t, nil); err != nil {
		t.Fatal(err)
	}
}

// TestWithoutSyncIsNoticed shows that the crash tests would notice a log that does not sync its data.
func TestWithoutSyncIsNoticed(t *testing.T) {
	err := without(t, func(op durabletest.Op, name string) bool {
		return op == durabletest.OpSync && strings.HasSuffix(name, segmentSuffix)
	})
	if err == nil || !strings.Contains(err.Error(), "is lost") && !strings.Contains(err.Error(), "gap from") {
		t.Fatalf("the loss was not noticed: %v", err)
	}
}

// TestWithoutSyncDirIsNoticed shows that the crash tests would notice a log that does not sync its directory.
func TestWithoutSyncDirIsNoticed(t *testing.T) {
	err := without(t, func(op durabletest.Op, _ string) bool { return op == durabletest.OpSyncDir })
	if err == nil || !strings.Contains(err.Error(), "is lost") {
		t.Fatalf("the loss was not noticed: %v", err)
	}
}

// TestWithoutDedupIndexIsNoticed shows that the model and Check notice a log whose index forgets ids.
func TestWithoutDedupIndexIsNoticed(t *testing.T) {
	disk, m := durabletest.NewDisk(), newModel()
	o := scriptOptions
	o.FS, o.Committed = disk, m.commit
	l := openLog(t, testDir, o)
	if err := m.submit(l, records(0, 100, 60)...); err != nil {
		t.Fatal(err)
	}
	if err := m.submit(l, records(100, 10, 60)...); err != nil { // rolls
		t.Fatal(err)
	}
	for _, s := range l.snapshot() {
		if s.full.Load() == nil {
			continue
		}
		for s.full.Load().disk == nil { // the keeper is about to put it there
			runtime.Gosched()
		}
		s.full.Store(&fullIndex{mem: &memIndex{}})
	}
	if err := m.submit(l, record(5, 60)); err == nil || !strings.Contains(err.Error(), "the first one was") {
		t.Fatalf("the model did not notice the duplicate: %v", err)
	}
	var found []Finding
	if _, err := check(disk, testDir, func(f Finding) { found = append(found, f) }); err != nil {
		t.Fatal(err)
	}
	if !hasKind(found, FindingDuplicate) {
		t.Fatalf("Check did not notice the duplicate: %+v", found)
	}
}

func hasKind(found []Finding, kind FindingKind) bool {
	for _, f := range found {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// clone lets one history be verified several times, each with its own future.
func (m *model) clone() *model {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newModel()
	for k, v := range m.submitted {
		c.submitted[k] = v
	}
	for k, v := range m.acked {
		c.acked[k] = v
	}
	for k, v := range m.committed {
		c.committed[k] = v
	}
	return c
}
