package deliver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestScope holds that a sink never gets a topic outside its own, whatever else it asks for.
func TestScope(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		for _, topic := range []string{"org.test.a", "org.test.bugs.private", "org.other", "org.test.b", "com.example"} {
			log.add(topic, 1)
		}
		for name, c := range map[string]struct {
			change func(*Config)
			want   []uint64
		}{
			"all":      {func(c *Config) {}, upTo(5)},
			"one":      {func(c *Config) { c.Topics = patterns(t, "org.test.*") }, []uint64{1, 4}},
			"prefix":   {func(c *Config) { c.Topics, c.Prefixes = patterns(t, "org.test.#"), []string{"org.", "com."} }, []uint64{1, 2, 4}},
			"both":     {func(c *Config) { c.Prefixes = []string{"org.test.b"} }, []uint64{2, 4}},
			"where":    {func(c *Config) { c.Topics, c.Where = patterns(t, "org.#"), `topic != "org.test.a"` }, []uint64{2, 3, 4}},
			"sender":   {func(c *Config) { c.Senders = []string{"uid:1000"} }, nil},
			"nothing":  {func(c *Config) { c.Topics = patterns(t, "net.#") }, nil},
			"rewinded": {func(c *Config) { c.Topics = patterns(t, "org.other") }, []uint64{3}},
		} {
			cfg, sink := config(t, name), &fakeSink{}
			c.change(&cfg)
			s := startSet(t, log, dir, cfg, sink)
			settleDown(2 * time.Second)
			if got := sink.all(); !slices.Equal(got, c.want) {
				t.Errorf("%s has %v, want %v", name, got, c.want)
			}
			for _, e := range log.entries {
				want := fedmsg.DeliveryNotWanted
				if slices.Contains(c.want, e.Position.Seq) {
					want = fedmsg.DeliveryDelivered
				}
				if d := s.Deliveries(e)[0]; d.State != want || d.Sink != name {
					t.Errorf("%s: %+v, want %s", name, d, want)
				}
			}
			if p := s.Places()[name]; p != at(5) {
				t.Errorf("%s: the saved place is %s", name, p)
			}
		}
	})
}

// TestSlowSinkDelaysNobody holds that one sink whose destination takes nothing delays neither another sink nor the log.
func TestSlowSinkDelaysNobody(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, good, bad := newMemLog(), &fakeSink{}, &fakeSink{block: make(chan struct{})}
		s, err := New([]Configured{{Config: config(t, "bad"), Sink: bad}, {Config: config(t, "good"), Sink: good}},
			Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks"})
		if err != nil {
			t.Fatal(err)
		}
		defer stop(t, s)
		s.Start()
		for i := range uint64(5) {
			start := time.Now()
			e := log.add("org.test.a", 100)
			if d := s.Wait(patient(t), e, "good")[0]; d.State != fedmsg.DeliveryDelivered || time.Since(start) > time.Millisecond {
				t.Errorf("%+v behind %s", d, time.Since(start))
			}
			settleDown(time.Duration(i*7) * time.Second)
		}
		if got := bad.all(); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
}

func TestMetricsAndHealth(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, registry := newMemLog(), prometheus.NewRegistry()
		sink := &fakeSink{fate: func(seq uint64, _ int) fateOf {
			switch seq {
			case 2:
				return fatePermanent
			case 5:
				return fateFail
			}
			return fateOK
		}}
		cfg := config(t, "rabbit")
		cfg.To, cfg.Attempts = "amqp://me@mq.example.org/v?x=secret", 1000
		s, err := New([]Configured{{Config: cfg, Sink: sink}}, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks", Registerer: registry})
		if err != nil {
			t.Fatal(err)
		}
		defer stop(t, s)
		s.Start()
		synctest.Wait()
		if c := s.Checks()[0]; c.Status != ops.OK || c.Name != "sink rabbit" || !strings.Contains(c.Text, "amqp://mq.example.org/v") || strings.Contains(c.Text, "secret") {
			t.Errorf("%+v", c)
		}
		log.add("org.test.a", 3)
		synctest.Wait()
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "1 dead letters") {
			t.Errorf("%+v", c)
		}
		log.add("org.test.a", 3)
		settleDown(time.Minute)
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "tried again") {
			t.Errorf("%+v", c)
		}
		retried := float64(s.List()[0].Retried)
		for name, want := range map[string]float64{
			"delivered_total": 4, "retried_total": retried, "skipped_total": 0, "remarks_total": 0, "dead_letters": 1, "in_flight": 0,
			"lag_entries": 2, "lag_seconds": 60, `state{waiting}`: 1,
		} {
			name, state, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
			if got := metric(t, registry, "fedmsg_sink_"+name, state); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if retried < 3 {
			t.Errorf("retried %v times in a minute", retried)
		}
	})
}

// metric is the value of a metric of the sink rabbit.
func metric(t *testing.T, g prometheus.Gatherer, name, state string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || state != "" && m.GetLabel()[1].GetValue() != state {
				continue
			}
			if m.GetLabel()[0].GetValue() != "rabbit" {
				t.Errorf("%v", m.GetLabel())
			}
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Errorf("there is no %s", name)
	return 0
}

// TestNewFails holds that a sink whose files cannot be made is an error that names it, and leaves nothing open.
func TestNewFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sinks"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sinks", "two"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := newMemLog()
	log.add("org.test.a", 1)
	cfg := config(t, "one")
	cfg.Start = "now"
	before := openFiles(t)
	_, err := New([]Configured{{Config: cfg, Sink: &fakeSink{}}, {Config: config(t, "two"), Sink: &fakeSink{}}},
		Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks"})
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), "sink two") {
		t.Errorf("%v", err)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, %d were", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		fedmsgtest.Missing(t, "a /proc that tells which files are open")
	}
	return len(list)
}

// TestStopSaves holds that what is not saved yet because it would be soon is saved at the end.
func TestStopSaves(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		cfg := config(t, "one")
		cfg.Topics = patterns(t, "org.test.#")
		s := newSet(t, log, dir, cfg, &fakeSink{})
		s.Start()
		log.add("org.test.a", 1)
		settleDown(100 * time.Millisecond)
		log.add("org.other", 5)
		synctest.Wait()
		stop(t, s)
		if data, err := os.ReadFile(filepath.Join(dir, "places", "sink-one")); err != nil || strings.TrimSpace(string(data)) != at(6).String() {
			t.Errorf("the saved place is %q, %v", data, err)
		}
	})
}

// TestSkipsComeFirst holds that what was skipped is written before the place is saved, and the rest at the end.
func TestSkipsComeFirst(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		log.add("org.test.a", 9)
		s := newSet(t, log, dir, config(t, "one"), &fakeSink{remark: func(uint64) string { return "unroutable" }})
		r := s.runners[0]
		r.through, r.progress = at(7), passed
		r.noteSkip(3, 7, reasonOld)
		r.save()
		if a := openJournal(r.records.journal.path, testLogs()).about(at(5)); a.skip.Reason != reasonOld || r.kept != at(7) {
			t.Errorf("%+v, saved %s", a, r.kept)
		}
		s.Start()
		synctest.Wait()
		stop(t, s)
		if a := openJournal(r.records.journal.path, testLogs()).about(at(9)); a.remark.Reason != "unroutable" {
			t.Errorf("%+v", a)
		}
	})
}

// TestStopNamesWhatHangs holds that a session that does not end does not hold the node for ever.
func TestStopNamesWhatHangs(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		log := newMemLog()
		s := newSet(t, log, dir, config(t, "hung"), hungSink{release})
		s.Start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err == nil || !strings.Contains(err.Error(), "sink hung does not stop") {
			t.Errorf("%v", err)
		}
		close(release)
		synctest.Wait()
	})
}

// hungSink is one whose sessions do not close before they are told to.
type hungSink struct{ release chan struct{} }

func (s hungSink) Open(context.Context, *Answers) (Session, error) { return hungSession(s), nil }

type hungSession struct{ release chan struct{} }

func (s hungSession) Send(context.Context, *fedmsg.Entry) error { return errors.New("no") }
func (s hungSession) Flush(context.Context) error               { return nil }
func (s hungSession) Close() error                              { <-s.release; return nil }
