package deliver

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

func TestPauseHoldsOverRestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 5)
		s := newSet(t, log, dir, config(t, "one"), sink)
		s.Start()
		synctest.Wait()
		if err := s.Pause("one"); err != nil {
			t.Fatal(err)
		}
		if opens, closes := sink.sessions(); opens != closes {
			t.Error("a session is open while the sink is paused")
		}
		log.add("org.test.a", 5)
		settleDown(time.Minute)
		wantGot(t, sink, upTo(5))
		if d := s.Deliveries(log.entry(7))[0]; d.State != fedmsg.DeliveryPending || d.Reason != "the sink is paused" {
			t.Errorf("%+v", d)
		}
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "paused") {
			t.Errorf("%+v", c)
		}
		stop(t, s)
		s = startSet(t, log, dir, config(t, "one"), sink)
		settleDown(time.Minute)
		wantGot(t, sink, upTo(5))
		if st := s.List()[0]; st.State != StatePaused || st.Lag != 5 || st.LagTime < 120 {
			t.Errorf("%+v", st)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantGot(t, sink, upTo(10))
	})
}

func TestRewind(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 10)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(5 * time.Second)
		if err := s.Rewind("one", at(7)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantGot(t, sink, append(upTo(10), from(8, 10)...))
		if err := s.Pause("one"); err != nil {
			t.Fatal(err)
		}
		log.add("org.test.a", 10)
		if err := s.Rewind("one", at(15)); err != nil {
			t.Fatal(err)
		}
		if p := s.Places()["one"]; p != at(15) {
			t.Errorf("the saved place is %s", p)
		}
		d := s.Deliveries(log.entry(12))[0]
		if d.State != fedmsg.DeliverySkipped || !strings.Contains(d.Reason, "operator") {
			t.Errorf("%+v", d)
		}
		if st := s.List()[0]; st.Skipped != 5 {
			t.Errorf("%+v", st)
		}
		if err := s.Rewind("one", at(11)); err != nil { // and what was skipped is no longer so
			t.Fatal(err)
		}
		if d := s.Deliveries(log.entry(12))[0]; d.State != fedmsg.DeliveryPending {
			t.Errorf("%+v", d)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantGot(t, sink, slices.Concat(upTo(10), from(8, 10), from(12, 20)))
		for seq, want := range map[uint64]fedmsg.DeliveryState{10: "delivered", 11: "skipped", 12: "delivered", 20: "delivered"} {
			if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
		for _, p := range []fedmsg.Position{{}, at(21), {Log: "aaaaaaaaaaaa", Seq: 3}} {
			if err := s.Rewind("one", p); fedmsg.CodeOf(err) != fedmsg.CodeBadPosition {
				t.Errorf("moving to %q: %v", p, err)
			}
		}
		if st := s.List()[0]; st.Position != at(20) {
			t.Errorf("%+v", st)
		}
	})
}

func TestUnknownNames(t *testing.T) {
	s := newSet(t, newMemLog(), t.TempDir(), config(t, "rabbit"), &fakeSink{})
	defer stop(t, s)
	_, get := s.DeadGet("rabit", 1)
	_, list := s.DeadList("rabit", 0, 1)
	for _, err := range []error{
		s.Check("rabbit", "rabit"), s.Pause("rabit"), s.Resume("rabit"), s.Rewind("rabit", at(1)), get, list,
		s.DeadDrop("rabit", 1), s.DeadRetry(t.Context(), "rabit", 1),
	} {
		if fedmsg.CodeOf(err) != fedmsg.CodeNotFound || !strings.Contains(err.Error(), `did you mean "rabbit"?`) {
			t.Errorf("%v", err)
		}
	}
	if err := s.Check("rabbit"); err != nil {
		t.Error(err)
	}
	if err := s.Pause("rabbit"); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("not started: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		cfg := config(t, "one")
		cfg.IdleTimeout, cfg.Topics = 10*time.Second, patterns(t, "org.test.#")
		s := startSet(t, log, dir, cfg, sink)
		settleDown(time.Minute)
		if opens, _ := sink.sessions(); opens != 0 {
			t.Error("a connection was opened for nothing")
		}
		log.add("org.test.a", 3)
		settleDown(9 * time.Second)
		log.add("org.other", 3) // not wanted, and no reason to stay
		synctest.Wait()
		if opens, closes := sink.sessions(); opens != 1 || closes != 0 {
			t.Errorf("%d opened, %d closed", opens, closes)
		}
		settleDown(2 * time.Second)
		if _, closes := sink.sessions(); closes != 1 {
			t.Error("the idle connection stays open")
		}
		log.add("org.other", 3)
		settleDown(time.Minute)
		if opens, _ := sink.sessions(); opens != 1 {
			t.Error("an entry that is not wanted opened a connection")
		}
		if st := s.List()[0]; st.State != StateRunning || st.Lag != 0 || s.Places()["one"] != at(9) {
			t.Errorf("%+v, saved %s", st, s.Places()["one"])
		}
		log.add("org.test.a", 1)
		synctest.Wait()
		wantGot(t, sink, []uint64{1, 2, 3, 10})
	})
}

func TestMaxAge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, away := newMemLog(), false
		sink := &fakeSink{open: func(int) error {
			if away {
				return errors.New("no route to host")
			}
			return nil
		}}
		cfg := config(t, "people")
		cfg.MaxAge, cfg.IdleTimeout = time.Hour, time.Minute
		log.add("org.test.a", 3)
		s := startSet(t, log, dir, cfg, sink)
		settleDown(2 * time.Minute)
		sink.change(func() { away = true })
		log.add("org.test.a", 4)
		settleDown(50 * time.Minute)
		log.add("org.test.a", 3)
		settleDown(30 * time.Minute)
		sink.change(func() { away = false })
		settleDown(time.Minute)
		wantGot(t, sink, []uint64{1, 2, 3, 8, 9, 10})
		d := s.Deliveries(log.entry(6))[0]
		if d.State != fedmsg.DeliverySkipped || !strings.Contains(d.Reason, "max_age") || d.Time.IsZero() {
			t.Errorf("%+v", d)
		}
		if st := s.List()[0]; st.Skipped != 4 || st.Position != at(10) {
			t.Errorf("%+v", st)
		}
		stop(t, s)
		s = startSet(t, log, dir, cfg, sink)
		if d := s.Deliveries(log.entry(6))[0]; d.State != fedmsg.DeliverySkipped { // also when it is asked later
			t.Errorf("%+v", d)
		}
	})
}

func TestGapIsTold(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 4)
		s := newSet(t, log, dir, config(t, "one"), sink)
		s.Start()
		synctest.Wait()
		stop(t, s)
		log.add("org.test.a", 10)
		log.trim(9)
		s = startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		wantGot(t, sink, append(upTo(4), from(10, 14)...))
		for seq, want := range map[uint64]fedmsg.DeliveryState{4: "delivered", 5: "skipped", 9: "skipped", 10: "delivered"} {
			if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
		if st := s.List()[0]; st.Skipped != 5 {
			t.Errorf("%+v", st)
		}
	})
}

func TestLogUnreadable(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		log.breakWith(fedmsg.Errorf(fedmsg.CodeLogFailed, "the log cannot be read"))
		log.add("org.test.a", 3)
		settleDown(time.Hour)
		if st := s.List()[0]; st.State != StateStopped || !strings.Contains(st.LastError, "cannot be read") {
			t.Errorf("%+v", st)
		}
		if c := s.Checks()[0]; c.Status != ops.Failed {
			t.Errorf("%+v", c)
		}
		if err := s.Resume("one"); fedmsg.CodeOf(err) != fedmsg.CodeLogFailed || !strings.Contains(err.Error(), "stays stopped: the log cannot be read; `fedmsg check`") {
			t.Errorf("resumed with a log that cannot be read: %v", err)
		}
		if st := s.List()[0]; st.State != StateStopped {
			t.Errorf("behind the resume in vain: %+v", st)
		}
		log.breakWith(nil)
		if err := s.Resume("one"); err != nil {
			t.Error(err)
		}
		synctest.Wait() // it does not wait for its own next try
		wantGot(t, sink, upTo(3))
		if c := s.Checks()[0]; c.Status != ops.OK {
			t.Errorf("%+v", c)
		}
		log.breakWith(fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping"))
		settleDown(time.Minute)
		if st := s.List()[0]; st.State != StateRunning { // that is no fault of its own
			t.Errorf("%+v", st)
		}
	})
}

func TestWhereItBegins(t *testing.T) {
	for _, c := range []struct {
		start string
		want  []uint64
	}{{"", []uint64{7, 8}}, {"now", []uint64{7, 8}}, {"beginning", from(3, 8)}, {"k3v5q2m7x4ab-5", from(6, 8)}} {
		t.Run(c.start, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log, sink := newMemLog(), &fakeSink{open: func(int) error { return errors.New("not yet") }}
				log.add("org.test.a", 6)
				log.trim(2)
				cfg := config(t, "one")
				cfg.Start, cfg.Hold = c.start, true
				s := newSet(t, log, dir, cfg, sink)
				s.Start()
				settleDown(time.Second)
				if p := s.Places()["one"]; p != at(c.want[0]-1) { // saved, or retention could take what it waits for
					t.Errorf("the saved place is %s", p)
				}
				stop(t, s)
				log.add("org.test.a", 2)
				cfg.Start = "now" // it is new no more
				sink.change(func() { sink.open = nil })
				s = startSet(t, log, dir, cfg, sink)
				synctest.Wait()
				wantGot(t, sink, c.want)
				if st := s.List()[0]; st.Skipped != 0 {
					t.Errorf("%+v", st)
				}
				for seq := uint64(1); seq <= 8; seq++ { // what was there before is not said to be delivered
					want := fedmsg.DeliveryDelivered
					if seq < c.want[0] {
						want = fedmsg.DeliverySkipped
					}
					if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
						t.Errorf("entry %d: %+v", seq, d)
					}
				}
			})
		})
	}
}

func TestWaitForSinks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(seq uint64, times int) fateOf {
			switch {
			case seq == 2 && times < 3:
				return fateSilent
			case seq == 4:
				return fatePermanent
			}
			return fateOK
		}}
		cfg := config(t, "one")
		cfg.Topics = patterns(t, "org.test.#")
		s := startSet(t, log, dir, cfg, sink)
		log.add("org.test.a", 4)
		log.add("org.other", 1)
		for seq, want := range map[uint64]fedmsg.DeliveryState{1: "delivered", 5: "not_wanted"} {
			if d := s.Wait(patient(t), log.entry(seq), "one"); len(d) != 1 || d[0].State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d := s.Wait(ctx, log.entry(2), "one")[0]; d.State != fedmsg.DeliveryPending {
			t.Errorf("%+v", d)
		}
		start := time.Now()
		for seq, want := range map[uint64]fedmsg.DeliveryState{2: "delivered", 3: "delivered", 4: "dead"} {
			if d := s.Wait(patient(t), log.entry(seq), "one")[0]; d.State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
		if took := time.Since(start); took < 59*time.Second || took > 62*time.Second { // two silences
			t.Errorf("it took %s", took)
		}
		if n := len(s.runners[0].waiters); n != 0 {
			t.Errorf("%d are still waiting", n)
		}
		if d := s.Wait(patient(t), log.entry(1), "nobody"); len(d) != 0 {
			t.Errorf("%+v", d)
		}
	})
}

// TestSkippedAreOneLine holds that what is skipped in a row is written as one, though entries that are not wanted lie between.
func TestSkippedAreOneLine(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		for range 500 {
			log.add("org.test.a", 1)
			log.add("org.other", 1)
		}
		settleDown(2 * time.Hour)
		log.add("org.test.a", 2)
		cfg := config(t, "people")
		cfg.MaxAge, cfg.Topics = time.Hour, patterns(t, "org.test.#")
		s := startSet(t, log, dir, cfg, sink)
		settleDown(5 * time.Second)
		wantGot(t, sink, []uint64{1001, 1002})
		text, err := os.ReadFile(dir + "/sinks/people/journal")
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("\n"))
		if st := s.List()[0]; lines != 1 || st.Skipped != 500 {
			t.Errorf("%d lines, %+v", lines, st)
		}
		for seq, want := range map[uint64]fedmsg.DeliveryState{1: "skipped", 2: "not_wanted", 999: "skipped", 1001: "delivered"} {
			if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
	})
}

// TestDeliveredWhen holds that it is told by when an entry was delivered, to the second while that is fresh, also later.
func TestDeliveredWhen(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		s := startSet(t, log, dir, config(t, "one"), sink)
		var when []time.Time
		for range 50 {
			log.add("org.test.a", 1)
			synctest.Wait()
			when = append(when, time.Now())
			settleDown(700 * time.Millisecond)
		}
		check := func() {
			t.Helper()
			for i, at := range when {
				d := s.Deliveries(log.entry(uint64(i + 1)))[0]
				if off := d.Time.Sub(at); d.State != fedmsg.DeliveryDelivered || off < -time.Second || off > 2*time.Second {
					t.Fatalf("entry %d was delivered at %s: %+v", i+1, at, d)
				}
			}
		}
		check()
		stop(t, s)
		settleDown(time.Hour)
		s = startSet(t, log, dir, config(t, "one"), sink)
		check()
	})
}

func TestRemarks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{remark: func(seq uint64) string {
			if seq%10 == 0 {
				return "nobody is bound to its topic"
			}
			return ""
		}}
		s := startSet(t, log, dir, config(t, "one"), sink)
		for range 2 {
			e := log.add("org.test.a", 1000)
			synctest.Wait()
			if d := s.Deliveries(e)[0]; d.Reason == "" { // before it is written
				t.Errorf("%+v", d)
			}
			settleDown(3 * time.Second)
		}
		check := func() {
			t.Helper()
			for seq, want := range map[uint64]string{1009: "", 1010: "nobody is bound to its topic"} {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != fedmsg.DeliveryDelivered || d.Reason != want {
					t.Errorf("entry %d: %+v", seq, d)
				}
			}
		}
		check()
		if st := s.List()[0]; st.Remarked != 200 {
			t.Errorf("%+v", st)
		}
		stop(t, s)
		s = startSet(t, log, dir, config(t, "one"), sink)
		check()
	})
}
