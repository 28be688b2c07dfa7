package deliver

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestRedactedIsSkipped holds that what was redacted is not sent, whatever the sink wants, is told of as skipped, and keeps nothing waiting.
func TestRedactedIsSkipped(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 5)
		e := log.entry(3)
		*e = fedmsg.Entry{Position: e.Position, Received: e.Received, ID: e.ID, Topic: e.Topic, Redacted: true}
		s := startSet(t, log, dir, config(t, "people"), sink)
		settleDown(time.Minute)
		wantGot(t, sink, []uint64{1, 2, 4, 5})
		if d := s.Deliveries(e)[0]; d.State != fedmsg.DeliverySkipped || !strings.Contains(d.Reason, "redacted") {
			t.Errorf("%+v", d)
		}
		if st := s.List()[0]; st.Skipped != 1 || st.Position != at(5) {
			t.Errorf("%+v", st)
		}
		stop(t, s)
	})
}

// erasing starts a sink of a node that redacts a message when the flag is set, without its log saying so of what was read before.
func erasing(t *testing.T, log Log, dir string, c Config, sink Sink, seq uint64) (s *Set, erased *atomic.Bool) {
	t.Helper()
	erased = new(atomic.Bool)
	s, err := New([]Configured{{Config: c, Sink: sink}}, Deps{
		Log: log, Places: dir + "/places", Dir: dir + "/sinks", Logger: slog.New(slog.DiscardHandler),
		Redacted: func(e *fedmsg.Entry) bool { return erased.Load() && e.Position.Seq == seq },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(t, s) })
	return s, erased
}

// TestRedactedAfterItWasRead holds that what a paused sink had read is not sent when it was redacted before the sink goes on.
func TestRedactedAfterItWasRead(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		s, erased := erasing(t, log, dir, config(t, "people"), sink, 1)
		if err := s.Pause("people"); err != nil {
			t.Fatal(err)
		}
		log.add("org.test.a", 2)
		e := log.entry(1)
		settleDown(time.Minute) // it has read the first
		erased.Store(true)
		if err := s.Resume("people"); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		wantGot(t, sink, []uint64{2})
		if d := s.Deliveries(e)[0]; d.State != fedmsg.DeliverySkipped || d.Reason != reasonRedacted {
			t.Errorf("%+v", d)
		}
		stop(t, s)
	})
}

// TestRedactedWhileUnderWay holds that what is given up after it was redacted is not kept as a dead letter, also where that waited for
// room among them.
func TestRedactedWhileUnderWay(t *testing.T) {
	for _, full := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			var erased *atomic.Bool
			log, cfg := newMemLog(), config(t, "people")
			sink := &fakeSink{fate: func(seq uint64, _ int) fateOf {
				if seq == 1 && full {
					return fatePermanent
				}
				if seq == 3 {
					erased.Store(!full)
					return fatePermanent
				}
				return fateOK
			}}
			cfg.DeadLetters = 1
			s, flag := erasing(t, log, dir, cfg, sink, 3)
			erased = flag
			log.add("org.test.a", 5)
			settleDown(time.Minute)
			letters := 0
			if full {
				letters = 1
				if st := s.List()[0]; st.State != StateStopped {
					t.Fatalf("%+v", st)
				}
				erased.Store(true)
				settleDown(time.Hour)
			}
			if st := s.List()[0]; st.Dead != letters || st.Position != at(5) || st.Skipped != 1 {
				t.Errorf("%+v", st)
			}
			if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliverySkipped || d.Reason != reasonRedacted {
				t.Errorf("%+v", d)
			}
			stop(t, s)
		})
	}
}

// TestRedactedIsNotTriedAgain holds that a dead letter of what was redacted is not sent, where somebody is quicker than its removal.
func TestRedactedIsNotTriedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, refuses := newMemLog(), true
		sink := refusing(&refuses, 1)
		s, erased := erasing(t, log, dir, config(t, "people"), sink, 1)
		log.add("org.test.a", 1)
		settleDown(time.Minute)
		erased.Store(true)
		sink.change(func() { refuses = false })
		if err := s.DeadRetry(patient(t), "people", 1); fedmsg.CodeOf(err) != fedmsg.CodeRedacted {
			t.Error(err)
		}
		wantGot(t, sink, nil)
		stop(t, s)
	})
}
