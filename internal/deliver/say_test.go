package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// logBuffer is an operator's log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// count is how often the log says so.
func (l *logBuffer) count(text string) int { return strings.Count(l.String(), text) }

// said gives the messages since it was last asked, without their attributes.
func (l *logBuffer) said() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.b.String()) {
		_, msg, _ := strings.Cut(text, `msg="`)
		msg, _, _ = strings.Cut(msg, `"`)
		all = append(all, msg)
	}
	l.b.Reset()
	return all
}

// startLogged is startSet with a log.
func startLogged(t *testing.T, log Log, dir string, c Config, sink Sink) (*Set, *logBuffer) {
	t.Helper()
	logged := &logBuffer{}
	s, err := New([]Configured{{Config: c, Sink: sink}}, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks", Logger: slog.New(slog.NewTextHandler(logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(t, s) })
	return s, logged
}

func wantSaid(t *testing.T, l *logBuffer, want ...string) {
	t.Helper()
	if got := l.said(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log says %q, want %q", got, want)
	}
}

// TestOperatorIsTold holds that what an operator does to a sink stands in the log, one line for each.
func TestOperatorIsTold(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		log.add("org.test.a", 5)
		s, logged := startLogged(t, log, dir, config(t, "one"), &fakeSink{})
		settleDown(time.Minute)
		wantSaid(t, logged)
		for _, err := range []error{s.Pause("one"), s.Rewind("one", at(2))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		settleDown(time.Minute)
		wantSaid(t, logged, "a sink is paused", "a sink is rewound")
		stop(t, s)
		s, logged = startLogged(t, log, dir, config(t, "one"), &fakeSink{})
		settleDown(time.Minute)
		wantSaid(t, logged, "a sink is paused, as it was before")
		if err := s.Resume("one"); err != nil {
			t.Fatal(err)
		}
		settleDown(time.Minute)
		wantSaid(t, logged, "a sink is resumed")
	})
}

// TestThroughIsSaidAtAnAnswer holds that a sink is said to get through again when the destination has answered, not when it lets in;
// where nothing waits for it, no more is said than that it lets in.
func TestThroughIsSaidAtAnAnswer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, away := newMemLog(), true
		sink := &fakeSink{open: func(int) error {
			if away {
				return errors.New("no route to host")
			}
			return nil
		}}
		_, logged := startLogged(t, log, dir, config(t, "one"), sink)
		settleDown(20 * time.Second)
		wantSaid(t, logged, "a sink does not get through; it is tried again")
		sink.change(func() { away = false })
		settleDown(time.Minute)
		wantSaid(t, logged, "a sink is connected again, and nothing waits for it")

		sink.change(func() { sink.fate = func(uint64, int) fateOf { return fateLost } })
		log.add("org.test.a", 1)
		settleDown(30 * time.Second) // it is connected again and again meanwhile
		wantSaid(t, logged, "a sink does not get through; it is tried again")
		sink.change(func() { sink.fate = nil })
		settleDown(time.Minute)
		wantSaid(t, logged, "a sink gets through again")
	})
}

// TestStopIsSaidOnce holds that a sink which stops for its own fault says so once, with the reason, and when that is over.
func TestStopIsSaidOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		_, logged := startLogged(t, log, dir, config(t, "one"), &fakeSink{})
		log.breakWith(fedmsg.WrapError(fedmsg.CodeLogFailed, errors.New("input/output error"), "the log cannot be read"))
		settleDown(time.Hour)
		if !strings.Contains(logged.String(), "level=ERROR") || !strings.Contains(logged.String(), "the log cannot be read: input/output error") {
			t.Error(logged)
		}
		wantSaid(t, logged, "a sink has stopped")
		log.breakWith(nil)
		settleDown(time.Hour)
		wantSaid(t, logged, "a sink goes on")
	})
}

// TestLettersAreToldInShort holds that of many dead letters the first few are told of one by one, then how many there were in each
// minute, and none is left out; and that after a quiet while the next ones are told of one by one again.
func TestLettersAreToldInShort(t *testing.T) {
	const one, many = "gave up an entry, which lies with the dead letters now", "gave up more entries, which lie with the dead letters now"
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(uint64, int) fateOf { return fatePermanent }}
		s, logged := startLogged(t, log, dir, config(t, "one"), sink)
		log.add("org.test.a", 100)
		settleDown(time.Second)
		wantSaid(t, logged, one, one, one, one, one)
		settleDown(time.Minute)
		if n := logged.count("count=95"); n != 1 {
			t.Error(logged)
		}
		wantSaid(t, logged, many)
		for range 6 { // 20 seconds apart
			log.add("org.test.a", 10)
			settleDown(20 * time.Second)
		}
		if n := logged.count("count=30"); n < 1 {
			t.Error(logged)
		}
		wantSaid(t, logged, many, many)
		settleDown(3 * time.Minute)
		log.add("org.test.a", 7)
		settleDown(time.Second)
		wantSaid(t, logged, one, one, one, one, one)
		stop(t, s)
		if n := logged.count("count=2"); n != 1 {
			t.Error(logged)
		}
		wantSaid(t, logged, many)
	})
}

// TestCauseIsShown holds that the last error of a sink is told with its cause, on one line.
func TestCauseIsShown(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		why := fedmsg.WrapError(fedmsg.CodeUnavailable, errors.Join(errors.New("connection refused"), errors.New("no route to host")), "cannot connect to mq:5672")
		s := startSet(t, newMemLog(), dir, config(t, "one"), &fakeSink{open: func(int) error { return why }})
		synctest.Wait()
		if st := s.List()[0]; st.LastError != "cannot connect to mq:5672: connection refused; no route to host" {
			t.Errorf("%q", st.LastError)
		}
	})
}
