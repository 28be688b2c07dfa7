package archiver

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
)

// ledgerFake knows what was redacted in memory.
type ledgerFake struct {
	mu   sync.Mutex
	list []archive.Redaction
}

func (l *ledgerFake) Add(r archive.Redaction) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
	return nil
}

func (l *ledgerFake) All() []archive.Redaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func (l *ledgerFake) Has(id string) bool {
	return slices.ContainsFunc(l.All(), func(r archive.Redaction) bool { return r.ID == id })
}

func (l *ledgerFake) Find(id, sum string) (archive.Redaction, bool) {
	for _, r := range l.All() {
		if r.ID == id && r.SHA256 == sum {
			return r, true
		}
	}
	return archive.Redaction{}, false
}

// of is the redaction of an entry that publish made or will make.
func of(n int) archive.Redaction {
	envelope := fmt.Appendf(nil, `{"topic":"org.example.dev.lab.step","msg_id":"m-%d","msg":{"n":%d}}`, n, n)
	return archive.Redaction{ID: fmt.Sprintf("m-%d", n), SHA256: fmt.Sprintf("%x", sha256.Sum256(envelope)), Reason: "private"}
}

// redacted holds that a row has no payload and says why.
func (s *site) redacted(id string) {
	s.t.Helper()
	row, ok, err := s.store.ByID(s.t.Context(), id)
	if err != nil || !ok || !row.Entry.Redacted || row.Entry.Envelope != nil || row.Redaction == nil || row.Redaction.Reason != "private" {
		s.t.Errorf("the row of %s, which was redacted, is %+v, %t, %v", id, row, ok, err)
	}
}

// TestRedactionComesFirst holds that the payload of an entry that stands in the log behind its own redaction does not come into the
// archive, as it may where two of them were taken in at once; another envelope on that id does.
func TestRedactionComesFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	s.deps.Redaction = func(e *fedmsg.Entry) (archive.Redaction, bool) {
		if e.ID == "m-2" {
			r := of(5)
			r.SHA256 = "00"
			return r, true
		}
		return of(3), e.ID == "m-1"
	}
	end := s.publish(6)
	a := s.start()
	s.await(a, end)
	s.redacted("m-3")
	if row, ok, err := s.store.ByID(t.Context(), "m-5"); err != nil || !ok || row.Entry.Redacted || s.deps.Ledger.Has("m-5") {
		t.Errorf("another envelope than was meant is %+v, %t, %v", row, ok, err)
	}
}

// TestRedactedBefore holds that a store which is older than a redaction, as one that was put back from a backup, has it carried out at
// the next start, and that nothing else is erased then.
func TestRedactedBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	s.deps.Redaction = func(*fedmsg.Entry) (archive.Redaction, bool) { return archive.Redaction{}, false }
	a := s.start()
	s.await(a, s.publish(4))
	s.stop(a)
	wrong := of(3)
	wrong.SHA256 = "00"
	for _, r := range []archive.Redaction{of(1), wrong, {ID: "never", SHA256: "00"}} {
		if err := s.deps.Ledger.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	a = s.start()
	s.await(a, s.publish(1))
	s.redacted("m-1")
	if row, ok, err := s.store.ByID(t.Context(), "m-3"); err != nil || !ok || row.Entry.Redacted {
		t.Errorf("another envelope than was meant is %+v, %t, %v", row, ok, err)
	}
}

// TestErasedIsInUse holds that a store which cannot finish an erasure, because somebody copies its file, stays open for those who search,
// that nobody is told before that it is done, and that it is done when the copy is; as it comes along the log and at the start.
func TestErasedIsInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	s.deps.Redaction = func(e *fedmsg.Entry) (archive.Redaction, bool) { return of(2), e.ID == "m-4" }
	a := s.start()
	s.await(a, s.publish(3))
	var asked atomic.Int64
	inUse := func(op string) error {
		if op != "redact" {
			return nil
		}
		asked.Add(1)
		return fedmsg.WrapError(fedmsg.CodeUnavailable, archive.ErrInUse, "it is copied")
	}
	s.store.set(nil, inUse)
	end := s.publish(1)
	hindered := func() {
		t.Helper()
		s.awaitState(a, func(st *state) bool { return st.trouble != nil })
		if _, err := a.Searcher(); err != nil {
			t.Errorf("nobody can search: %v", err)
		}
	}
	hindered()
	if st := a.snapshot(); st.through >= end.Seq {
		t.Errorf("the archive claims to have everything up to %d", st.through)
	}
	s.store.set(nil, nil)
	s.await(a, end)
	s.redacted("m-2")
	s.stop(a)

	if err := s.deps.Ledger.Add(of(1)); err != nil {
		t.Fatal(err)
	}
	s.store.set(nil, inUse)
	asked.Store(0)
	a = s.start()
	hindered()
	end = s.publish(1)
	s.awaitState(a, func(*state) bool { return asked.Load() > 2 }) // though the row shows nothing any more
	if st := a.snapshot(); st.through >= end.Seq {
		t.Errorf("the archive goes on to %d before all is erased", st.through)
	}
	s.store.set(nil, nil)
	s.await(a, end)
	s.redacted("m-1")
}
