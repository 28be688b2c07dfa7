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

// caller is a destination that is called for each entry.
type caller struct {
	takes func(seq uint64) time.Duration // how long a call takes
	fails func(seq uint64, times int) error

	mu       sync.Mutex
	times    map[uint64]int
	done     []uint64
	now      int
	most     int
	canceled int
}

func (c *caller) Deliver(ctx context.Context, e *fedmsg.Entry) error {
	seq := e.Position.Seq
	c.mu.Lock()
	if c.times == nil {
		c.times = map[uint64]int{}
	}
	c.times[seq]++
	times := c.times[seq]
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	timer := time.NewTimer(c.takes(seq))
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
		if c.fails != nil {
			err = c.fails(seq, times)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if ctx.Err() != nil {
		c.canceled++
	}
	if err == nil {
		c.done = append(c.done, seq)
	}
	return err
}

// awaitAll waits until the first n entries are done with.
func awaitAll(t *testing.T, s *Set, log *memLog, n uint64) {
	t.Helper()
	for seq := range n {
		for _, st := range s.List() {
			s.Wait(patient(t), log.entry(seq+1), st.Name)
		}
	}
}

func TestEachConcurrently(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			log := newMemLog()
			c := &caller{takes: func(seq uint64) time.Duration { return time.Duration(1+seq%3) * time.Second }}
			cfg := config(t, "program")
			log.add("org.test.a", 30)
			start := time.Now()
			s := startSet(t, log, dir, cfg, Each(c, concurrency))
			awaitAll(t, s, log, 30)
			if c.most != concurrency {
				t.Errorf("%d at once, want %d", c.most, concurrency)
			}
			if concurrency == 1 && !slices.Equal(c.done, upTo(30)) {
				t.Errorf("%v", c.done)
			}
			if slices.Sort(c.done); !slices.Equal(c.done, upTo(30)) {
				t.Errorf("%v", c.done)
			}
			if took := time.Since(start); took > time.Duration(64/concurrency)*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestEachFailsAlone holds that calls under way are not ended because another one failed, and are not repeated.
func TestEachFailsAlone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		c := &caller{
			takes: func(seq uint64) time.Duration {
				if seq == 2 {
					return time.Second
				}
				return 20 * time.Second
			},
			fails: func(seq uint64, times int) error {
				if seq == 2 && times < 3 {
					return errors.New("exit status 1")
				}
				return nil
			},
		}
		log.add("org.test.a", 4)
		s := startSet(t, log, dir, config(t, "program"), Each(c, 4))
		awaitAll(t, s, log, 4)
		if c.canceled != 0 || c.times[1] != 1 || c.times[3] != 1 || c.times[2] != 3 {
			t.Errorf("%d calls were ended; calls of each: %v", c.canceled, c.times)
		}
		if st := s.List()[0]; st.Retried != 2 || st.Dead != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestEachStops(t *testing.T) {
	for _, n := range []int{1, 4} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			log := newMemLog()
			c := &caller{takes: func(uint64) time.Duration { return time.Hour }}
			log.add("org.test.a", n)
			s := newSet(t, log, dir, config(t, "program"), Each(c, 2))
			s.Start()
			synctest.Wait()
			start := time.Now()
			stop(t, s)
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
			if st := s.List()[0]; c.canceled != min(n, 2) || st.Position.Seq != 0 || st.Dead != 0 {
				t.Errorf("%d calls ended, %+v", c.canceled, st)
			}
		})
	}
}

// TestEachGivesUpOne holds that one program call that always fails is given up while others go by.
func TestEachGivesUpOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		c := &caller{takes: func(uint64) time.Duration { return time.Second }, fails: func(seq uint64, _ int) error {
			if seq == 5 {
				return errors.New("exit status 1")
			}
			return nil
		}}
		log.add("org.test.a", 100)
		s := startSet(t, log, dir, config(t, "program"), Each(c, 2))
		awaitAll(t, s, log, 100)
		if slices.Sort(c.done); len(c.done) != 99 || c.times[5] != 10 {
			t.Errorf("%v; the bad one %d times", c.done, c.times[5])
		}
		if d := s.Deliveries(log.entry(5))[0]; d.State != fedmsg.DeliveryDead || d.Reason != "exit status 1" {
			t.Errorf("%+v", d)
		}
	})
}

// TestEachCutOff holds that a call which is cut off by an operator is no attempt, however often, and is repeated.
func TestEachCutOff(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log, long := newMemLog(), true
		c := &caller{takes: func(uint64) time.Duration {
			if long {
				return time.Hour
			}
			return time.Second
		}}
		cfg := config(t, "program")
		cfg.Attempts = 2
		log.add("org.test.a", 2)
		s := startSet(t, log, dir, cfg, Each(c, 2))
		for i := range 5 {
			synctest.Wait()
			check(t, s.Pause("program"))
			long = i < 4
			check(t, s.Resume("program"))
		}
		awaitAll(t, s, log, 2)
		if slices.Sort(c.done); !slices.Equal(c.done, upTo(2)) || c.times[1] != 6 {
			t.Errorf("%v, calls %v", c.done, c.times)
		}
		if st := s.List()[0]; st.Dead != 0 {
			t.Errorf("%+v", st)
		}
	})
}
