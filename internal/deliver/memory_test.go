package deliver

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestIdleSinkMemory holds that a sink which has delivered much and is idle takes at most 50 KB, whatever its in_flight.
func TestIdleSinkMemory(t *testing.T) {
	const sinks, limit = 100, 50_000
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		var all []Configured
		for i := range sinks {
			cfg := config(t, fmt.Sprint("sink-", i))
			cfg.InFlight, cfg.Start = 8192, "now"
			all = append(all, Configured{Config: cfg, Sink: nullSink{}})
		}
		used := func() uint64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc + m.StackInuse
		}
		log.add("org.test.a", 3000) // of the log, not of the sinks
		before := used()
		s, err := New(all, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks"})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		defer stop(t, s)
		for i := range sinks {
			if err := s.Rewind(fmt.Sprint("sink-", i), at(0)); err != nil {
				t.Fatal(err)
			}
		}
		settleDown(time.Minute)
		each := float64(used()-before) / sinks
		t.Logf("an idle sink takes %.0f bytes, with a goroutine of its session", each)
		if each > limit {
			t.Errorf("an idle sink takes %.0f bytes, more than %d", each, limit)
		}
		for _, st := range s.List() {
			if st.Position != at(3000) || st.Delivered != 3000 || st.State != StateRunning {
				t.Fatalf("%+v", st)
			}
		}
	})
}

// TestWaitingSinkMemory holds that a sink whose destination is away keeps nothing of what waits for it.
func TestWaitingSinkMemory(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(uint64, int) fateOf { return fateSilent }}
		cfg := config(t, "one")
		cfg.InFlight = 4096
		log.add("org.test.a", 5000)
		s := startSet(t, log, dir, cfg, sink)
		synctest.Wait()
		if st := s.List()[0]; st.InFlight != 4096 {
			t.Errorf("%+v", st)
		}
		sink.change(func() { sink.open = func(int) error { return fedmsg.Errorf(fedmsg.CodeUnavailable, "nobody there") } })
		settleDown(time.Hour)
		r := s.runners[0]
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.window.items) != 0 || r.window.bytes != 0 {
			t.Errorf("the window has room for %d entries", len(r.window.items))
		}
	})
}

// TestBytesInFlight holds that large entries bound what is in flight too.
func TestBytesInFlight(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(uint64, int) fateOf { return fateSilent }}
		log.size = 3 << 20
		log.add("org.test.a", 20)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		if st := s.List()[0]; st.InFlight != 6 { // the sixth is the first beyond 16 MiB
			t.Errorf("%+v", st)
		}
	})
}
