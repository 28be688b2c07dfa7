package receive

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

func TestValidate(t *testing.T) {
	good := Config{Name: "umb-1_a", From: "amqp://x/", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		`name is ""`:                 func(c *Config) { c.Name = "" },
		`name is "a/b"`:              func(c *Config) { c.Name = "a/b" },
		`name is "-a"`:               func(c *Config) { c.Name = "-a" },
		`longer than 64`:             func(c *Config) { c.Name = strings.Repeat("a", 65) },
		"from is missing":            func(c *Config) { c.From = "" },
		"topics is missing":          func(c *Config) { c.Topics = nil },
		"verify is one of":           func(c *Config) { c.Verify = "off" },
		"in_flight is below zero":    func(c *Config) { c.InFlight = -1 },
		"in_flight is 2000000":       func(c *Config) { c.InFlight = 2000000 },
		"dead_letters is below zero": func(c *Config) { c.DeadLetters = -1 },
		"retry_first is below zero":  func(c *Config) { c.RetryFirst = -1 },
		"retry_max is below zero":    func(c *Config) { c.RetryMax = -1 },
		"longer than retry_max":      func(c *Config) { c.RetryFirst, c.RetryMax = time.Minute, time.Second },
		"certificate and key":        func(c *Config) { c.Certificate = "x" },
	} {
		c := good
		change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.HasPrefix(err.Error(), c.Name+": ") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	bad := good
	bad.Topics, bad.From = nil, ""
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "from is missing") || !strings.Contains(err.Error(), "topics is missing") {
		t.Errorf("not all is told: %v", err)
	}
	long := good
	if long.RetryFirst = time.Hour; long.Validate() != nil {
		t.Error("a long first wait needs no longest one")
	}
}

// TestNew holds what a set refuses.
func TestNew(t *testing.T) {
	good := Configured{Config: Config{Name: "umb", From: "amqp://x/", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}}
	deps := Deps{Dir: t.TempDir(), Door: func(*Config) Door { return newFakeDoor() }}
	if _, err := New([]Configured{good, good}, deps); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("two of a name: %v", err)
	}
	if _, err := New([]Configured{{}}, deps); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a bad one: %v", err)
	}
}

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"amqps://me@host:5671/vh/x?credentials=y": "amqps://host:5671/vh/x", "https://node": "https://node", "unix:///run/x.sock?a": "unix:///run/x.sock",
		"stomp://a:secret@b@host/": "stomp://host", "strange?x": "strange",
	} {
		if got := shown(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}

// TestMetrics holds what is counted.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	register := func(_ *Configured, d *Deps) { d.Registerer = reg }
	running(t, register, func(t *testing.T, _ *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeForbidden, 0))
		d.stored[id(1)] = true
		b.publishRange(0, 4)
		synctest.Wait()
		b.lose <- nil
		time.Sleep(time.Minute)
		synctest.Wait()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			m := f.GetMetric()[0]
			if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetName() != "source" || m.GetLabel()[0].GetValue() != "umb" {
				t.Errorf("%s has the labels %v", f.GetName(), m.GetLabel())
			}
			got[strings.TrimPrefix(f.GetName(), "fedmsg_source_")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
		for name, want := range map[string]float64{
			"received_total": 4, "duplicates_total": 1, "refused_total": 1, "sessions_lost_total": 1, "in_flight": 0, "connected": 1, "dead_letters": 1,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
	})
}

// TestLines holds that the operator's log is told of what happens, and not flooded.
func TestLines(t *testing.T) {
	var out strings.Builder // written by one goroutine at a time: what is logged follows one another here
	logger := func(_ *Configured, d *Deps) { d.Logger = slog.New(slog.NewTextHandler(&out, nil)) }
	running(t, logger, func(t *testing.T, s *Set, b *fakeBroker, _ *fakeDoor) {
		in := newIntake(s.runners[0])
		for range 1000 {
			in.Remark("this is unusual")
		}
		for range 50 {
			b.lose <- fedmsg.Errorf(fedmsg.CodeUnavailable, "gone")
			b.publishRange(0, 1) // each session is a good one
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		in.Remark("this is unusual")
		text := out.String()
		for part, want := range map[string]int{"this is unusual": 2, "more_since_last=999": 1, "source is not connected": 1, "source is connected": 1, "source=umb": 4, "from=amqp://example.org/vhost": 2} {
			if got := strings.Count(text, part); got < want || got > want+1 {
				t.Errorf("%q stands there %d times, want %d: %s", part, got, want, text)
			}
		}
	})
}

// TestOneReasonIsToldSeldom holds that a source which fails for one reason, or remarks one thing, is told of once in an hour, of another
// reason at once, and of the same again when it was well in between.
func TestOneReasonIsToldSeldom(t *testing.T) {
	var out strings.Builder
	logger := func(_ *Configured, d *Deps) { d.Logger = slog.New(slog.NewTextHandler(&out, nil)) }
	running(t, logger, func(t *testing.T, _ *Set, b *fakeBroker, _ *fakeDoor) {
		lose := func(why string) {
			b.lose <- fedmsg.Errorf(fedmsg.CodeUnavailable, "%s", why)
			time.Sleep(15 * time.Second) // more than lineEvery, too short for a good session
			synctest.Wait()
		}
		told := func(step, why string, want int) {
			t.Helper()
			if got := strings.Count(out.String(), "err=\""+why+"\""); got != want {
				t.Errorf("%s: %q stands there %d times, want %d:\n%s", step, why, got, want, out.String())
			}
		}
		lose("no host")
		told("at first", "no host", 1)
		for range 20 {
			lose("no host")
		}
		told("while it is the same", "no host", 1)
		lose("no key")
		told("another", "no key", 1)
		b.publishRange(0, 1)
		time.Sleep(2 * time.Minute)
		lose("no key")
		told("when it was well", "no key", 2)
		if strings.Contains(out.String(), "more_since_last=0") {
			t.Errorf("what was held back is told where nothing was:\n%s", out.String())
		}
	})
}

// TestLastErrorIsBounded holds that of what a server says when it ends a session a bounded part is kept, which is harmless to see.
func TestLastErrorIsBounded(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, _ *fakeDoor) {
		b.lose <- errors.New("\x1b[2J" + strings.Repeat("x", 1<<20))
		synctest.Wait()
		got := s.List()[0].LastError
		if len(got) > ops.MaxExcerpt+len("…") || !strings.HasPrefix(got, `\x1b[2Jxxx`) || !strings.HasSuffix(got, "x…") {
			t.Errorf("%d bytes are kept: %.100q", len(got), got)
		}
	})
}
