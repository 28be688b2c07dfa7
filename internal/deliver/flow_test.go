package deliver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// manualSink is a destination that answers when the test says so.
type manualSink struct {
	answers *Answers
	sent    []uint64
	flushed int
	stuck   chan struct{} // Send of the second entry waits for it, if it is not nil
	ended   bool          // a Send was ended by its context
}

func (m *manualSink) Open(_ context.Context, answers *Answers) (Session, error) {
	m.answers = answers
	return m, nil
}

func (m *manualSink) Send(ctx context.Context, e *fedmsg.Entry) error {
	m.sent = append(m.sent, e.Position.Seq)
	if m.stuck != nil && len(m.sent) == 2 {
		select {
		case <-m.stuck:
		case <-ctx.Done():
			m.ended = true
			return ctx.Err()
		}
	}
	return nil
}

func (m *manualSink) Flush(context.Context) error {
	m.flushed = len(m.sent)
	return nil
}

func (m *manualSink) Close() error { return nil }

// TestWindowFlows holds that entries are flushed when there are no more, that a quarter of the window has to be free before more is
// sent, and that the place is saved soon behind the first answer and not at each.
func TestWindowFlows(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		if len(m.sent) != 8 || m.flushed != 8 {
			t.Fatalf("%d sent, %d flushed", len(m.sent), m.flushed)
		}
		settleDown(time.Second)
		m.answers.Done(1, nil)
		synctest.Wait()
		if p := s.Places()["one"]; p != at(1) {
			t.Errorf("the saved place is %s", p)
		}
		m.answers.Done(4, nil)
		m.answers.Done(2, nil)
		synctest.Wait()
		if p := s.Places()["one"]; len(m.sent) != 10 || p != at(1) {
			t.Errorf("%d sent, the saved place is %s", len(m.sent), p)
		}
		if d := s.Deliveries(log.entry(4))[0]; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
		m.answers.Done(3, nil) // and with it the fourth
		synctest.Wait()
		if p := s.Places()["one"]; len(m.sent) != 12 || p != at(1) {
			t.Errorf("%d sent, the saved place is %s", len(m.sent), p)
		}
		settleDown(20 * time.Millisecond)
		if p := s.Places()["one"]; p != at(4) {
			t.Errorf("the saved place is %s", p)
		}
		m.answers.DoneThrough(10)
		synctest.Wait()
		if st := s.List()[0]; len(m.sent) != 18 || st.Position != at(10) || st.InFlight != 8 {
			t.Errorf("%d sent, %+v", len(m.sent), st)
		}
	})
}

// TestDrains holds that a sink which is paused waits for what is under way, for a short time.
func TestDrains(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		time.AfterFunc(300*time.Millisecond, func() { m.answers.DoneThrough(8) })
		start := time.Now()
		check(t, s.Pause("one"))
		if took := time.Since(start); took != 300*time.Millisecond || s.List()[0].Position != at(8) || len(m.sent) != 8 {
			t.Errorf("behind %s: %+v, %d sent", took, s.List()[0], len(m.sent))
		}
		check(t, s.Resume("one"))
		synctest.Wait()
		start = time.Now()
		check(t, s.Pause("one"))
		if took := time.Since(start); took != drainTime || s.List()[0].Position != at(8) {
			t.Errorf("behind %s: %+v", took, s.List()[0])
		}
	})
}

// TestWaitersHear holds that who waits for an entry hears of it when its fate is known, whatever is still open before it.
func TestWaitersHear(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 8)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		fates := make(chan fedmsg.Delivery, 3)
		for _, seq := range []uint64{3, 5, 6} {
			go func() { fates <- s.Wait(patient(t), log.entry(seq), "one")[0] }()
		}
		synctest.Wait()
		m.answers.Done(5, Permanent(errors.New("no")))
		if d := <-fates; d.State != fedmsg.DeliveryDead {
			t.Errorf("%+v", d)
		}
		m.answers.Done(6, nil)
		if d := <-fates; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
		synctest.Wait()
		if len(fates) > 0 {
			t.Error("an entry is delivered that nobody has")
		}
		start := time.Now()
		m.answers.DoneThrough(8)
		if d := <-fates; d.State != fedmsg.DeliveryDelivered || time.Since(start) > 0 {
			t.Errorf("%+v behind %s", d, time.Since(start))
		}
	})
}

// TestRewindForgets holds that behind a move back everything is sent again, also what had overtaken, and has a new time.
func TestRewindForgets(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 4)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		m.answers.Done(1, nil)
		m.answers.Done(3, nil)
		settleDown(5 * time.Second)
		m.answers.Lost(errors.New("reset"))
		settleDown(time.Second)
		if len(m.sent) != 6 { // 2 and 4 came again
			t.Errorf("%v", m.sent)
		}
		settleDown(time.Hour)
		check(t, s.Rewind("one", at(0)))
		synctest.Wait()
		if n := len(m.sent); n < 10 || m.sent[n-2] != 3 {
			t.Errorf("%v", m.sent)
		}
		m.answers.DoneThrough(4)
		settleDown(5 * time.Second)
		if d := s.Deliveries(log.entry(1))[0]; d.State != fedmsg.DeliveryDelivered || time.Since(d.Time) > time.Minute {
			t.Errorf("%+v", d)
		}
	})
}

// TestRefusedTogether holds that no time is lost where all that is under way is refused, or answered otherwise.
func TestRefusedTogether(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 3)
		startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		m.answers.Done(1, errors.New("full"))
		synctest.Wait()
		m.answers.Done(3, nil)
		synctest.Wait()
		m.answers.Done(2, errors.New("full too"))
		settleDown(100 * time.Millisecond)
		if len(m.sent) != 5 || m.flushed != 5 {
			t.Errorf("%v", m.sent)
		}
	})
}

// TestRefusedWhileSendBlocks holds that a destination which refuses an entry and takes no other is left soon.
func TestRefusedWhileSendBlocks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{stuck: make(chan struct{})}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		m.answers.Done(1, errors.New("full"))
		settleDown(2 * time.Second)
		if st := s.List()[0]; !m.ended || st.Retried != 1 || len(m.sent) < 3 {
			t.Errorf("%+v, %d sent", st, len(m.sent))
		}
	})
}
