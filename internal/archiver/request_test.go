package archiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
)

// TestWrite imports beside the log, whose position stays.
func TestWrite(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	a := s.start()
	s.await(a, s.publish(1))
	old := fedmsg.Entry{ID: "old", Topic: "org.example.dev.lab.old", Received: time.Unix(1e9, 0), Envelope: []byte(`{"msg":{}}`)}
	if err := a.Write(t.Context(), func(ctx context.Context, w archive.Writer) error {
		_, err := w.Append(ctx, []archive.Draft{archive.DraftOf(&old)}, fedmsg.Position{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.rows(); len(got) != 2 || got[0] != "old" {
		t.Errorf("the archive has %s, want the imported row before the other", got)
	}
	if p, err := s.store.Position(t.Context(), s.live.Log()); err != nil || p.Seq != 1 {
		t.Errorf("the store is at %s, %v; want 1", p, err)
	}
	if err := a.Write(t.Context(), func(context.Context, archive.Writer) error { return errStore }); !errors.Is(err, errStore) {
		t.Errorf("an error of what is written came back as %v", err)
	}
	s.stop(a)
	if err := a.Write(t.Context(), nil); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("writing behind the end: %v, want %s", err, fedmsg.CodeUnavailable)
	}
}

// mortal is a store that may lose its database.
type mortal struct {
	archive.Store
	lost error // written and read by what the archiver does alone
}

func (m *mortal) Lost() error { return m.lost }

// TestWriteLosesTheStore: where the store lost its database while something else was written, another is opened at once, and not when
// the next entry comes.
func TestWriteLosesTheStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	opened := make(chan *mortal, 9)
	s.deps.Open = func(context.Context) (archive.Store, error) {
		m := &mortal{Store: s.store}
		opened <- m
		return m, nil
	}
	a := s.start()
	first := <-opened
	s.await(a, s.publish(1))
	if err := a.Write(t.Context(), func(context.Context, archive.Writer) error { return errStore }); !errors.Is(err, errStore) {
		t.Errorf("an error of what is written came back as %v", err)
	}
	if err := a.Write(t.Context(), func(context.Context, archive.Writer) error {
		first.lost = fedmsg.Errorf(fedmsg.CodeUnavailable, "the connection ended")
		return errStore
	}); !errors.Is(err, errStore) {
		t.Errorf("an error of what is written came back as %v", err)
	}
	select {
	case <-opened:
	case <-time.After(patience):
		t.Fatal("a store that was lost is used on")
	}
	s.await(a, s.publish(1))
	if len(opened) > 0 {
		t.Error("a store that was not lost was opened anew")
	}
	s.equal(1)
}

// TestWriteEnds stops the archiver, or takes the time away, while something is written and another thing waits.
func TestWriteEnds(t *testing.T) {
	t.Parallel()
	for _, byStop := range []bool{true, false} {
		s := newSite(t, commitlog.Options{})
		a := s.start()
		<-a.Tried()
		ctx, cancel := context.WithCancel(t.Context())
		begun, first, second := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go func() {
			first <- a.Write(ctx, func(ctx context.Context, _ archive.Writer) error {
				close(begun)
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		<-begun
		go func() { second <- a.Write(ctx, func(context.Context, archive.Writer) error { return nil }) }()
		s.awaitRequests(a, 1)
		if byStop {
			s.stop(a)
		} else {
			cancel()
		}
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("what was under way ended with %v, want %v", err, context.Canceled)
		}
		if err := <-second; byStop && fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
			t.Errorf("what waited ended with %v, want %s", err, fedmsg.CodeUnavailable)
		}
		cancel()
	}
}

// awaitRequests waits until so many requests wait.
func (s *site) awaitRequests(a *Archiver, n int) {
	s.t.Helper()
	s.awaitState(a, func(*state) bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.requests) == n
	})
}

// sumOf is the SHA-256 of the envelope of an entry in the log.
func sumOf(t *testing.T, s *site, id string) string {
	e, found, err := s.log.Find(id)
	if err != nil || !found {
		t.Errorf("%s is not in the log: %v", id, err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(e.Envelope))
}

// TestRedaction erases what an entry says, also what came in the same batch, and does it again when the store failed at it: the
// position behind the entry is not saved before.
func TestRedaction(t *testing.T) {
	t.Parallel()
	s := newSite(t, commitlog.Options{})
	s.deps.Redaction = func(e *fedmsg.Entry) (archive.Redaction, bool) {
		r := archive.Redaction{ID: "m-2", SHA256: sumOf(t, s, "m-2"), Reason: "private"}
		if e.ID == "m-4" { // neither is another message erased, nor one that says what is to be erased
			r = archive.Redaction{ID: "m-1", SHA256: "00", Reason: "another envelope"}
		}
		if e.ID == "m-5" {
			r = archive.Redaction{ID: "m-3", SHA256: sumOf(t, s, "m-3"), Reason: "a redaction"}
		}
		return r, slices.Contains([]string{"m-3", "m-4", "m-5"}, e.ID)
	}
	s.store.set(always("redact", errStore), nil)
	end := s.publish(6)
	a := s.start()
	s.awaitState(a, func(st *state) bool { return st.trouble != nil })
	if p, err := s.store.Position(t.Context(), s.live.Log()); err != nil || p.Seq != 2 {
		t.Errorf("the store is at %s, %v; want 2, before the entry that could not be followed", p, err)
	}
	s.stop(a)
	s.store.set(nil, nil)
	s.await(s.start(), end)
	row, ok, err := s.store.ByID(t.Context(), "m-2")
	if err != nil || !ok || row.Redaction == nil || row.Redaction.Reason != "private" {
		t.Errorf("the row of what was erased is %+v, %t, %v", row, ok, err)
	}
	for _, id := range []string{"m-1", "m-3"} {
		if row, ok, err := s.store.ByID(t.Context(), id); err != nil || !ok || row.Entry.Redacted {
			t.Errorf("the row of %s, which is to stay, is %+v, %t, %v", id, row, ok, err)
		}
	}
}
