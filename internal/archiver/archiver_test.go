package archiver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestEverythingOnce starts and stops archivers while entries come and the store fails at any operation, before and behind doing it.
func TestEverythingOnce(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, commitlog.Options{})
	s.store.set(sometimes(rand.New(rand.NewPCG(seed, 1)), 4), sometimes(rand.New(rand.NewPCG(seed, 2)), 4))
	s.publish(100)
	for range 20 {
		a := s.start()
		end := s.publish(1 + rnd.IntN(100))
		if rnd.IntN(2) == 0 {
			s.await(a, end)
		}
		s.stop(a)
	}
	a := s.start()
	s.await(a, s.publish(1))
	s.equal(1)
}

// TestBatches holds the sizes of batches within their limits: what is behind comes in large ones.
func TestBatches(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	end := s.publish(2*maxEntries + 5)
	s.await(s.start(), end)
	s.equal(1)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if got := s.store.sizes; !slices.Equal(got, []int{maxEntries, maxEntries, 5}) {
		t.Errorf("batches of %d, want two full ones and one of 5", got)
	}
}

// TestStoreDown has the store fail to open, then to write: searching is refused, the health and the metrics say why, publishing goes
// on, retention is held, and all comes in when the store is back.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	down := fedmsg.Errorf(fedmsg.CodeUnavailable, "the database is away")
	s.store.set(always("open", down), nil)
	a := s.start()
	<-a.Tried()
	end := s.publish(3)
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	if _, err := a.Searcher(); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(fmt.Sprint(err), "the database is away") {
		t.Errorf("searching: %v, want %s and the reason", err, fedmsg.CodeUnavailable)
	}
	if c := a.Checks()[0]; c.Status != ops.Failed || !strings.Contains(c.Text, "the database is away") {
		t.Errorf("health is %+v, want failed with the reason", c)
	}
	if st := a.Status(); st.Lag != 3 || st.Trouble == "" || st.Since.IsZero() {
		t.Errorf("status is %+v, want a lag of 3 and the trouble", st)
	}
	s.holds(0)
	s.store.set(nil, nil)
	s.await(a, end)
	s.store.set(always("append", errStore), nil)
	end = s.publish(3)
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	s.holds(3)
	s.store.set(nil, nil)
	s.await(a, end)
	s.equal(1)
	s.holds(6)
	if _, err := a.Searcher(); err != nil {
		t.Error(err)
	}
	if c := a.Checks()[0]; c.Status != ops.OK {
		t.Errorf("health is %+v, want ok", c)
	}
}

// holds holds the saved place against a number. The place is saved before those who wait are told.
func (s *site) holds(seq uint64) {
	s.t.Helper()
	b, err := os.ReadFile(s.deps.Place)
	if err != nil {
		s.t.Fatal(err)
	}
	want := fedmsg.Position{Log: s.live.Log(), Seq: seq}
	if got := strings.TrimSpace(string(b)); got != want.String()+" hold" {
		s.t.Errorf("the saved place is %q, want %s hold", got, want)
	}
}

// TestFullDiskKeepsSearching has the store's disk full: what is there can be searched all the while.
func TestFullDiskKeepsSearching(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	a := s.start()
	s.await(a, s.publish(3))
	s.store.set(always("append", fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full")), nil)
	end := s.publish(1)
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	all, err := fedmsg.ParsePattern("#")
	if err != nil {
		t.Fatal(err)
	}
	search, err := a.Searcher()
	if err != nil {
		t.Fatal(err)
	}
	page, err := search.Search(t.Context(), &archive.Query{Filter: filter.Filter{Scope: []fedmsg.Pattern{all}}, Limit: 10})
	if err != nil || len(page.Rows) != 3 {
		t.Errorf("searching found %d rows, %v; want 3", len(page.Rows), err)
	}
	if c := a.Checks()[0]; c.Status != ops.Failed || !strings.Contains(c.Text, "the disk is full") {
		t.Errorf("health is %+v, want failed with the reason", c)
	}
	s.store.set(nil, nil)
	s.await(a, end)
	s.equal(1)
}

// TestLostStore puts an empty store in place of the old one while the archiver runs: it is filled again from the log, and retention is
// held meanwhile.
func TestLostStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	a := s.start()
	s.await(a, s.publish(5))
	s.store.set(always("append", errStore), nil)
	end := s.publish(1)
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	s.stop(a)
	s.store = &faulty{Store: archivetest.NewMemory()}
	s.store.set(always("append", errStore), nil)
	a = s.start()
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	s.holds(0)
	s.store.set(nil, nil)
	s.await(a, end)
	s.equal(1)
}

// TestGap takes entries out of the log that the archive has not: they are counted once, however often the store fails behind them, and
// the archive goes on behind them.
func TestGap(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{SegmentBytes: 1 << 10, MaxBytes: 32 << 10, QueueBytes: 8 << 10})
	a := s.start()
	s.await(a, s.publish(5))
	s.stop(a)
	for s.log.Info().First < 50 {
		s.publish(50)
	}
	first := s.log.Info().First
	s.store.set(always("append", errStore), nil)
	a = s.start()
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	s.store.set(nil, nil)
	s.await(a, s.live.Last())
	if st := a.Status(); st.Missed != first-6 {
		t.Errorf("%d entries are missed, want %d", st.Missed, first-6)
	}
	if c := a.Checks()[0]; c.Status != ops.Warning {
		t.Errorf("health is %+v, want a warning", c)
	}
	if got, want := fmt.Sprint(a.Gaps()), fmt.Sprint([]fedmsg.Gap{{From: a.at(6), To: a.at(first - 1), Reason: fedmsg.GapTrimmed}}); got != want {
		t.Errorf("the gaps are %s, want %s", got, want)
	}
	rows := s.rows()
	if want := 5 + s.made - int(first) + 1; len(rows) != want || rows[5] != fmt.Sprintf("m-%d", first) {
		t.Errorf("the archive has %d rows: %s; want %d, the first five and those from m-%d on", len(rows), excerpt(rows), want, first)
	}
}

// TestBeginsOnOldLog begins an archive on a log whose beginning is gone: nothing that was ever in the archive is missing.
func TestBeginsOnOldLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{SegmentBytes: 1 << 10, MaxBytes: 32 << 10, QueueBytes: 8 << 10})
	for s.log.Info().First < 50 {
		s.publish(50)
	}
	a := s.start()
	s.await(a, s.live.Last())
	if st := a.Status(); st.Missed != 0 {
		t.Errorf("%d entries are missed, want none", st.Missed)
	}
	first := s.log.Info().First
	s.equal(int(first))
	if got, want := fmt.Sprint(a.Gaps()), fmt.Sprint([]fedmsg.Gap{{From: a.at(1), To: a.at(first - 1), Reason: fedmsg.GapTrimmed}}); got != want {
		t.Errorf("the gaps are %s, want %s", got, want)
	}
}

// TestAdopted goes on behind what was archived before the log was adopted.
func TestAdopted(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	a := s.start()
	s.await(a, s.publish(5))
	s.stop(a)
	s.closeLog()
	if _, err := commitlog.Adopt(s.dir+"/log", s.o); err != nil {
		t.Fatal(err)
	}
	s.openLog()
	a = s.start()
	s.await(a, s.publish(2))
	s.equal(1)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if got := s.store.sizes[len(s.store.sizes)-1]; got > 2 {
		t.Errorf("%d entries were put into the archive after the log was adopted, want the 2 new ones", got)
	}
}

// TestRestoredLog has an archive that is ahead of its log, which has gone on with other entries under the same numbers: all of the log
// comes into the archive, and a person is told.
func TestRestoredLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	s.publish(3)
	lost := fedmsg.Position{Log: s.live.Log(), Seq: 9}
	if _, err := s.store.Append(t.Context(), nil, lost); err != nil {
		t.Fatal(err)
	}
	a := s.start()
	s.await(a, s.live.Last())
	s.equal(1)
	if c := a.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "log adopt") {
		t.Errorf("health is %+v, want a warning with the cure", c)
	}
	if p, err := s.store.Position(t.Context(), s.live.Log()); err != nil || p.Seq != 3 {
		t.Errorf("the store is at %s, %v; want 3", p, err)
	}
}

// TestDamagedPlace starts on a place that cannot be understood: the store knows better.
func TestDamagedPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	end := s.publish(3)
	if err := os.WriteFile(s.deps.Place, []byte("rubbish rubbish rubbish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.await(s.start(), end)
	s.holds(3)
}

// TestAwait waits for what is there, what comes, and what does not.
func TestAwait(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	a := s.start()
	s.await(a, s.publish(1))
	s.await(a, fedmsg.Position{Log: s.live.Log(), Seq: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.store.set(always("append", errStore), nil)
	next := s.publish(1)
	if err := a.Await(ctx, next); fedmsg.CodeOf(err) != fedmsg.CodeTimeout && fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("waiting in no time: %v, want %s or %s", err, fedmsg.CodeTimeout, fedmsg.CodeUnavailable)
	}
	s.store.set(nil, nil)
	s.await(a, next)
	for _, other := range []fedmsg.Position{{Log: "aaaaaaaaaaaa", Seq: 1}, {Log: s.live.Log(), Seq: 99}} {
		if err := a.Await(t.Context(), other); fedmsg.CodeOf(err) != fedmsg.CodeBadPosition {
			t.Errorf("waiting for %s: %v, want %s", other, err, fedmsg.CodeBadPosition)
		}
	}
}

// TestStopWhileStoreHangs stops in the middle of an attempt to open the store.
func TestStopWhileStoreHangs(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	hangs := make(chan struct{})
	s.deps.Open = func(ctx context.Context) (archive.Store, error) {
		close(hangs)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	a := s.start()
	<-hangs
	if c := a.Checks()[0]; c.Status != ops.OK {
		t.Errorf("health is %+v, want ok at first", c)
	}
	a.busy(time.Now().Add(-time.Minute))
	if c := a.Checks()[0]; c.Status != ops.Warning {
		t.Errorf("health is %+v, want a warning after a minute", c)
	}
	s.stop(a)
}
