package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// drained drains s and gives what came.
func drained(t *testing.T, s *Spool) []string {
	t.Helper()
	var got []string
	sum, err := s.DrainOwn(t.Context(), single(func(_ context.Context, f File) error {
		got = append(got, string(f.Envelope))
		return nil
	}))
	if err != nil {
		t.Fatalf("DrainOwn: %v", err)
	}
	if !sum.Empty || sum.Delivered != len(got) {
		t.Errorf("summary %+v of %d envelopes", sum, len(got))
	}
	return got
}

// single makes a Deliver of what hands on one envelope.
func single(deliver func(context.Context, File) error) Deliver {
	return func(ctx context.Context, files []File) (errs []error) {
		for _, f := range files {
			err := deliver(ctx, f)
			if errs = append(errs, err); err != nil && !permanent(err) {
				break
			}
		}
		return errs
	}
}

func write(t *testing.T, s *Spool, envelopes ...string) {
	t.Helper()
	for _, e := range envelopes {
		if err := s.Write([]byte(e)); err != nil {
			t.Fatalf("Write: %v", err)
		}
	}
}

func wantPending(t *testing.T, s *Spool, want bool) {
	t.Helper()
	if got, err := s.Pending(); got != want || err != nil {
		t.Errorf("Pending = %v, %v; want %v", got, err, want)
	}
}

func TestOrderIsKept(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "a", "spool"), Options{})
	wantPending(t, s, false)
	var want []string
	for i := range 30 {
		want = append(want, fmt.Sprintf(`{"n":%d}`, i))
		// Another Spool is another process: its names must still sort behind.
		write(t, New(s.Dir(), Options{}), want[i])
	}
	wantPending(t, s, true)
	if got := drained(t, s); !slices.Equal(got, want) {
		t.Errorf("drained %q", got)
	}
	wantPending(t, s, false)
}

func TestOrderSurvivesClockGoingBack(t *testing.T) {
	s := New(t.TempDir(), Options{})
	m := s.openMark()
	future := m.name(time.Now().Add(time.Hour))
	m.announce(future, 1)
	m.close()
	if err := os.WriteFile(filepath.Join(s.Dir(), future), []byte("first"), 0o640); err != nil {
		t.Fatal(err)
	}
	write(t, New(s.Dir(), Options{}), "second")
	if got := drained(t, s); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("drained %q", got)
	}
}

// TestWriteFailsAtEachStep stops Write before each of its operations, as an error and as a crash would, and holds what it
// promises: nil means kept, an error before the rename means not kept, and afterwards "it happened" and is handed on once.
func TestWriteFailsAtEachStep(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "rename", "renamed"} {
		t.Run(step, func(t *testing.T) {
			s := New(t.TempDir(), Options{})
			write(t, s, "before")
			s.fault = func(at string) error {
				if at == step {
					return syscall.EIO
				}
				return nil
			}
			if err := s.Write([]byte("faulty")); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
				t.Fatalf("Write = %v", err)
			}
			s.fault = nil
			wantPending(t, s, true)
			write(t, s, "after")
			want := []string{"before", "after"}
			if step == "renamed" {
				want = []string{"before", "faulty", "after"}
			}
			if got := drained(t, s); !slices.Equal(got, want) {
				t.Errorf("drained %q, want %q", got, want)
			}
		})
	}
}

func TestMarkKnowsPendingAfterFailedRename(t *testing.T) {
	s := New(t.TempDir(), Options{})
	write(t, s, "before")
	s.fault = func(at string) error {
		if at == "rename" {
			return syscall.EIO
		}
		return nil
	}
	_ = s.Write([]byte("lost"))
	m := s.openMark()
	defer m.close()
	if !m.pending() {
		t.Error("the mark has forgotten the file written before the failed one")
	}
}

func TestDiskFullSaysSo(t *testing.T) {
	s := New(t.TempDir(), Options{})
	s.fault = func(at string) error {
		if at == "write" {
			return syscall.ENOSPC
		}
		return nil
	}
	if err := s.Write([]byte("x")); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
		t.Errorf("Write = %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(s.Dir(), tempPrefix+"*")); len(names) > 0 {
		t.Errorf("left %q", names)
	}
}

func TestBoundsAreHeldAndGivenBack(t *testing.T) {
	s := New(t.TempDir(), Options{Files: 3, Bytes: 10, FileBytes: 8})
	write(t, s, "1", "2", "3")
	if err := s.Write([]byte("4")); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull || !strings.Contains(err.Error(), "3 are allowed") {
		t.Errorf("fourth file: %v", err)
	}
	first := true
	_, _ = s.DrainOwn(t.Context(), single(func(context.Context, File) error {
		if first {
			first = false
			return nil
		}
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "no")
	}))
	write(t, s, "1234567") // room again: the mark's counts are mended
	if err := s.Write([]byte("12")); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull || !strings.Contains(err.Error(), "full") {
		t.Errorf("bytes: %v", err)
	}
	if err := s.Write([]byte("123456789")); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		t.Errorf("one file: %v", err)
	}
}

func TestDrainStopsAndKeepsOnRetryable(t *testing.T) {
	for _, code := range []fedmsg.Code{fedmsg.CodeUnavailable, fedmsg.CodeTimeout, fedmsg.CodeBusy, fedmsg.CodeUnauthenticated, fedmsg.CodeInternal} {
		s := New(t.TempDir(), Options{})
		write(t, s, "1", "2", "3")
		calls := 0
		sum, err := s.DrainOwn(t.Context(), single(func(context.Context, File) error {
			if calls++; calls == 2 {
				return fedmsg.Errorf(code, "not now")
			}
			return nil
		}))
		if fedmsg.CodeOf(err) != code || sum.Delivered != 1 || sum.Empty {
			t.Errorf("%s: %+v, %v", code, sum, err)
		}
		if got := drained(t, s); !slices.Equal(got, []string{"2", "3"}) {
			t.Errorf("%s: kept %q", code, got)
		}
	}
}

func TestRefusedIsMovedWithReason(t *testing.T) {
	s := New(t.TempDir(), Options{})
	write(t, s, "1", "2", "3")
	var got []string
	sum, err := s.DrainOwn(t.Context(), single(func(_ context.Context, f File) error {
		if string(f.Envelope) == "2" {
			return fedmsg.WrapError(fedmsg.CodeBadTopic, errors.New("inside"), "topic has an empty word")
		}
		got = append(got, string(f.Envelope))
		return nil
	}))
	if err != nil || sum != (Summary{Delivered: 2, Rejected: 1, Empty: true}) || !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("%+v, %v, %q", sum, err, got)
	}
	files, _ := filepath.Glob(filepath.Join(s.Dir(), "rejected", "*"+suffix))
	if len(files) != 1 {
		t.Fatalf("rejected: %q", files)
	}
	kept, _ := os.ReadFile(files[0])
	reason, _ := os.ReadFile(files[0] + ".reason")
	if string(kept) != "2" || string(reason) != "bad_topic: topic has an empty word\n" {
		t.Errorf("kept %q because %q", kept, reason)
	}
}

func TestLinksAndOpenFilesAreNeverSent(t *testing.T) {
	s := New(t.TempDir(), Options{FileBytes: 100})
	secret, linked := filepath.Join(t.TempDir(), "secret"), filepath.Join(s.Dir(), "linked")
	for _, name := range []string{secret, linked} {
		if err := os.WriteFile(name, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(i int) string { return filepath.Join(s.Dir(), newName(int64(i), os.Geteuid())) }
	open := at(5)
	steps := []error{
		os.Symlink(secret, at(1)), os.Link(linked, at(2)), syscall.Mkfifo(at(3), 0o640), os.Mkdir(at(4), 0o700),
		os.WriteFile(open, []byte("x"), 0o640), os.Chmod(open, 0o666),
		os.WriteFile(at(6), make([]byte, 101), 0o640),
		os.WriteFile(filepath.Join(s.Dir(), "note.txt"), []byte("x"), 0o640),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	write(t, s, "good")
	var got []string
	sum, err := s.DrainAll(t.Context(), single(func(_ context.Context, f File) error {
		got = append(got, string(f.Envelope))
		return nil
	}))
	if err != nil || !slices.Equal(got, []string{"good"}) || sum.Rejected != 5 {
		t.Errorf("%+v, %v, %q", sum, err, got)
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
		t.Errorf("the link's target: %q, %v", b, err)
	}
}

func TestNodeMayReadWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	s := New(t.TempDir(), Options{})
	write(t, s, "x")
	names, err := s.names()
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if info, err := os.Stat(filepath.Join(s.Dir(), names[0])); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestOldTempsAreRemoved(t *testing.T) {
	s := New(t.TempDir(), Options{})
	old, young := filepath.Join(s.Dir(), tempPrefix+"old"), filepath.Join(s.Dir(), tempPrefix+"young")
	_ = os.WriteFile(old, nil, 0o640)
	_ = os.WriteFile(young, nil, 0o640)
	past := time.Now().Add(-2 * tempAge)
	_ = os.Chtimes(old, past, past)
	if _, err := s.DrainAll(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	_, errOld := os.Stat(old)
	_, errYoung := os.Stat(young)
	if errOld == nil || errYoung != nil {
		t.Errorf("old: %v, young: %v", errOld, errYoung)
	}
}

func TestDrainersExcludeEachOther(t *testing.T) {
	s := New(t.TempDir(), Options{})
	for i := range 20 {
		write(t, s, fmt.Sprint(i))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	busy := 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := New(s.Dir(), Options{}).DrainOwn(t.Context(), single(func(_ context.Context, f File) error {
				mu.Lock()
				busy++
				if busy > 1 {
					t.Error("two drainers at once")
				}
				seen[string(f.Envelope)]++
				mu.Unlock()
				mu.Lock()
				busy--
				mu.Unlock()
				return nil
			}))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for e, n := range seen {
		if n != 1 {
			t.Errorf("%s was handed on %d times", e, n)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d of 20 came", len(seen))
	}
}

func TestDrainWaitsNoLongerThanItsDeadline(t *testing.T) {
	s := New(t.TempDir(), Options{})
	write(t, s, "1")
	d, err := os.Open(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := lock(d, time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.DrainOwn(ctx, nil); fedmsg.CodeOf(err) != fedmsg.CodeBusy {
		t.Errorf("DrainOwn = %v", err)
	}
}

// TestDrainKeepsOnlyWhatIsNotDelivered answers a batch as a node may whose log had no room for one submission and had for
// the next: what was delivered must go, or it would be delivered again.
func TestDrainKeepsOnlyWhatIsNotDelivered(t *testing.T) {
	s := New(t.TempDir(), Options{})
	write(t, s, "1", "2", "3", "4")
	sum, err := s.DrainAll(t.Context(), func(_ context.Context, files []File) []error {
		if len(files) != 4 {
			t.Errorf("%d files at once", len(files))
		}
		return []error{nil, fedmsg.Errorf(fedmsg.CodeStorageFull, "full"), nil, fedmsg.Errorf(fedmsg.CodeBadTopic, "bad")}
	})
	if fedmsg.CodeOf(err) != fedmsg.CodeStorageFull || sum.Delivered != 2 || sum.Rejected != 1 || sum.Empty {
		t.Errorf("%+v, %v", sum, err)
	}
	if got := drained(t, s); !slices.Equal(got, []string{"2"}) {
		t.Errorf("kept %q", got)
	}
}
