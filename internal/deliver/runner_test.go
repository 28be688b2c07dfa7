package deliver

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// upTo is 1 to n.
func upTo(n uint64) []uint64 { return from(1, n) }

func from(a, b uint64) []uint64 {
	var all []uint64
	for ; a <= b; a++ {
		all = append(all, a)
	}
	return all
}

func wantGot(t *testing.T, s *fakeSink, want []uint64) {
	t.Helper()
	if got := s.all(); !slices.Equal(got, want) {
		t.Fatalf("the destination has %v, want %v", got, want)
	}
}

// settleDown lets time go by until nothing happens any more.
func settleDown(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestDeliversInOrder(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 20)
		s := startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		wantGot(t, sink, upTo(20))
		log.add("org.test.a", 5)
		synctest.Wait()
		wantGot(t, sink, upTo(25))
		st := s.List()[0]
		if st.Position != at(25) || st.Delivered != 25 || st.Lag != 0 || st.State != StateRunning || st.InFlight != 0 {
			t.Errorf("%+v", st)
		}
		if sink.most > 8 {
			t.Errorf("%d entries were under way at once", sink.most)
		}
		if p := s.Places()["one"]; p != at(25) {
			t.Errorf("the saved place is %s", p)
		}
		if d := s.Deliveries(log.entry(3))[0]; d.State != fedmsg.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
	})
}

func TestRestartGoesOn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, sink := newMemLog(), &fakeSink{}
		log.add("org.test.a", 10)
		s := newSet(t, log, dir, config(t, "one"), sink)
		s.Start()
		synctest.Wait()
		stop(t, s)
		log.add("org.test.a", 10)
		startSet(t, log, dir, config(t, "one"), sink)
		synctest.Wait()
		wantGot(t, sink, upTo(20))
	})
}
