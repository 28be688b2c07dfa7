package deliver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestNotNow holds that a destination which says that it takes nothing now costs no entry and blames none, in whatever way it says so
// and however long.
func TestNotNow(t *testing.T) {
	for name, how := range map[string]fateOf{"done": fateNotNow, "lost": fateEndsNotNow, "send": fateSendNotNow} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log, fate := newMemLog(), how
				sink := &fakeSink{fate: func(uint64, int) fateOf { return fate }}
				cfg := config(t, "one")
				cfg.Attempts = 3
				log.add("org.test.a", 20)
				s := startSet(t, log, dir, cfg, sink)
				settleDown(time.Hour)
				if st := s.List()[0]; st.Dead != 0 || st.State != StateWaiting || st.LastError != "the disk is full" || st.Retried < 100 {
					t.Errorf("%+v", st)
				}
				if d := s.Deliveries(log.entry(1))[0]; d.State != fedmsg.DeliveryPending || d.Reason != "the disk is full" {
					t.Errorf("%+v", d)
				}
				r := s.runners[0]
				r.mu.Lock()
				if r.alone() || len(r.marks) > 0 {
					t.Errorf("entries are suspected: %+v, %v", r.blame, r.marks)
				}
				r.mu.Unlock()
				sink.change(func() { fate = fateOK })
				settleDown(time.Minute)
				wantGot(t, sink, upTo(20))
			})
		})
	}
}

// TestNotNowBehindSome holds that what was taken before and behind an entry that was not is kept, and that the entry goes on.
func TestNotNowBehindSome(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		sink := &fakeSink{fate: func(seq uint64, times int) fateOf {
			if seq == 3 && times < 30 {
				return fateNotNow
			}
			return fateOK
		}}
		log.add("org.test.a", 6)
		start := time.Now()
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		if time.Since(start) != 0 || s.List()[0].InFlight != 0 {
			t.Error("the session lasts though all is answered")
		}
		settleDown(time.Hour)
		wantGot(t, sink, []uint64{1, 2, 4, 5, 6, 3})
	})
}

// TestNotNowOfLetter holds that a retry which the destination takes nothing of counts no attempt.
func TestNotNowOfLetter(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, fate := newMemLog(), fatePermanent
		sink := &fakeSink{fate: func(uint64, int) fateOf { return fate }}
		log.add("org.test.a", 1)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		sink.change(func() { fate = fateNotNow })
		if err := s.DeadRetry(t.Context(), "one", 1); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
			t.Errorf("%v", err)
		}
		if l, err := s.DeadGet("one", 1); err != nil || l.Attempts != 1 {
			t.Errorf("%+v, %v", l, err)
		}
	})
}
