package deliver

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestDeadLettersFull holds that a sink stops rather than to drop anything when its dead letters are full, says so, and goes on by
// itself when there is room.
func TestDeadLettersFull(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(seq uint64, _ int) fateOf {
			if seq%3 == 0 {
				return fatePermanent
			}
			return fateOK
		}}
		cfg := config(t, "one")
		cfg.DeadLetters = 2
		log.add("org.test.a", 20) // 3, 6, 9, 12, 15 and 18 are refused
		s := startSet(t, log, dir, cfg, sink)
		settleDown(time.Hour)
		if st := s.List()[0]; st.State != StateStopped || st.Dead != 2 || st.Position != at(8) {
			t.Errorf("%+v", st)
		}
		if c := s.Checks()[0]; c.Status != ops.Failed || !strings.Contains(c.Text, "dead letters are full") {
			t.Errorf("%+v", c)
		}
		for number := range uint64(4) {
			if err := s.Resume("one"); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull || !strings.Contains(err.Error(), "fedmsg dead retry --all sink/one") {
				t.Errorf("resumed with full dead letters: %v", err)
			}
			if st := s.List()[0]; st.State != StateStopped {
				t.Errorf("behind the resume in vain: %+v", st)
			}
			if err := s.DeadDrop("one", number+1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			settleDown(time.Second)
		}
		if st := s.List()[0]; st.State != StateRunning || st.Dead != 2 || st.Position != at(20) {
			t.Errorf("%+v", st)
		}
		want := 0
		for _, seq := range firsts(sink.all()) {
			if seq%3 != 0 {
				want++
			}
		}
		if want != 14 || len(sink.all()) != 14 {
			t.Errorf("the destination has %v", sink.all())
		}
		for _, seq := range []uint64{15, 18} {
			if d := s.Deliveries(log.entry(seq))[0]; d.State != fedmsg.DeliveryDead {
				t.Errorf("entry %d: %+v", seq, d)
			}
		}
	})
}

func TestDeadRetry(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, how := newMemLog(), fatePermanent
		sink := &fakeSink{fate: func(seq uint64, _ int) fateOf {
			if seq == 3 {
				return how
			}
			return fateOK
		}}
		log.add("org.test.a", 6)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		for i, c := range []struct {
			how  fateOf
			want string
		}{
			{fatePermanent, "too large"}, {fateFail, "refused for now"}, {fateLost, "connection reset"},
			{fateSilent, "does not answer"}, {fateSendFails, "broken pipe"},
		} {
			sink.change(func() { how = c.how })
			err := s.DeadRetry(t.Context(), "one", 1)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			l, err := s.DeadGet("one", 1)
			if err != nil || l.Attempts != i+2 || !strings.Contains(l.Reason, c.want) {
				t.Errorf("%+v, %v", l, err)
			}
		}
		log.add("org.test.a", 1) // the sink goes on meanwhile
		synctest.Wait()
		sink.change(func() { how = fateOK })
		if err := s.DeadRetry(t.Context(), "one", 1); err != nil {
			t.Error(err)
		}
		wantGot(t, sink, []uint64{1, 2, 4, 5, 6, 7, 3})
		if st := s.List()[0]; st.Dead != 0 || st.Position != at(7) || st.State != StateRunning {
			t.Errorf("%+v", st)
		}
		if err := s.DeadRetry(t.Context(), "one", 1); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
			t.Errorf("%v", err)
		}
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
	})
}

// TestDeadRetryEnds holds that one who waits for a retry can leave, and that the node stops while a retry hangs.
func TestDeadRetryEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, how := newMemLog(), fatePermanent
		sink := &fakeSink{fate: func(uint64, int) fateOf { return how }}
		log.add("org.test.a", 1)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		sink.change(func() { how = fateSilent })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.DeadRetry(ctx, "one", 1); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
			t.Errorf("%v", err)
		}
		go func() {
			if err := s.DeadRetry(context.Background(), "one", 1); err == nil {
				t.Error("a letter was delivered by a node that stops")
			}
		}()
		synctest.Wait()
		start := time.Now()
		stop(t, s)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if st := s.List()[0]; st.Dead != 1 {
			t.Errorf("%+v", st)
		}
	})
}

func TestDeadList(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sinks := newMemLog(), []Configured{}
		for i := range 3 {
			sinks = append(sinks, Configured{Config: config(t, fmt.Sprint("s", i)), Sink: &fakeSink{fate: func(uint64, int) fateOf { return fatePermanent }}})
		}
		log.add("org.test.a", 3)
		s, err := New(sinks, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks"})
		if err != nil {
			t.Fatal(err)
		}
		defer stop(t, s)
		s.Start()
		synctest.Wait()
		for name, want := range map[string]int{"": 6, "s1": 2} {
			if list, err := s.DeadList(name, 0, 2); err != nil || len(list) != want {
				t.Errorf("%q: %d letters, %v", name, len(list), err)
			}
		}
		if err := os.WriteFile(dir+"/sinks/s1/dead/1.letter", []byte("nothing to be read"), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := s.DeadList("", 0, 1)
		if err != nil || len(list) != 3 || list[1].Code != fedmsg.CodeDamaged || list[1].Of != "s1" || list[1].Kind != "sink" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// TestDeadOfOldNames holds that letters of a sink that is not configured any more are listed last, marked, and behave as such.
func TestDeadOfOldNames(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{fate: func(uint64, int) fateOf { return fatePermanent }}
		log.add("org.test.a", 2)
		for _, name := range []string{"old", "new"} {
			s := startSet(t, log, dir, config(t, name), sink)
			settleDown(time.Second)
			stop(t, s)
		}
		s := startSet(t, log, dir, config(t, "new"), sink)
		list, err := s.DeadList("", 0, 10)
		if err != nil || len(list) != 4 || list[1].Of != "new" || list[1].Left || list[2].Of != "old" || !list[2].Left {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err := s.DeadList("old", 1, 10); err != nil || len(list) != 1 || !list[0].Left {
			t.Errorf("%+v, %v", list, err)
		}
		if l, err := s.DeadGet("old", 2); err != nil || l.ID != "id-2" {
			t.Errorf("%+v, %v", l, err)
		}
		if err := s.DeadRetry(t.Context(), "old", 2); fedmsg.CodeOf(err) != fedmsg.CodeNotFound || !strings.Contains(err.Error(), "no sink of that name is configured") {
			t.Errorf("%v", err)
		}
		if err := s.DeadDrop("old", 2); err != nil {
			t.Error(err)
		}
		if list, err := s.DeadList("old", 0, 10); err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
