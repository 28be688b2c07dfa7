package sqlite

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// drafted gives entries as Append takes them.
func drafted(entries []fedmsg.Entry) []archive.Draft {
	all := make([]archive.Draft, len(entries))
	for i := range entries {
		all[i] = archive.DraftOf(&entries[i])
	}
	return all
}

// everything asks all that can be asked of a store and of each row of entries, then writes, and gives the errors.
func everything(ctx context.Context, s archive.Store, entries, more []fedmsg.Entry) (errs []error) {
	always := archive.Window{From: 1, To: 1 << 62, Newest: true}
	failed := func(err error) { errs = append(errs, err) }
	heads, err := s.Heads(ctx, always, 1<<20)
	failed(err)
	for _, h := range heads {
		_, err := s.Rows(ctx, []archive.Key{h.Key})
		failed(err)
	}
	for i := range entries {
		d := archive.DraftOf(&entries[i])
		_, _, err := s.ByID(ctx, entries[i].ID)
		failed(err)
		_, err = s.Keys(ctx, d.Terms[i%len(d.Terms)], always, 100)
		failed(err)
		_, err = s.Words(ctx, d.Words[:1], always, 100)
		failed(err)
	}
	_, err = s.Topics(ctx)
	failed(err)
	_, err = s.Extent(ctx)
	failed(err)
	_, err = s.Series(ctx, archive.Series{By: archive.KindUser, Bucket: archive.Day, MostPoints: 1000})
	failed(err)
	_, err = s.Append(ctx, drafted(more), more[len(more)-1].Position)
	failed(err)
	_, err = s.Reindex(ctx, 0, 20, archive.DraftOf)
	failed(err)
	_, err = s.Redact(ctx, archive.Redaction{ID: entries[0].ID, By: "uid:0", At: time.Unix(1, 0)})
	failed(err)
	return errs
}

// TestDamagedFile holds that a file with wrong bytes anywhere is found out as such or answers, and ends nothing.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	bus := newBus()
	entries, more := bus.next(120), bus.next(20)
	put(t, s, entries)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good := content(t, file)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	found := 0
	for range 40 {
		bad := append([]byte(nil), good...)
		damage(r, bad)
		if r.IntN(4) == 0 {
			bad = bad[:r.IntN(len(bad))]
		}
		file := filepath.Join(t.TempDir(), "archive.sqlite")
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), file, Options{})
		errs := []error{err}
		if err == nil {
			errs = everything(t.Context(), s, entries, more)
			_ = s.Close()
		}
		if err := errors.Join(errs...); err != nil {
			found++
		}
		for _, err := range errs {
			if code := fedmsg.CodeOf(err); err != nil && code != fedmsg.CodeUnavailable && code != fedmsg.CodeFormat {
				t.Errorf("%s: %v", code, err)
			}
		}
	}
	if found < 20 {
		t.Errorf("of 40 damaged files %d were found out", found)
	}
}

// damage writes noise into three pages, or zeros over one.
func damage(r *rand.Rand, file []byte) {
	const page = 4096
	if at := r.IntN(len(file)/page) * page; r.IntN(3) == 0 {
		clear(file[at : at+page])
		return
	}
	for range 3 {
		at := r.IntN(len(file)-page) &^ 0xff
		for i := range 64 {
			file[at+i] = byte(r.Uint32())
		}
	}
}

// TestDamageIsSaid holds that what is said of a damaged file is what to do about it.
func TestDamageIsSaid(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"text":      strings.Repeat("this is a shopping list\n", 400),
		"cut off":   "SQLite format 3\x00\x10",
		"zeros":     strings.Repeat("\x00", 8192),
		"beginning": "SQLite format 3\x00\x10\x00\x02\x02\x00\x40\x20\x20" + strings.Repeat("\xff", 8192),
	} {
		file := filepath.Join(t.TempDir(), "archive.sqlite")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), file, Options{})
		if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "move it away with its -wal and -shm") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestForeignFile holds that a file of a newer version or of another program is left alone.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	for pragma, want := range map[string]fedmsg.Code{
		"user_version = 99":   fedmsg.CodeFormat,
		"application_id = 17": fedmsg.CodeUnavailable,
	} {
		s, file := opened(t)
		put(t, s, newBus().next(3))
		if err := pragmas(s.writer, pragma); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		before := content(t, file)
		for _, o := range []Options{{}, {ReadOnly: true}} {
			if _, err := Open(t.Context(), file, o); fedmsg.CodeOf(err) != want {
				t.Errorf("%s, %+v: %v", pragma, o, err)
			}
		}
		if !bytes.Equal(content(t, file), before) {
			t.Errorf("%s: the file was changed", pragma)
		}
	}
}

// content gives what a file says.
func content(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestReadOnly holds that who only reads changes nothing, and sees what another writes.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	bus := newBus()
	entries := bus.next(10)
	put(t, s, entries)
	reader, err := Open(t.Context(), file, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	put(t, s, bus.next(5))
	if n := len(heads(t, reader)); n != 15 {
		t.Errorf("%d rows", n)
	}
	before := files(t, file)
	_, err = reader.Append(t.Context(), drafted(bus.next(3)), fedmsg.Position{})
	_, err2 := reader.Redact(t.Context(), archive.Redaction{ID: entries[0].ID})
	_, err3 := reader.Reindex(t.Context(), 0, 10, archive.DraftOf)
	for _, err := range []error{err, err2, err3} {
		if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "for reading only") {
			t.Error(err)
		}
	}
	if string(files(t, file)) != string(before) {
		t.Error("the file was changed")
	}
	if _, err := Open(t.Context(), file+"2", Options{ReadOnly: true}); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("a file that is missing: %v", err)
	}
}

// TestNoRoom holds that where there is no room nothing of a batch is stored, what is there can be read, and that it goes on when there is.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	s, _ := opened(t)
	bus := newBus()
	put(t, s, bus.next(100))
	pages, _, err := number(s.writer, "PRAGMA page_count")
	if err != nil {
		t.Fatal(err)
	}
	limit := func(pages int64) {
		if _, _, err := number(s.writer, "PRAGMA max_page_count = "+strconv.FormatInt(pages, 10)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages + 5)
	more := bus.next(500)
	if _, err := s.Append(t.Context(), drafted(more), more[499].Position); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
		t.Fatal(err)
	}
	at, err := s.Position(t.Context(), more[0].Position.Log)
	if n := len(heads(t, s)); n != 100 || at.Seq != 100 || err != nil {
		t.Errorf("%d rows, at %v (%v)", n, at, err)
	}
	limit(1 << 20)
	put(t, s, more)
	if n := len(heads(t, s)); n != 600 {
		t.Errorf("%d rows", n)
	}
	whole(t, s)
}

// TestTwoWriters holds that one writer waits for another, who may be another process, and no longer than its context.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	other, err := sqlite.OpenConn(file, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := exec(other, "BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	bus := newBus()
	first := bus.next(5)
	s.patience = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Append(ctx, drafted(first), first[4].Position); fedmsg.CodeOf(err) != fedmsg.CodeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without time: %v", err)
	}
	if n := len(heads(t, s)); n != 0 { // who reads does not wait
		t.Errorf("%d rows", n)
	}
	s.patience = time.Millisecond
	if _, err := s.Append(t.Context(), drafted(first), first[4].Position); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "another program") {
		t.Errorf("without patience: %v", err)
	}
	s.patience = busyTime
	done := make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), drafted(first), first[4].Position)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	if err := exec(other, "COMMIT", nil); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	second := openedAt(t, file)
	put(t, second, bus.next(5))
	put(t, s, bus.next(5))
	if n := len(heads(t, second)); n != 15 {
		t.Errorf("%d rows", n)
	}
}
