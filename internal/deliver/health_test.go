package deliver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestHealthBehind holds that a sink which is connected and does not keep up is told of, for as long as that is so.
func TestHealthBehind(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &manualSink{}
		cfg := config(t, "slow")
		cfg.AnswerTimeout = time.Hour
		s := startSet(t, log, dir, cfg, sink)
		log.add("org.test.a", 3)
		settleDown(4 * time.Minute)
		if c := s.Checks()[0]; c.Status != ops.OK {
			t.Errorf("%+v", c)
		}
		settleDown(2 * time.Minute)
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "waited for 6m0s; see with `fedmsg sink show slow`") {
			t.Errorf("%+v", c)
		}
		sink.tell().DoneThrough(3)
		synctest.Wait()
		if c := s.Checks()[0]; c.Status != ops.OK {
			t.Errorf("%+v", c)
		}
	})
}

// TestHealthSkipped holds that it is told when entries were skipped, unless an operator did that.
func TestHealthSkipped(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		s := newSet(t, log, dir, config(t, "one"), sink)
		s.Start()
		log.add("org.test.a", 4)
		settleDown(time.Second)
		stop(t, s)
		log.add("org.test.a", 10)
		s = startSet(t, log, dir, config(t, "one"), &fakeSink{block: make(chan struct{})})
		if err := s.Rewind("one", at(9)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if c, st := s.Checks()[0], s.List()[0]; c.Status != ops.OK || st.Skipped != 5 {
			t.Errorf("%+v, %+v", c, st)
		}
		stop(t, s)
		log.add("org.test.a", 3)
		log.trim(12)
		s = startSet(t, log, dir, config(t, "one"), sink)
		settleDown(time.Second)
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "skipped 3 entries") || !strings.Contains(c.Text, "hold = true") {
			t.Errorf("%+v", c)
		}
	})
}
