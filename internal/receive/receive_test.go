package receive

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestOrder holds that everything comes through in order, and is settled in order when the log has it.
func TestOrder(t *testing.T) {
	for _, batch := range []int{1, 7, 5000} { // the last are more than may be in flight
		t.Run(strconv.Itoa(batch), func(t *testing.T) {
			running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
				b.batch = batch
				b.publishRange(0, 5000)
				synctest.Wait()
				holdLog(t, d, ids(0, 5000))
				b.holdUnstored()
				if b.left() != 0 || d.most > maxBatch {
					t.Errorf("%d are not acknowledged; the largest call had %d", b.left(), d.most)
				}
				if st := s.List()[0]; st.Received != 5000 || st.InFlight != 0 || !st.Connected || st.Duplicates != 0 || st.From != "amqp://example.org/vhost" {
					t.Errorf("status %+v", st)
				}
				if d.sender != (fedmsg.Sender{Kind: fedmsg.SenderSource, Name: "umb"}) {
					t.Errorf("the sender is %s", d.sender)
				}
			})
		})
	}
}

// TestBytesInFlight holds that large messages are taken as far as their bytes allow, and one that is larger than all alone.
func TestBytesInFlight(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		gate := make(chan struct{})
		d.set(func(d *fakeDoor) { d.gate = gate })
		b.batch = 7
		var large []Item
		for n, size := range []int{10, 10, 10, 10, 40, 1, 1} {
			m := carried(n)
			m.Body = make([]byte, size<<20)
			large = append(large, Item{Message: m})
		}
		b.publish(large...)
		synctest.Wait()
		if n := s.List()[0].InFlight; n != 3 {
			t.Errorf("%d messages of 10 MiB are in flight", n)
		}
		close(gate)
		d.set(func(d *fakeDoor) { d.gate = nil })
		synctest.Wait()
		holdLog(t, d, ids(0, 7))
		if n := s.List()[0].InFlight; n != 0 || b.left() != 0 {
			t.Errorf("%d in flight, %d left", n, b.left())
		}
	})
}

// TestInFlight holds that no more is taken than may be in flight, and that nothing is settled before it is on disk.
func TestInFlight(t *testing.T) {
	limit := func(c *Configured, _ *Deps) { c.InFlight = 10 }
	running(t, limit, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		gate := make(chan struct{})
		d.set(func(d *fakeDoor) { d.gate = gate })
		b.publishRange(0, 100)
		synctest.Wait()
		if got := len(d.log()); got != 10 {
			t.Errorf("%d messages went through the door, want 10", got)
		}
		if b.left() != 100 || s.List()[0].InFlight != 10 {
			t.Errorf("%d are not acknowledged, status %+v", b.left(), s.List()[0])
		}
		d.set(func(d *fakeDoor) { d.gate = nil })
		close(gate)
		synctest.Wait()
		holdLog(t, d, ids(0, 100))
		if b.left() != 0 {
			t.Errorf("%d are not acknowledged", b.left())
		}
	})
}

// TestHeldBack holds that what the node cannot take now waits, with growing waits, keeps its order, and comes through then: whether
// the door did nothing, or what it should and told otherwise.
func TestHeldBack(t *testing.T) {
	for name, stored := range map[string]bool{"failed": false, "failed but it happened": true} {
		for _, code := range []fedmsg.Code{fedmsg.CodeStorageFull, fedmsg.CodeUnavailable, fedmsg.CodeTimeout, fedmsg.CodeBusy, fedmsg.CodeLogFailed} {
			t.Run(name+" "+string(code), func(t *testing.T) {
				running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
					full := fedmsg.Errorf(code, "no room")
					d.set(func(d *fakeDoor) { d.fate = func(int, *wire.Carried) (bool, error) { return stored, full } })
					b.publishRange(0, 100)
					time.Sleep(10 * time.Minute)
					synctest.Wait()
					calls := d.calls
					if b.left() != 100 || calls < 10 || calls > 100+60 {
						t.Errorf("%d are left after %d calls", b.left(), calls)
					}
					if st := s.List()[0]; st.Received != 0 || !st.HeldBack || st.LastError != "no room" || st.LastTime.IsZero() {
						t.Errorf("status %+v", st)
					}
					if c := s.Checks()[0]; c.Status != ops.Warning || c.Name != "source umb" || !strings.Contains(c.Text, "held back") {
						t.Errorf("health %+v", c)
					}
					d.set(func(d *fakeDoor) { d.fate = nil })
					b.publishRange(100, 200)
					time.Sleep(time.Minute)
					synctest.Wait()
					holdLog(t, d, ids(0, 200))
					if st := s.List()[0]; b.left() != 0 || st.HeldBack || st.Received != 200 || st.Dead != 0 {
						t.Errorf("%d are left, status %+v", b.left(), st)
					}
					if c := s.Checks()[0]; c.Status != ops.OK {
						t.Errorf("health %+v", c)
					}
				})
			})
		}
	}
}

// TestRecovery holds that all that waits goes through as soon as the door takes again, in order and before what is new, and that the
// waits begin anew.
func TestRecovery(t *testing.T) {
	running(t, nil, func(t *testing.T, _ *Set, b *fakeBroker, d *fakeDoor) {
		gate := make(chan struct{})
		var tries, stored []time.Time
		full := true
		d.set(func(d *fakeDoor) {
			d.gate = gate
			d.fate = func(_ int, m *wire.Carried) (bool, error) {
				if full {
					tries = append(tries, time.Now())
					return false, fedmsg.Errorf(fedmsg.CodeStorageFull, "no room")
				}
				stored = append(stored, time.Now())
				return true, nil
			}
		})
		fill := func(first, end int) {
			for n := first; n < end; n++ { // a batch each
				b.publishRange(n, n+1)
				synctest.Wait()
			}
		}
		fill(0, 20)
		d.set(func(d *fakeDoor) { d.gate = nil })
		close(gate)
		fill(20, 25)
		time.Sleep(10 * time.Minute)
		d.set(func(*fakeDoor) { full = false })
		time.Sleep(30 * time.Second)
		synctest.Wait()
		holdLog(t, d, ids(0, 25))
		if len(stored) != 25 || !stored[24].Equal(stored[0]) {
			t.Errorf("%d were stored, the last %s after the first", len(stored), stored[len(stored)-1].Sub(stored[0]))
		}
		d.set(func(*fakeDoor) { full, tries = true, nil })
		fill(25, 26)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(tries) < 3 || tries[1].Sub(tries[0]) > 100*time.Millisecond {
			t.Errorf("after a recovery it is tried at %v", tries)
		}
		d.set(func(*fakeDoor) { full = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		holdLog(t, d, ids(0, 26))
	})
}

// TestHeldInOrder holds that nothing new passes what may still be refused, also when what was refused before it is taken.
func TestHeldInOrder(t *testing.T) {
	running(t, nil, func(t *testing.T, _ *Set, b *fakeBroker, d *fakeDoor) {
		first, others := make(chan struct{}), make(chan struct{})
		seen := map[string]bool{}
		d.set(func(d *fakeDoor) {
			d.gate = first
			d.fate = func(_ int, m *wire.Carried) (bool, error) {
				if !seen[m.ID] && m.ID < id(10) {
					seen[m.ID] = true
					return false, fedmsg.Errorf(fedmsg.CodeBusy, "busy")
				}
				return true, nil
			}
		})
		for n := range 10 { // a batch each
			b.publishRange(n, n+1)
			synctest.Wait()
			d.set(func(d *fakeDoor) { d.gate = others })
		}
		d.set(func(d *fakeDoor) { d.gate = nil })
		close(first)
		synctest.Wait()
		b.publishRange(10, 20)
		time.Sleep(time.Minute)
		holdLog(t, d, ids(0, 1))
		close(others)
		time.Sleep(time.Minute)
		synctest.Wait()
		holdLog(t, d, ids(0, 20))
	})
}

// TestUnknownFate holds that a ticket which fails before its time loses nothing.
func TestUnknownFate(t *testing.T) {
	running(t, nil, func(t *testing.T, _ *Set, b *fakeBroker, d *fakeDoor) {
		b.batch = 10
		d.set(func(d *fakeDoor) { d.broken = 3 })
		b.publishRange(0, 50)
		time.Sleep(time.Minute)
		synctest.Wait()
		holdLog(t, d, ids(0, 50))
		if b.left() != 0 {
			t.Errorf("%d are left", b.left())
		}
	})
}

// TestHeldBackSome holds that of a batch only what was not taken is tried again.
func TestHeldBackSome(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		b.batch = 10
		seen := map[string]int{}
		d.set(func(d *fakeDoor) {
			d.fate = func(_ int, m *wire.Carried) (bool, error) {
				seen[m.ID]++
				switch {
				case m.ID == id(3):
					return false, fedmsg.Errorf(fedmsg.CodeBadTopic, "bad")
				case (m.ID == id(2) || m.ID == id(7)) && seen[m.ID] < 4:
					return false, fedmsg.Errorf(fedmsg.CodeBusy, "busy")
				}
				return true, nil
			}
		})
		b.publishRange(0, 10)
		time.Sleep(time.Minute)
		synctest.Wait()
		for n := range 10 {
			want := 1
			if n == 2 || n == 7 {
				want = 4
			}
			if got := seen[id(n)]; got != want {
				t.Errorf("message %d went to the door %d times, want %d", n, got, want)
			}
		}
		b.holdUnstored(id(3))
		if st := s.List()[0]; b.left() != 0 || st.Received != 10 || st.Refused != 1 || st.Dead != 1 {
			t.Errorf("%d are left, status %+v", b.left(), st)
		}
	})
}

// TestReconnect holds that a source which fails is run again with growing waits, and soon again after it was in order.
func TestReconnect(t *testing.T) {
	first := time.Now
	var starts []time.Time
	change := func(c *Configured, _ *Deps) {
		b, _ := c.Source.(*fakeBroker)
		b.runs = func(_ context.Context, session int) error {
			starts = append(starts, first())
			if session < 12 {
				return fedmsg.Errorf(fedmsg.CodeUnavailable, "nobody is there")
			}
			return nil
		}
	}
	running(t, change, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "nothing comes by") {
			t.Errorf("health %+v", c)
		}
		if st := s.List()[0]; st.Connected || st.LastError != "nobody is there" {
			t.Errorf("status %+v", st)
		}
		b.publishRange(0, 3)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(starts) != 12 {
			t.Fatalf("%d sessions", len(starts))
		}
		for i := range 11 {
			bound := min(100*time.Millisecond<<i, 30*time.Second)
			if wait := starts[i+1].Sub(starts[i]); wait < bound/2 || wait > bound {
				t.Errorf("the wait before session %d was %s, want about %s", i+1, wait, bound)
			}
		}
		holdLog(t, d, ids(0, 3))
		lost := time.Now()
		b.lose <- errors.New("reset")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(starts) != 13 || starts[12].Sub(lost) > 100*time.Millisecond {
			t.Errorf("%d sessions; the last %s after the loss", len(starts), starts[len(starts)-1].Sub(lost))
		}
		b.lose <- nil // without saying why
		synctest.Wait()
		if st := s.List()[0]; st.Connected || !strings.Contains(st.LastError, "without saying why") {
			t.Errorf("status %+v", st)
		}
	})
}

// TestLostInFlight holds that what was in flight when the connection was lost comes again, and is a duplicate where the log had it:
// the door did it, or did not.
func TestLostInFlight(t *testing.T) {
	for name, stored := range map[string]bool{"failed": false, "failed but it happened": true} {
		t.Run(name, func(t *testing.T) {
			running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
				d.set(func(d *fakeDoor) {
					d.gate = make(chan struct{}) // never opened
					d.fate = func(int, *wire.Carried) (bool, error) { return stored, nil }
				})
				b.publishRange(0, 50)
				synctest.Wait()
				b.lose <- errors.New("reset in the middle")
				d.set(func(d *fakeDoor) { d.gate, d.fate = nil, nil })
				time.Sleep(time.Minute)
				synctest.Wait()
				holdLog(t, d, ids(0, 50))
				b.holdUnstored()
				want := uint64(0)
				if stored {
					want = 50
				}
				if st := s.List()[0]; b.left() != 0 || st.Received != 50 || st.Duplicates != want {
					t.Errorf("%d are left, status %+v", b.left(), st)
				}
			})
		})
	}
}

// TestLostWhileHeldBack holds that a session ends at once while the node takes nothing.
func TestLostWhileHeldBack(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(func(d *fakeDoor) {
			d.fate = func(int, *wire.Carried) (bool, error) { return false, fedmsg.Errorf(fedmsg.CodeBusy, "busy") }
		})
		b.publishRange(0, 5)
		time.Sleep(time.Hour)
		b.lose <- errors.New("reset")
		synctest.Wait()
		if st := s.List()[0]; st.Connected || st.LastError != "reset" {
			t.Errorf("status %+v", st)
		}
		if c := s.Checks()[0]; !strings.Contains(c.Text, "nothing comes by") {
			t.Errorf("health %+v", c)
		}
		d.set(func(d *fakeDoor) { d.fate = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		holdLog(t, d, ids(0, 5))
	})
}

// TestDrain holds that a source can wait for what it submitted when it is stopped, and not for ever.
func TestDrain(t *testing.T) {
	for name, open := range map[string]bool{"it is stored": true, "it is not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newFakeDoor()
				gate := make(chan struct{})
				d.gate = gate
				b := newFakeBroker(t, d)
				b.ended = func(in *Intake) {
					if open {
						time.AfterFunc(500*time.Millisecond, func() { close(gate) })
					}
					in.Drain()
				}
				s := newSet(t, b, d, nil)
				s.Start()
				b.publishRange(0, 5)
				synctest.Wait()
				begin := time.Now()
				if err := s.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				took, left := time.Since(begin), b.left()
				if open && (left != 0 || took != 500*time.Millisecond) || !open && (left != 5 || took != maxDrain) {
					t.Errorf("%d are left after %s", left, took)
				}
			})
		})
	}
}

// hanging is a source that does not end.
type hanging struct{ release chan struct{} }

func (h hanging) Run(context.Context, *Intake) error {
	<-h.release
	return nil
}

// TestStop holds that Stop names what hangs, and may be called without Start.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hanging{make(chan struct{})}
		s := newSet(t, h, newFakeDoor(), nil)
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		s = newSet(t, h, newFakeDoor(), nil)
		s.Start()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Stop(ctx); fedmsg.CodeOf(err) != fedmsg.CodeTimeout || !strings.Contains(err.Error(), "umb") {
			t.Errorf("stop: %v", err)
		}
		close(h.release)
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestSourcesApart holds that a source which hangs or fails delays no other.
func TestSourcesApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDoor()
		b := newFakeBroker(t, d)
		h := hanging{make(chan struct{})}
		stuck := newFakeDoor()
		stuck.gate = make(chan struct{})
		held := newFakeBroker(t, stuck)
		var all []Configured
		for _, c := range []Configured{{Config: Config{Name: "one"}, Source: h}, {Config: Config{Name: "two"}, Source: held}, {Config: Config{Name: "three"}, Source: b}} {
			c.Config.From, c.Config.Topics = "amqp://x/", []fedmsg.Pattern{fedmsg.MatchAll()}
			c.Config.Verify = map[string]fedmsg.VerifyMode{"two": fedmsg.VerifyInsecureOff}[c.Config.Name]
			all = append(all, c)
		}
		s, err := New(all, Deps{Dir: t.TempDir(), Door: func(c *Config) Door {
			if c.Verify == fedmsg.VerifyInsecureOff {
				return stuck
			}
			return d
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		held.publishRange(0, 10)
		b.publishRange(0, 10)
		synctest.Wait()
		holdLog(t, d, ids(0, 10))
		if held.left() != 10 || b.left() != 0 {
			t.Errorf("%d and %d are left", held.left(), b.left())
		}
		close(h.release)
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestSubmitEnds holds that Submit tells when its context, or the session, has ended.
func TestSubmitEnds(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, _ *fakeBroker, d *fakeDoor) {
		in := newIntake(s.runners[0])
		in.limit = 2
		ctx, cancel := context.WithCancel(t.Context())
		var got []error
		go func() {
			got = append(got, in.Submit(ctx, Item{Message: carried(1)}, Item{Message: carried(2)}, Item{Message: carried(3)}), in.Submit(ctx, Item{Message: carried(4)}))
		}()
		synctest.Wait()
		if len(got) != 0 {
			t.Errorf("Submit did not wait: %v", got)
		}
		cancel()
		synctest.Wait()
		if !slices.Equal(got, []error{context.Canceled, context.Canceled}) {
			t.Errorf("Submit gave %v", got)
		}
		in.end()
		if err := in.Submit(t.Context(), Item{Message: carried(5)}); err == nil {
			t.Error("an ended session took a message")
		}
		if len(d.log()) != 0 {
			t.Errorf("the log has %v", d.log())
		}
	})
}
