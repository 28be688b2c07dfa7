package deliver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// manualSink is a destination that answers when the test says so.
type manualSink struct {
	stuck chan struct{} // Send of the second entry waits for it, if it is not nil

	mu      sync.Mutex // guards what follows
	answers *Answers   // of the newest session
	sent    []uint64
	flushed int
	ended   bool // a Send was ended by its context
}

// seen is what was sent, and how much of it flushed.
func (m *manualSink) seen() (sent []uint64, flushed int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent), m.flushed
}

// tell is where the newest session tells its answers.
func (m *manualSink) tell() *Answers {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers
}

func (m *manualSink) Open(_ context.Context, answers *Answers) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers = answers
	return m, nil
}

func (m *manualSink) Send(ctx context.Context, e *fedmsg.Entry) error {
	m.mu.Lock()
	m.sent = append(m.sent, e.Position.Seq)
	second := len(m.sent) == 2
	m.mu.Unlock()
	if m.stuck != nil && second {
		select {
		case <-m.stuck:
		case <-ctx.Done():
			m.mu.Lock()
			defer m.mu.Unlock()
			m.ended = true
			return ctx.Err()
		}
	}
	return nil
}

func (m *manualSink) Flush(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushed = len(m.sent)
	return nil
}

func (m *manualSink) Close() error { return nil }

func (m *manualSink) wasEnded() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

// TestWindowFlows holds that entries are flushed when there are no more, that a quarter of the window has to be free before more is
// sent, and that the place is saved soon behind the first answer and not at each.
func TestWindowFlows(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		if sent, flushed := m.seen(); len(sent) != 8 || flushed != 8 {
			t.Fatalf("%d sent, %d flushed", len(sent), flushed)
		}
		settleDown(time.Second)
		m.tell().Done(1, nil)
		synctest.Wait()
		if p := s.Places()["one"]; p != at(1) {
			t.Errorf("the saved place is %s", p)
		}
		m.tell().Done(4, nil)
		m.tell().Done(2, nil)
		synctest.Wait()
		sent, _ := m.seen()
		if p := s.Places()["one"]; len(sent) != 10 || p != at(1) {
			t.Errorf("%d sent, the saved place is %s", len(sent), p)
		}
		if d := s.Deliveries(log.entry(4))[0]; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
		m.tell().Done(3, nil) // and with it the fourth
		synctest.Wait()
		sent, _ = m.seen()
		if p := s.Places()["one"]; len(sent) != 12 || p != at(1) {
			t.Errorf("%d sent, the saved place is %s", len(sent), p)
		}
		settleDown(20 * time.Millisecond)
		if p := s.Places()["one"]; p != at(4) {
			t.Errorf("the saved place is %s", p)
		}
		m.tell().DoneThrough(10)
		synctest.Wait()
		sent, _ = m.seen()
		if st := s.List()[0]; len(sent) != 18 || st.Position != at(10) || st.InFlight != 8 {
			t.Errorf("%d sent, %+v", len(sent), st)
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
		time.AfterFunc(300*time.Millisecond, func() { m.tell().DoneThrough(8) })
		start := time.Now()
		check(t, s.Pause("one"))
		sent, _ := m.seen()
		if took := time.Since(start); took != 300*time.Millisecond || s.List()[0].Position != at(8) || len(sent) != 8 {
			t.Errorf("behind %s: %+v, %d sent", took, s.List()[0], len(sent))
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
		m.tell().Done(5, Permanent(errors.New("no")))
		if d := <-fates; d.State != fedmsg.DeliveryDead {
			t.Errorf("%+v", d)
		}
		m.tell().Done(6, nil)
		if d := <-fates; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
		synctest.Wait()
		if len(fates) > 0 {
			t.Error("an entry is delivered that nobody has")
		}
		start := time.Now()
		m.tell().DoneThrough(8)
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
		m.tell().Done(1, nil)
		m.tell().Done(3, nil)
		settleDown(5 * time.Second)
		m.tell().Lost(errors.New("reset"))
		settleDown(time.Second)
		if sent, _ := m.seen(); len(sent) != 6 { // 2 and 4 came again
			t.Errorf("%v", sent)
		}
		settleDown(time.Hour)
		check(t, s.Rewind("one", at(0)))
		synctest.Wait()
		if sent, _ := m.seen(); len(sent) < 10 || sent[len(sent)-2] != 3 {
			t.Errorf("%v", sent)
		}
		m.tell().DoneThrough(4)
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
		m.tell().Done(1, errors.New("full"))
		synctest.Wait()
		m.tell().Done(3, nil)
		synctest.Wait()
		m.tell().Done(2, errors.New("full too"))
		settleDown(100 * time.Millisecond)
		if sent, flushed := m.seen(); len(sent) != 5 || flushed != 5 {
			t.Errorf("%v", sent)
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
		m.tell().Done(1, errors.New("full"))
		settleDown(2 * time.Second)
		sent, _ := m.seen()
		if st := s.List()[0]; !m.wasEnded() || st.Retried != 1 || len(sent) < 3 {
			t.Errorf("%+v, %d sent", st, len(sent))
		}
	})
}

// TestLostWhileSendBlocks holds that a session which is lost while Send waits for room is left at once.
func TestLostWhileSendBlocks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, m := newMemLog(), &manualSink{stuck: make(chan struct{})}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "one"), m)
		synctest.Wait()
		m.tell().Lost(errors.New("gone"))
		settleDown(2 * time.Second)
		sent, _ := m.seen()
		if st := s.List()[0]; !m.wasEnded() || len(sent) < 3 {
			t.Errorf("%+v, %d sent", st, len(sent))
		}
	})
}
