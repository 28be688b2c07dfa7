package deliver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// refusing is a destination that refuses these entries for good while it is told to.
func refusing(refuses *bool, entries ...uint64) *fakeSink {
	return &fakeSink{fate: func(seq uint64, _ int) fateOf {
		for _, e := range entries {
			if *refuses && e == seq {
				return fatePermanent
			}
		}
		return fateOK
	}}
}

// TestDroppedIsNotDelivered holds that an entry whose dead letter was dropped is told of as skipped, also later, until it is delivered.
func TestDroppedIsNotDelivered(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, refuses := newMemLog(), true
		sink := refusing(&refuses, 3)
		log.add("org.test.a", 6)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(time.Minute)
		if err := s.DeadDrop("one", 1); err != nil {
			t.Fatal(err)
		}
		check := func(want fedmsg.DeliveryState, reason string) {
			t.Helper()
			if d := s.Deliveries(log.entry(3))[0]; d.State != want || d.Reason != reason {
				t.Errorf("%+v", d)
			}
			for _, seq := range []uint64{2, 4} {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != fedmsg.DeliveryDelivered {
					t.Errorf("entry %d: %+v", seq, d)
				}
			}
		}
		check(fedmsg.DeliverySkipped, reasonDropped)
		stop(t, s)
		s = startSet(t, log, dir, config(t, "one"), sink)
		check(fedmsg.DeliverySkipped, reasonDropped)
		sink.change(func() { refuses = false })
		if err := s.Rewind("one", at(2)); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		check(fedmsg.DeliveryDelivered, "")
	})
}

// TestDroppedWhilePending holds that a dropped letter says nothing of an entry that is to be sent again.
func TestDroppedWhilePending(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, refuses := newMemLog(), true
		sink := refusing(&refuses, 3)
		log.add("org.test.a", 6)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(time.Minute)
		sink.change(func() { refuses = false })
		for _, err := range []error{s.Pause("one"), s.Rewind("one", at(1)), s.DeadDrop("one", 1)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryPending {
			t.Errorf("%+v", d)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
	})
}

// TestLetterGoesWithDelivery holds that the dead letter of an entry goes when that is delivered after all, one that is refused again
// stays, and that the entry is pending in between.
func TestLetterGoesWithDelivery(t *testing.T) {
	for _, restart := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			log, refuses := newMemLog(), true
			sink := refusing(&refuses, 2, 4, 5, 9)
			log.add("org.test.a", 10)
			s := startSet(t, log, dir, config(t, "one"), sink)
			settleDown(time.Minute)
			check := func(letters int, want map[uint64]fedmsg.DeliveryState) {
				t.Helper()
				if st := s.List()[0]; st.Dead != letters {
					t.Errorf("%+v", st)
				}
				for seq, state := range want {
					if d := s.Deliveries(log.entry(seq))[0]; d.State != state {
						t.Errorf("entry %d: %+v", seq, d)
					}
				}
			}
			check(4, map[uint64]fedmsg.DeliveryState{2: "dead", 3: "delivered", 4: "dead", 5: "dead", 9: "dead"})
			for _, err := range []error{s.Pause("one"), s.Rewind("one", at(3))} {
				if err != nil {
					t.Fatal(err)
				}
			}
			check(4, map[uint64]fedmsg.DeliveryState{2: "dead", 3: "delivered", 4: "pending", 5: "pending", 9: "pending"})
			if restart {
				stop(t, s)
				s = startSet(t, log, dir, config(t, "one"), sink)
			}
			sink.change(func() {
				fate := sink.fate
				sink.fate = func(seq uint64, times int) fateOf {
					if seq == 4 || seq == 9 {
						return fateOK
					}
					return fate(seq, times)
				}
			})
			if err := s.Resume("one"); err != nil {
				t.Fatal(err)
			}
			if d := s.Wait(patient(t), log.entry(9), "one")[0]; d.State != fedmsg.DeliveryDelivered {
				t.Errorf("%+v", d)
			}
			settleDown(time.Minute)
			check(2, map[uint64]fedmsg.DeliveryState{2: "dead", 3: "delivered", 4: "delivered", 5: "dead", 9: "delivered"})
			r := s.runners[0]
			r.mu.Lock()
			if len(r.redeemed) > 0 {
				t.Errorf("still to be removed: %v", r.redeemed)
			}
			r.mu.Unlock()
		})
	}
}

// TestRetriedIsDelivered holds that an entry whose dead letter went through is delivered, by then, also where what the sink wants was
// changed behind it; until the sink is moved back before it.
func TestRetriedIsDelivered(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, refuses := newMemLog(), true
		sink := refusing(&refuses, 3)
		log.add("org.test.a", 6)
		cfg := config(t, "one")
		s := startSet(t, log, dir, cfg, sink)
		settleDown(time.Minute)
		stop(t, s)
		cfg.Topics = patterns(t, "org.test.#")
		s = startSet(t, log, dir, cfg, sink)
		settleDown(time.Hour)
		sink.change(func() { refuses = false })
		if err := s.DeadRetry(t.Context(), "one", 1); err != nil {
			t.Fatal(err)
		}
		by := time.Now()
		settleDown(time.Hour)
		for range 2 {
			for seq, want := range map[uint64]fedmsg.DeliveryState{2: "unknown", 3: "delivered", 4: "unknown"} {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != want || seq == 3 && by.Sub(d.Time).Abs() > time.Second {
					t.Errorf("entry %d: %+v, want %s by %s", seq, d, want, by)
				}
			}
			stop(t, s)
			s = startSet(t, log, dir, cfg, sink)
			settleDown(time.Minute)
		}
		for _, err := range []error{s.Pause("one"), s.Rewind("one", at(1))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryPending {
			t.Errorf("%+v", d)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		again := time.Now()
		settleDown(time.Minute)
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryDelivered || again.Sub(d.Time).Abs() > time.Second {
			t.Errorf("%+v, want it delivered by %s", d, again)
		}
	})
}
