package receive

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// refuse has a door refuse some messages for good.
func refuse(code fedmsg.Code, which ...int) func(*fakeDoor) {
	return func(d *fakeDoor) {
		d.fate = func(_ int, m *wire.Carried) (bool, error) {
			if slices.ContainsFunc(which, func(n int) bool { return id(n) == m.ID }) {
				return false, fedmsg.WrapError(code, errors.New("the inside"), "refused")
			}
			return true, nil
		}
	}
}

// letters gives all dead letters of the source.
func letters(t *testing.T, s *Set) (all []deadletter.Letter) {
	t.Helper()
	list, err := s.DeadList("umb", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		l, err := s.DeadGet("umb", l.Number)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// TestRefused holds that what no door will ever take lies with the dead letters, all of it, before it is settled, and that what is
// behind it goes on.
func TestRefused(t *testing.T) {
	for _, code := range []fedmsg.Code{fedmsg.CodeForbidden, fedmsg.CodeBadSignature, fedmsg.CodeStaleCRL, fedmsg.CodeIDConflict, fedmsg.CodeInternal} {
		t.Run(string(code), func(t *testing.T) {
			running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
				d.set(refuse(code, 1, 4))
				whole := wire.Carried{
					Topic: "a.b", ID: id(4), Envelope: []byte("{\"msg\" : {} }"), Signatures: []byte(`[{"keyid":"k"}]`), Origin: fedmsg.Position{Log: "abcdefghijkl", Seq: 7},
				}
				b.publishRange(0, 3)
				b.publish(Item{Message: carried(3), Bad: fedmsg.Errorf(fedmsg.CodeBadJSON, "not readable")}, Item{Message: whole})
				b.publishRange(5, 8)
				time.Sleep(time.Hour)
				synctest.Wait()
				holdLog(t, d, []string{id(0), id(2), id(5), id(6), id(7)})
				b.holdUnstored(id(1), id(3), id(4))
				all := letters(t, s)
				if len(all) != 3 || b.left() != 0 {
					t.Fatalf("%d letters, %d left", len(all), b.left())
				}
				l := all[0]
				if l.Of != "umb" || l.Kind != deadletter.KindSource || l.Code != code || l.Reason != "refused" || l.Attempts != 1 || l.Time.IsZero() ||
					l.Topic != "a.b" || l.ID != id(1) || string(l.Body) != `{"n":1}` || string(l.Headers) != `{"h":"v"}` || l.Envelope != nil {
					t.Errorf("letter %+v", l)
				}
				if l := all[1]; l.Code != fedmsg.CodeBadJSON || l.Reason != "not readable" || l.ID != id(3) {
					t.Errorf("letter of what could not be read: %+v", l)
				}
				if l := all[2]; string(l.Envelope) != string(whole.Envelope) || string(l.Signatures) != string(whole.Signatures) || l.Origin != whole.Origin {
					t.Errorf("letter of an envelope: %+v", l)
				}
				if st := s.List()[0]; st.Received != 8 || st.Refused != 3 || st.Dead != 3 || st.LastError != "refused" {
					t.Errorf("status %+v", st)
				}
				if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "3 of its messages") {
					t.Errorf("health %+v", c)
				}
			})
		})
	}
}

// TestTooOld holds that what is older than this node keeps is settled and counted, and fills no dead letters.
func TestTooOld(t *testing.T) {
	few := func(c *Configured, _ *Deps) { c.Config.DeadLetters = 2 }
	running(t, few, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeStale, 1, 2, 4, 5))
		b.publishRange(0, 8)
		time.Sleep(time.Minute)
		synctest.Wait()
		if c := s.Checks()[0]; c.Status != ops.Warning || !strings.Contains(c.Text, "4 messages") {
			t.Errorf("health while messages are passed over: %+v", c)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		holdLog(t, d, []string{id(0), id(3), id(6), id(7)})
		if all := letters(t, s); len(all) != 0 || b.left() != 0 {
			t.Errorf("%d letters, %d left", len(all), b.left())
		}
		if st := s.List()[0]; st.Received != 8 || st.TooOld != 4 || st.Refused != 0 || st.LastError != "refused" {
			t.Errorf("status %+v", st)
		}
		if c := s.Checks()[0]; c.Status != ops.OK {
			t.Errorf("health an hour later: %+v", c)
		}
	})
}

// TestRedactedBefore holds that what was redacted before it came is settled and counted, and kept nowhere.
func TestRedactedBefore(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeRedacted, 1, 2))
		b.publishRange(0, 4)
		synctest.Wait()
		holdLog(t, d, []string{id(0), id(3)})
		if all := letters(t, s); len(all) != 0 || b.left() != 0 {
			t.Errorf("%d letters, %d left", len(all), b.left())
		}
		if st := s.List()[0]; st.Received != 4 || st.Redacted != 2 || st.Refused != 0 || st.LastError != "" {
			t.Errorf("status %+v", st)
		}
	})
}

// TestRedactedAndRefused holds that what was redacted is kept nowhere also where the door refuses it for something else before it looks
// for its id, where its id stands in its envelope alone, and where it could not be read.
func TestRedactedAndRefused(t *testing.T) {
	ledger := func(_ *Configured, deps *Deps) {
		deps.Redacted = func(i string) bool { return i == id(1) || i == id(2) || i == id(3) }
	}
	running(t, ledger, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(func(d *fakeDoor) {
			d.fate = func(_ int, m *wire.Carried) (bool, error) {
				if m.ID == id(0) {
					return true, nil
				}
				return false, fedmsg.Errorf(fedmsg.CodeExpired, "refused")
			}
		})
		whole := wire.Carried{Topic: "a.b", Envelope: []byte(`{"topic":"a.b","msg_id":"` + id(2) + `","msg":{},"timestamp":1,"i":1}`)}
		b.publish(Item{Message: carried(0)}, Item{Message: carried(1)}, Item{Message: whole},
			Item{Message: carried(3), Bad: fedmsg.Errorf(fedmsg.CodeBadJSON, "not readable")}, Item{Message: carried(4)})
		synctest.Wait()
		if all := letters(t, s); len(all) != 1 || all[0].ID != id(4) || b.left() != 0 {
			t.Errorf("letters %+v, %d left", all, b.left())
		}
		if st := s.List()[0]; st.Received != 5 || st.Redacted != 3 || st.Refused != 1 {
			t.Errorf("status %+v", st)
		}
		d.set(refuse(fedmsg.CodeRedacted, 4))
		if err := s.DeadRetry(t.Context(), "umb", letters(t, s)[0].Number); fedmsg.CodeOf(err) != fedmsg.CodeRedacted || len(letters(t, s)) != 0 {
			t.Errorf("%v, %d letters", err, len(letters(t, s)))
		}
	})
}

// TestDeadLettersFull holds that a source stops when its dead letters are at their limit, and goes on when there is room.
func TestDeadLettersFull(t *testing.T) {
	few := func(c *Configured, _ *Deps) { c.Config.DeadLetters = 2 }
	running(t, few, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeForbidden, 1, 2, 4))
		b.publishRange(0, 6)
		time.Sleep(time.Hour)
		synctest.Wait()
		if b.left() != 2 || len(letters(t, s)) != 2 {
			t.Errorf("%d are left, %d letters", b.left(), len(letters(t, s)))
		}
		if c := s.Checks()[0]; c.Status != ops.Failed || !strings.Contains(c.Text, "fedmsg dead list") {
			t.Errorf("health %+v", c)
		}
		if err := s.DeadDrop("umb", letters(t, s)[0].Number); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		b.holdUnstored(id(1), id(2), id(4))
		if b.left() != 0 || len(letters(t, s)) != 2 {
			t.Errorf("%d are left, %d letters", b.left(), len(letters(t, s)))
		}
		if c := s.Checks()[0]; c.Status == ops.Failed {
			t.Errorf("health %+v", c)
		}
	})
}

// TestRefusedAgain holds that a message which was refused, and comes again because the other side was not told, is one letter; and
// that it is another one when somebody has dropped the first.
func TestRefusedAgain(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeForbidden, 0))
		again := func() {
			b.lose <- errors.New("reset")
			b.mu.Lock()
			b.acked = 0 // the acknowledgement was lost
			b.mu.Unlock()
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		b.publishRange(0, 1)
		synctest.Wait()
		again()
		all := letters(t, s)
		if len(all) != 1 || b.left() != 0 {
			t.Fatalf("%d letters, %d left", len(all), b.left())
		}
		if err := s.DeadDrop("umb", all[0].Number); err != nil {
			t.Fatal(err)
		}
		again()
		if all = letters(t, s); len(all) != 1 || b.left() != 0 {
			t.Errorf("%d letters, %d left", len(all), b.left())
		}
	})
}

// TestDeadRetry holds that a letter can be put through the door again, and what of it is kept when that fails too.
func TestDeadRetry(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeForbidden, 0, 1))
		b.publishRange(0, 2)
		synctest.Wait()
		all := letters(t, s)
		if err := s.DeadRetry(t.Context(), "umb", all[0].Number); fedmsg.CodeOf(err) != fedmsg.CodeForbidden {
			t.Errorf("retry: %v", err)
		}
		d.set(func(d *fakeDoor) {
			d.fate = func(int, *wire.Carried) (bool, error) { return false, fedmsg.Errorf(fedmsg.CodeBusy, "busy") }
		})
		if err := s.DeadRetry(t.Context(), "umb", all[0].Number); fedmsg.CodeOf(err) != fedmsg.CodeBusy {
			t.Errorf("retry: %v", err)
		}
		if l := letters(t, s)[0]; l.Attempts != 2 || l.Code != fedmsg.CodeForbidden {
			t.Errorf("letter %+v", l)
		}
		d.set(func(d *fakeDoor) { d.fate = nil })
		if err := s.DeadRetry(t.Context(), "umb", all[0].Number); err != nil {
			t.Error(err)
		}
		holdLog(t, d, ids(0, 1))
		if got, want := d.messages[len(d.messages)-1], carried(0); !reflect.DeepEqual(got, want) {
			t.Errorf("what was put through the door again is %+v, want %+v", got, want)
		}
		if left := letters(t, s); len(left) != 1 || left[0].ID != id(1) {
			t.Errorf("%d letters", len(left))
		}
		for _, err := range []error{
			s.DeadRetry(t.Context(), "umb", all[0].Number), s.DeadRetry(t.Context(), "um", 1), s.DeadDrop("x", 1), s.DeadDrop("umb", 99),
		} {
			if fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
				t.Errorf("%v", err)
			}
		}
		if _, err := s.DeadList("umbb", 0, 1); err == nil || !strings.Contains(err.Error(), `did you mean "umb"`) {
			t.Errorf("%v", err)
		}
		if list, err := s.DeadList("", 0, 10); err != nil || len(list) != 1 || !s.Has("umb") || s.Has("x") {
			t.Errorf("%v (%v)", list, err)
		}
	})
}

// TestTooLargeToKeep holds that a message which the dead letters never would have room for does not hold its source back for ever,
// and that what is left of it is not taken for a message without a body.
func TestTooLargeToKeep(t *testing.T) {
	running(t, nil, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		small, err := deadletter.Open(t.TempDir(), deadletter.Limits{Bytes: 4000})
		if err != nil {
			t.Fatal(err)
		}
		s.runners[0].dead = small
		d.set(refuse(fedmsg.CodeTooLarge, 0))
		large := carried(0)
		large.Body = make([]byte, 5000)
		b.publish(Item{Message: large})
		b.publishRange(1, 3)
		time.Sleep(time.Hour)
		synctest.Wait()
		holdLog(t, d, []string{id(1), id(2)})
		d.set(func(d *fakeDoor) { d.fate = nil })
		if err := s.DeadRetry(t.Context(), "umb", 1); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge || !strings.Contains(err.Error(), "not") {
			t.Errorf("tried again: %v", err)
		}
		holdLog(t, d, []string{id(1), id(2)})
	})
}

// TestDamagedLetterHasItsName holds that a letter whose file is damaged is listed by the name under which it can be dropped.
func TestDamagedLetterHasItsName(t *testing.T) {
	var dir string
	running(t, func(_ *Configured, d *Deps) { dir = d.Dir }, func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor) {
		d.set(refuse(fedmsg.CodeForbidden, 0))
		b.publishRange(0, 1)
		synctest.Wait()
		if err := os.WriteFile(filepath.Join(dir, "umb", "dead", "1.letter"), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := s.DeadList("", 0, 10)
		if err != nil || len(all) != 1 || all[0].Code != fedmsg.CodeDamaged || all[0].Of != "umb" || all[0].Kind != deadletter.KindSource {
			t.Fatalf("%+v, %v", all, err)
		}
		if err := s.DeadDrop(all[0].Of, all[0].Number); err != nil {
			t.Error(err)
		}
	})
}

// TestDeadOfOldNames holds that letters of a source that is not configured any more are listed, marked, and can be dropped, not retried.
func TestDeadOfOldNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := deadletter.Open(filepath.Join(dir, "old", "dead"), deadletter.Limits{})
	if err == nil {
		_, err = store.Add(deadletter.Letter{Of: "old", Kind: deadletter.KindSource, Topic: "a.b"})
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(nil, Deps{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "old"} {
		if list, err := s.DeadList(name, 0, 10); err != nil || len(list) != 1 || list[0].Of != "old" || !list[0].Left {
			t.Errorf("%q: %+v, %v", name, list, err)
		}
	}
	if l, err := s.DeadGet("old", 1); err != nil || l.Topic != "a.b" {
		t.Errorf("%+v, %v", l, err)
	}
	if err := s.DeadRetry(t.Context(), "old", 1); fedmsg.CodeOf(err) != fedmsg.CodeNotFound || !strings.Contains(err.Error(), "no source of that name is configured") {
		t.Errorf("%v", err)
	}
	if err := s.DeadDrop("old", 1); err != nil {
		t.Error(err)
	}
	if list, err := s.DeadList("", 0, 10); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
