package deliver

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// damage writes something else into a file.
func damage(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAdrift holds that a sink whose place is damaged stops alone, says why, how far it had come at least and what to do, and goes on
// where an operator puts it; that of what is behind that nothing is said to be delivered that may not have been; and that it is so over
// pauses and restarts.
func TestAdrift(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, one, two, logged := newMemLog(), &fakeSink{}, &fakeSink{}, &logBuffer{}
		begin := func() *Set {
			t.Helper()
			s, err := New([]Configured{{Config: config(t, "one"), Sink: one}, {Config: config(t, "two"), Sink: two}},
				Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks", Logger: slog.New(slog.NewTextHandler(logged, nil))})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := begin()
		if err := s.Adrift(); err != nil {
			t.Error(err)
		}
		s.Start()
		log.add("org.test.a", 6)
		settleDown(time.Minute)
		stop(t, s)
		damage(t, dir+"/places/sink-one", "yesterday\n")

		s = begin()
		if err := s.Adrift(); fedmsg.CodeOf(err) != fedmsg.CodeBadPosition || !strings.Contains(err.Error(), dir+"/places/sink-one") {
			t.Errorf("%v", err)
		}
		s.Start()
		log.add("org.test.a", 4)
		settleDown(time.Minute)
		wantGot(t, one, upTo(6))
		wantGot(t, two, upTo(10))
		for range 2 {
			st := s.List()[0]
			if st.State != StateStopped || st.Position != at(6) || st.Lag != 4 {
				t.Errorf("%+v", st)
			}
			for _, want := range []string{"places/sink-one", "fedmsg sink rewind one --to POSITION", "to " + at(6).String() + " at least", `"yesterday"`} {
				if !strings.Contains(st.LastError, want) {
					t.Errorf("no %q in %q", want, st.LastError)
				}
			}
			if err := s.Resume("one"); err == nil || !strings.Contains(err.Error(), "stays stopped") || !strings.Contains(err.Error(), "`fedmsg sink rewind one --to POSITION`") {
				t.Errorf("resumed without a place: %v", err)
			}
			if c := s.Checks()[0]; c.Status != ops.Failed || !strings.Contains(c.Text, "fedmsg sink rewind one --to POSITION") || strings.Contains(c.Text, dir) {
				t.Errorf("%+v", c)
			}
			if c := s.Checks()[1]; c.Status != ops.OK {
				t.Errorf("%+v", c)
			}
			for seq, want := range map[uint64]fedmsg.DeliveryState{6: "delivered", 7: "pending"} {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
					t.Errorf("entry %d: %+v", seq, d)
				}
			}
			if err := s.Pause("one"); err != nil { // it is none the less stopped
				t.Error(err)
			}
			synctest.Wait()
		}
		if n := logged.count(`level=ERROR msg="a sink has stopped" sink=one`); n != 1 {
			t.Errorf("%d lines tell that it has stopped:\n%s", n, logged)
		}
		if err := s.Rewind("one", at(8)); err != nil {
			t.Fatal(err)
		}
		if st := s.List()[0]; st.State != StatePaused || st.Position != at(8) || st.Skipped != 0 {
			t.Errorf("%+v", st)
		}
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		wantGot(t, one, append(upTo(6), 9, 10))
		if n := logged.count(`level=INFO msg="a sink goes on" sink=one`); n != 1 {
			t.Errorf("%d lines tell that it goes on:\n%s", n, logged)
		}
		for range 2 {
			for seq, want := range map[uint64]fedmsg.DeliveryState{6: "delivered", 7: "unknown", 8: "unknown", 9: "delivered"} {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != want || want == "unknown" && d.Reason != reasonAdrift {
					t.Errorf("entry %d: %+v", seq, d)
				}
			}
			if st := s.List()[0]; st.State != StateRunning || s.Adrift() != nil {
				t.Errorf("%+v, %v", st, s.Adrift())
			}
			stop(t, s)
			s = begin()
			s.Start()
			settleDown(time.Minute)
		}
		stop(t, s)
		wantGot(t, one, append(upTo(6), 9, 10))
	})
}

// TestAdriftWithoutTimes holds that a sink without a place of which nothing is known says so, and can be moved, also back; and that a
// place which can be read by nobody is one that is damaged.
func TestAdriftWithoutTimes(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"empty":       func(t *testing.T, path string) { damage(t, path, "") },
		"zeros":       func(t *testing.T, path string) { damage(t, path, strings.Repeat("\x00", 64)) },
		"a directory": func(t *testing.T, path string) { mkdir(t, path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log, sink := newMemLog(), &fakeSink{}
				log.add("org.test.a", 6)
				mkdir(t, dir+"/places")
				harm(t, dir+"/places/sink-one")
				s := startSet(t, log, dir, config(t, "one"), sink)
				settleDown(time.Minute)
				if st := s.List()[0]; st.State != StateStopped || st.Position != at(0) || !strings.Contains(st.LastError, "--to beginning delivers again") {
					t.Errorf("%+v", st)
				}
				wantGot(t, sink, nil)
				err := s.Rewind("one", at(0))
				if name == "a directory" {
					if st := s.List()[0]; err == nil || st.State != StateStopped {
						t.Errorf("%v, %+v", err, st)
					}
					if err := os.Remove(dir + "/places/sink-one"); err != nil {
						t.Fatal(err)
					}
					err = s.Rewind("one", at(0))
				}
				if err != nil {
					t.Fatal(err)
				}
				settleDown(time.Minute)
				wantGot(t, sink, upTo(6))
			})
		})
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedRecords holds that a sink delivers whatever has become of the files in which it wrote down what it did, and says of
// nothing that it is delivered that may not be.
func TestDamagedRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, dir string)
		want map[uint64]fedmsg.DeliveryState // of 3, which was skipped, and 5, which was delivered; 9 comes later
		says string
	}{
		{"journal", func(t *testing.T, dir string) { flip(t, dir+"/journal", `"skip"`, `"sk\xffp`) }, map[uint64]fedmsg.DeliveryState{3: "unknown", 5: "unknown", 9: "delivered"}, "single entries"},
		{"journal is a directory", func(t *testing.T, dir string) { replaceByDir(t, dir+"/journal") }, map[uint64]fedmsg.DeliveryState{3: "unknown", 5: "unknown", 9: "unknown"}, "single entries"},
		{"filter", func(t *testing.T, dir string) { damage(t, dir+"/filter", "\x00\x00") }, map[uint64]fedmsg.DeliveryState{3: "skipped", 5: "unknown", 9: "delivered"}, "wanted before"},
		{"filter is a directory", func(t *testing.T, dir string) { replaceByDir(t, dir+"/filter") }, map[uint64]fedmsg.DeliveryState{3: "skipped", 5: "unknown"}, "wanted before"},
		{"times", func(t *testing.T, dir string) { damage(t, dir+"/times", "\x00\x00") }, map[uint64]fedmsg.DeliveryState{3: "skipped", 5: "delivered", 9: "delivered"}, ""},
		{"times is a directory", func(t *testing.T, dir string) { replaceByDir(t, dir+"/times") }, map[uint64]fedmsg.DeliveryState{3: "skipped", 5: "delivered", 9: "delivered"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				log, sink, logged := newMemLog(), &fakeSink{}, &logBuffer{}
				log.add("org.test.a", 3)
				settleDown(2 * time.Hour)
				log.add("org.test.a", 5)
				cfg := config(t, "one")
				cfg.MaxAge = time.Hour
				s := startSet(t, log, dir, cfg, sink)
				settleDown(time.Minute)
				stop(t, s)
				wantGot(t, sink, from(4, 8))
				c.harm(t, dir+"/sinks/one")
				for i := range 2 {
					s, err := New([]Configured{{Config: cfg, Sink: sink}}, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks", Logger: slog.New(slog.NewTextHandler(logged, nil))})
					if err != nil {
						t.Fatal(err)
					}
					s.Start()
					if i == 0 {
						log.add("org.test.a", 2)
					}
					settleDown(time.Minute)
					wantGot(t, sink, from(4, 10))
					for seq, want := range c.want {
						if d := s.Deliveries(log.entry(seq))[0]; d.State != want {
							t.Errorf("entry %d: %+v, want %s", seq, d, want)
						}
					}
					stop(t, s)
				}
				if c.says != "" && !strings.Contains(logged.String(), c.says) {
					t.Errorf("the log does not say %q:\n%s", c.says, logged)
				}
			})
		})
	}
}

func replaceByDir(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mkdir(t, path)
}

// flip changes some bytes of a file.
func flip(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%q, %v", text, err)
	}
	damage(t, path, strings.Replace(string(text), from, to, 1))
}

// TestAdopted holds that what a sink wrote down, and gave up, before its log was adopted holds of the entries that are in both, and of
// no other.
func TestAdopted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		old, refuses := newMemLog(), true
		old.id = oldLog
		old.add("org.test.a", 4)
		settleDown(2 * time.Hour)
		old.add("org.test.a", 4)
		cfg := config(t, "one")
		cfg.MaxAge = time.Hour
		s := startSet(t, old, dir, cfg, refusing(&refuses, 6, 14))
		settleDown(time.Minute)
		if err := s.Pause("one"); err != nil {
			t.Fatal(err)
		}
		last := old.add("org.test.a", 4).Position
		for _, err := range []error{s.Rewind("one", last), s.Resume("one")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		old.add("org.test.a", 2)
		settleDown(time.Minute)
		want := map[uint64]fedmsg.DeliveryState{4: "skipped", 5: "delivered", 6: "dead", 10: "skipped", 11: "skipped", 14: "dead"}
		check := func(log *memLog) {
			t.Helper()
			for seq, state := range want {
				if d := s.Deliveries(log.entry(seq))[0]; d.State != state || d.Time.IsZero() {
					t.Errorf("entry %d: %+v, want %s", seq, d, state)
				}
			}
		}
		check(old)
		stop(t, s)

		adopted, sink := newMemLog(), refusing(&refuses, 6)
		adopted.ancestor, adopted.limit = oldLog, 10 // and goes on with others
		adopted.add("org.test.a", 14)
		begin := func() {
			t.Helper()
			var err error
			s, err = New([]Configured{{Config: cfg, Sink: sink}}, Deps{Log: adopted, Places: dir + "/places", Dir: dir + "/sinks", Ancestors: map[fedmsg.LogID]uint64{oldLog: 10}})
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			settleDown(time.Minute)
		}
		begin()
		wantGot(t, sink, from(11, 14))
		want[11], want[14] = "delivered", "delivered"
		check(adopted)
		stop(t, s)
		begin()
		check(adopted)
		if err := s.DeadRetry(t.Context(), "one", 1); err == nil {
			t.Error("it was refused and went through")
		}
		check(adopted)
		sink.change(func() { refuses = false })
		if err := s.DeadRetry(t.Context(), "one", 1); err != nil {
			t.Error(err)
		}
		want[6] = "delivered"
		check(adopted)
		stop(t, s)
	})
}
