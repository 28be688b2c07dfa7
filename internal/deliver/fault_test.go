package deliver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// firsts is got without what came again.
func firsts(got []uint64) []uint64 {
	var once []uint64
	for _, seq := range got {
		if !slices.Contains(once, seq) {
			once = append(once, seq)
		}
	}
	return once
}

// once has a fate befall each k-th entry the first time it comes.
func once(k uint64, what fateOf) func(uint64, int) fateOf {
	return func(seq uint64, times int) fateOf {
		if seq%k == 0 && times == 1 {
			return what
		}
		return fateOK
	}
}

// TestFaultsInPairs has each thing fail, and fail although it happened: everything arrives, what can be kept in order is, and
// nothing is given up.
func TestFaultsInPairs(t *testing.T) {
	for _, c := range []struct {
		name    string
		fate    fateOf
		ordered bool
		again   bool // some come twice
	}{
		{"refused for now", fateFail, false, false},
		{"refused for now but it happened", fateFailHappened, true, true},
		{"connection lost", fateLost, true, false},
		{"connection lost but it happened", fateLostHappened, true, true},
		{"no answer", fateSilent, true, false},
		{"no answer but it happened", fateSilentHappened, true, true},
		{"send fails", fateSendFails, true, true},
	} {
		for _, inFlight := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s/%d", c.name, inFlight), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					log, sink := newMemLog(), &fakeSink{fate: once(5, c.fate)}
					cfg := config(t, "one")
					cfg.InFlight = inFlight
					log.add("org.test.a", 40)
					s := startSet(t, log, dir, cfg, sink)
					settleDown(time.Hour)
					got := sink.all()
					if c.ordered || inFlight == 1 {
						if once := firsts(got); !slices.Equal(once, upTo(40)) {
							t.Errorf("the destination has first %v", once)
						}
					}
					sorted := slices.Sorted(slices.Values(firsts(got)))
					if !slices.Equal(sorted, upTo(40)) {
						t.Errorf("the destination has %v", got)
					}
					if twice := len(got) > 40; twice && !c.again && c.fate != fateSendFails {
						t.Errorf("%d entries came again", len(got)-40)
					}
					st := s.List()[0]
					if st.Dead != 0 || st.Position != at(40) || st.State != StateRunning || st.Retried == 0 {
						t.Errorf("%+v", st)
					}
				})
			})
		}
	}
}

// TestPermanentIsBuried holds that what is refused for good lies with the dead letters and those behind it go on at once.
func TestPermanentIsBuried(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(seq uint64, _ int) fateOf {
			if seq == 3 {
				return fatePermanent
			}
			return fateOK
		}}
		log.add("org.test.a", 10)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		wantGot(t, sink, append(upTo(2), from(4, 10)...))
		l, err := s.DeadGet("one", 1)
		if err != nil {
			t.Fatal(err)
		}
		if l.Entry == nil || l.Entry.Position != at(3) || l.Code != fedmsg.CodeTooLarge || l.Attempts != 1 || !strings.Contains(l.Reason, "too large") {
			t.Errorf("%+v", l)
		}
		d := s.Deliveries(log.entry(3))[0]
		if d.State != fedmsg.DeliveryDead || d.Reason != l.Reason || d.Time.IsZero() {
			t.Errorf("%+v", d)
		}
		opens, _ := sink.sessions()
		if st := s.List()[0]; st.Position != at(10) || st.Dead != 1 || st.Retried != 0 || opens != 1 {
			t.Errorf("%+v, %d sessions", st, opens)
		}
	})
}

// TestAttemptsEnd holds that an entry which is refused again and again is given up behind the last attempt, with growing waits, and
// that others go on.
func TestAttemptsEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		sink := &fakeSink{fate: func(seq uint64, _ int) fateOf {
			if seq == 3 {
				return fateFail
			}
			return fateOK
		}}
		cfg := config(t, "one")
		cfg.Attempts, cfg.InFlight = 4, 1
		log.add("org.test.a", 6)
		start := time.Now()
		s := startSet(t, log, dir, cfg, sink)
		d := s.Wait(patient(t), log.entry(6), "one")[0]
		if d.State != fedmsg.DeliveryDelivered {
			t.Fatalf("%+v", d)
		}
		wantGot(t, sink, []uint64{1, 2, 4, 5, 6})
		if took := time.Since(start); took < 350*time.Millisecond || took > 1500*time.Millisecond {
			t.Errorf("four attempts took %s", took) // three waits of 100, 200 and 400 ms, or half as long; and one behind the last
		}
		if sink.times[3] != 4 {
			t.Errorf("it was tried %d times", sink.times[3])
		}
		if l, err := s.DeadGet("one", 1); err != nil || l.Attempts != 4 || l.Entry.Position != at(3) {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

// poisonous has the connection break at some entries, whatever else was on its way.
func poisonous(poison ...uint64) func(uint64, int) fateOf {
	return func(seq uint64, _ int) fateOf {
		if slices.Contains(poison, seq) {
			return fateLost
		}
		return fateOK
	}
}

// TestPoisonIsFound holds that entries which break the connection, without a word which it was, are found and given up, one or many
// of them in a row, and no others; and all others arrive.
func TestPoisonIsFound(t *testing.T) {
	for _, c := range []struct {
		name    string
		poison  []uint64
		ordered bool
	}{
		{"one", []uint64{12}, true},
		{"the first", []uint64{1}, true},
		{"the last", []uint64{30}, true},
		{"two apart", []uint64{5, 25}, true},
		{"two in a row", []uint64{12, 13}, false},
		{"six in a row", []uint64{12, 13, 14, 15, 16, 17}, false},
	} {
		for _, mute := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/mute=%v", c.name, mute), func(t *testing.T) { findPoison(t, c.poison, c.ordered, mute) })
		}
	}
}

func findPoison(t *testing.T, poison []uint64, ordered, mute bool) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: poisonous(poison...), mute: mute}
		cfg := config(t, "one")
		cfg.Attempts = 3
		log.add("org.test.a", 30)
		s := startSet(t, log, dir, cfg, sink)
		settleDown(24 * time.Hour)
		want := slices.DeleteFunc(upTo(30), func(seq uint64) bool { return slices.Contains(poison, seq) })
		got := firsts(sink.all())
		if !ordered {
			slices.Sort(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the destination has %v", got)
		}
		letters, err := s.DeadList("one", 0, 100)
		if err != nil || len(letters) != len(poison) {
			t.Fatalf("%d dead letters, %v", len(letters), err)
		}
		for i, l := range letters {
			if l.ID != fmt.Sprintf("id-%d", poison[i]) || !strings.Contains(l.Reason, "this message alone") {
				t.Errorf("%+v", l)
			}
		}
		if st := s.List()[0]; st.Position != at(30) {
			t.Errorf("%+v", st)
		}
	})
}

// TestDestinationAtFault holds that a destination which breaks off whatever it is sent costs one entry at most, for however long it
// lasts, and that the others arrive when it is mended.
func TestDestinationAtFault(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		broken := true
		sink := &fakeSink{fate: func(uint64, int) fateOf {
			if broken {
				return fateLost
			}
			return fateOK
		}}
		cfg := config(t, "one")
		cfg.Attempts = 3
		log.add("org.test.a", 30)
		s := startSet(t, log, dir, cfg, sink)
		settleDown(24 * time.Hour)
		if st := s.List()[0]; st.Dead > 1 || st.State != StateWaiting || st.LastError == "" || st.Lag < 29 || st.LagTime < 86000 {
			t.Errorf("%+v", st)
		}
		sink.change(func() { broken = false })
		settleDown(time.Hour)
		if st := s.List()[0]; st.Dead > 1 || st.Position != at(30) {
			t.Errorf("%+v", st)
		}
		got := slices.Sorted(slices.Values(firsts(sink.all())))
		if !slices.Equal(got, from(2, 30)) {
			t.Errorf("the destination has %v", got)
		}
	})
}

// TestSendRefuses holds that Send can refuse for good too.
func TestSendRefuses(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(seq uint64, _ int) fateOf {
			if seq == 2 {
				return fateSendPermanent
			}
			return fateOK
		}}
		log.add("org.test.a", 4)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		wantGot(t, sink, []uint64{1, 3, 4})
		if l, err := s.DeadGet("one", 1); err != nil || l.Reason != "entry 2 cannot be written" || l.Code != fedmsg.CodeUnavailable {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

// TestOpenHangs holds that an attempt to connect ends when nobody answers, and at once when the sink is paused or stopped.
func TestOpenHangs(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{hang: true}
		log.add("org.test.a", 4)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(10 * time.Minute)
		if opens, _ := sink.sessions(); opens < 9 || opens > 20 {
			t.Errorf("it was tried %d times in 10 minutes", opens)
		}
		if d := s.Deliveries(log.entry(1))[0]; d.State != fedmsg.DeliveryPending || d.Reason == "" {
			t.Errorf("%+v", d)
		}
		start := time.Now()
		check(t, s.Pause("one"))
		check(t, s.Resume("one"))
		synctest.Wait()
		stop(t, s)
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// TestNobodyIsBlamed holds that silence and a destination that cannot be reached never cost an entry.
func TestNobodyIsBlamed(t *testing.T) {
	for _, how := range []string{"open fails", "silence", "one entry in silence"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log, away := newMemLog(), true
				sink := &fakeSink{}
				switch how {
				case "open fails":
					sink.open = func(int) error {
						if away {
							return errors.New("connection refused")
						}
						return nil
					}
				default:
					sink.fate = func(seq uint64, _ int) fateOf {
						if away && (seq == 4 || how == "silence") {
							return fateSilent
						}
						return fateOK
					}
				}
				cfg := config(t, "one")
				cfg.Attempts = 2
				log.add("org.test.a", 10)
				s := startSet(t, log, dir, cfg, sink)
				settleDown(24 * time.Hour)
				if st := s.List()[0]; st.Dead != 0 || st.Position.Seq > 3 || st.LastError == "" {
					t.Errorf("%+v", st)
				}
				if opens, _ := sink.sessions(); opens < 1000 || opens > 6000 { // every 15 to 30 s, or with 30 s of silence more
					t.Errorf("it was tried %d times in a day", opens)
				}
				sink.change(func() { away = false })
				settleDown(time.Hour)
				wantGot(t, sink, upTo(10))
			})
		})
	}
}

// TestBlockedSend holds that a destination which takes nothing, so that Send blocks, is left in the end, and keeps nobody from
// pausing, moving and stopping the sink.
func TestBlockedSend(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{block: make(chan struct{})}
		log.add("org.test.a", 10)
		s := startSet(t, log, dir, config(t, "one"), sink)
		settleDown(35 * time.Second)
		if st := s.List()[0]; st.Retried != 1 || !strings.Contains(st.LastError, "does not answer") {
			t.Errorf("%+v", st)
		}
		start := time.Now()
		if err := s.Pause("one"); err != nil {
			t.Fatal(err)
		}
		if err := s.Rewind("one", at(5)); err != nil {
			t.Fatal(err)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
		start = time.Now()
		stop(t, s)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if got := sink.all(); len(got) != 0 {
			t.Errorf("it has %v", got)
		}
	})
}

// TestWaitsBeginAnew holds that waits are short again behind an outage that is over, and grow while nothing is delivered.
func TestWaitsBeginAnew(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		away := true
		log, sink := newMemLog(), &fakeSink{open: func(int) error {
			if away {
				return errors.New("connection refused")
			}
			return nil
		}}
		cfg := config(t, "one")
		cfg.Attempts = 1000
		s := startSet(t, log, dir, cfg, sink)
		settleDown(10 * time.Minute)
		check(t, s.Pause("one"))
		before, _ := sink.sessions()
		check(t, s.Resume("one")) // whoever says so wants it to be tried soon
		settleDown(320 * time.Millisecond)
		if after, _ := sink.sessions(); after-before < 3 {
			t.Errorf("it was tried %d times", after-before)
		}
		settleDown(10 * time.Minute)
		sink.change(func() { away = false })
		settleDown(time.Minute)
		log.add("org.test.a", 1)
		synctest.Wait()
		sink.current().answers.Lost(errors.New("restarted"))
		settleDown(110 * time.Millisecond)
		if st := s.List()[0]; st.State != StateRunning {
			t.Errorf("%+v", st)
		}
		sink.change(func() { sink.fate = func(uint64, int) fateOf { return fateLost } })
		before, _ = sink.sessions()
		log.add("org.test.a", 1)
		settleDown(10 * time.Minute)
		if after, _ := sink.sessions(); after-before < 20 || after-before > 60 {
			t.Errorf("it was tried %d times in 10 minutes", after-before)
		}
	})
}

// TestIdleConnectionLost holds that a connection which is lost while nothing is under way is opened again, and nothing is blamed.
func TestIdleConnectionLost(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		s := startSet(t, log, dir, config(t, "one"), sink)
		for i := range 20 {
			settleDown(time.Minute)
			if st := s.List()[0]; st.State != StateRunning || st.Retried != 0 {
				t.Fatalf("%+v", st)
			}
			sink.current().answers.Lost(errors.New("connection reset by peer"))
			synctest.Wait()
			if st := s.List()[0]; st.State != StateWaiting {
				t.Fatalf("%+v", st)
			}
			if i == 10 {
				log.add("org.test.a", 3)
			}
		}
		settleDown(time.Minute)
		wantGot(t, sink, upTo(3))
		if opens, closes := sink.sessions(); opens != 21 || closes != 20 {
			t.Errorf("%d sessions were opened and %d closed", opens, closes)
		}
	})
}

// TestStaleAnswers holds that what a session says behind its end, twice, or of entries that it was not sent counts for nothing.
func TestStaleAnswers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		sink := &fakeSink{fate: func(seq uint64, times int) fateOf {
			if seq == 3 && times < 3 {
				return fateSilent
			}
			return fateOK
		}}
		cfg := config(t, "one")
		cfg.RetryFirst, cfg.RetryMax = 10*time.Second, 10*time.Second
		log.add("org.test.a", 6)
		s := startSet(t, log, dir, cfg, sink)
		synctest.Wait()
		old := sink.current()
		old.answers.Done(1, nil)
		old.answers.Done(77, nil)
		old.answers.Done(0, errors.New("no such entry"))
		old.answers.Done(5, nil)
		old.answers.Done(5, nil)
		old.answers.Done(5, errors.New("and yet not"))
		if st := s.List()[0]; st.Position != at(2) || st.Delivered != 3 || st.InFlight != 3 {
			t.Errorf("%+v", st)
		}
		for range 2 { // between the sessions, and while the next one waits for the same answers
			settleDown(31 * time.Second)
			old.answers.Done(3, nil)
			old.answers.DoneThrough(6)
			old.answers.Done(3, Permanent(errors.New("no")))
			old.answers.Lost(errors.New("gone"))
			old.answers.Remark(3, "well")
			if st := s.List()[0]; st.Position != at(2) || st.Delivered != 3 || st.Dead != 0 || st.Remarked != 0 {
				t.Errorf("%+v", st)
			}
		}
		settleDown(5 * time.Minute)
		wantGot(t, sink, []uint64{1, 2, 3, 4, 6})
	})
}
