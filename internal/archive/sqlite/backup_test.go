package sqlite

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// heads gives all rows of a store.
func heads(t testing.TB, s archive.Store) []archive.Head {
	t.Helper()
	all, err := s.Heads(t.Context(), archive.Window{From: 1, To: 1 << 62}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBackup copies an archive that is being written to: the copy is a whole archive of one moment, and goes on as one.
func TestBackup(t *testing.T) {
	t.Parallel()
	s, _ := opened(t)
	bus := newBus()
	const batch = 50
	for range 20 {
		put(t, s, bus.next(batch))
	}
	ctx, stop := context.WithCancel(t.Context())
	wrote := make(chan struct{}, 1)
	written := make(chan error, 1)
	go func() {
		for {
			entries := bus.next(batch)
			drafts := make([]archive.Draft, batch)
			for i := range entries {
				drafts[i] = archive.DraftOf(&entries[i])
			}
			if _, err := s.Append(ctx, drafts, entries[batch-1].Position); err != nil {
				written <- err
				return
			}
			select {
			case wrote <- struct{}{}:
			default:
			}
		}
	}()
	<-wrote
	file := filepath.Join(t.TempDir(), "copy.sqlite")
	err := s.Backup(t.Context(), file)
	<-wrote // who writes goes on
	stop()
	if end := <-written; !errors.Is(end, context.Canceled) {
		t.Errorf("writing failed meanwhile: %v", end)
	}
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the copy is %v (%v)", info.Mode(), err)
	}
	if names, _ := filepath.Glob(file + "*"); len(names) != 1 {
		t.Errorf("there are the files %q", names)
	}
	all := len(heads(t, s))
	copied := openedAt(t, file)
	whole(t, copied)
	n := len(heads(t, copied))
	at, err := copied.Position(t.Context(), bus.next(1)[0].Position.Log)
	if err != nil || n < 21*batch || n > all || n%batch != 0 || at.Seq != uint64(n) {
		t.Errorf("the copy has %d rows of %d, and is at %v (%v)", n, all, at, err)
	}
	put(t, copied, bus.next(5))
	if now := len(heads(t, copied)); now != n+5 {
		t.Errorf("the copy has %d rows with 5 more than %d", now, n)
	}
}

// TestBackupRefuses holds that a backup writes over nothing, and leaves nothing that is not whole.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	put(t, s, newBus().next(10))
	before := files(t, file)
	if err := s.Backup(t.Context(), file); fedmsg.CodeOf(err) != fedmsg.CodeBadRequest {
		t.Errorf("onto the archive: %v", err)
	}
	if string(files(t, file)) != string(before) {
		t.Error("the archive was changed")
	}
	if err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "missing", "copy")); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("into a directory that is missing: %v", err)
	}
	ctx, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	cut := filepath.Join(t.TempDir(), "copy.sqlite")
	if err := s.Backup(ctx, cut); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
		t.Errorf("without time: %v", err)
	}
	if names, _ := filepath.Glob(cut + "*"); len(names) > 0 {
		t.Errorf("it left %q", names)
	}
	if err := s.Backup(t.Context(), cut); err != nil {
		t.Errorf("with time: %v", err)
	}
}

// TestRedactDuringBackup holds that erasing is not said to be done while a copy keeps what was there in the file, and ends when it is
// asked for again.
func TestRedactDuringBackup(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	entries := newBus().next(10)
	hidden := hide(rand.New(rand.NewPCG(2, 2)), &entries[3])
	put(t, s, entries)
	redaction := archive.Redaction{ID: hidden.id, By: "uid:0", At: time.Unix(1, 0)}
	s.copies.Add(1)
	if _, err := s.Redact(t.Context(), redaction); !errors.Is(err, archive.ErrInUse) || fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "a copy of the archive") {
		t.Errorf("while it is copied: %v", err)
	}
	s.copies.Add(-1)
	if found, err := s.Redact(t.Context(), redaction); !found || err != nil {
		t.Errorf("asked again: %v, %v", found, err)
	}
	if bytes.Contains(files(t, file), hidden.needle) {
		t.Error("it is in a file")
	}
}

// TestRedactWhileAnotherReads holds that erasing fails in a way that can be told from a store that does not work while another process
// reads what was there, that nobody is given the message all the same, and that erasing ends when the other does.
func TestRedactWhileAnotherReads(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	entries := newBus().next(10)
	hidden := hide(rand.New(rand.NewPCG(2, 3)), &entries[3])
	put(t, s, entries)
	other, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // it only reads
	if err := exec(other, "BEGIN", nil); err != nil {
		t.Fatal(err)
	}
	if n, _, err := number(other, "SELECT count(*) FROM messages"); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	redaction := archive.Redaction{ID: hidden.id, By: "uid:0", At: time.Unix(1, 0)}
	s.patience = time.Millisecond
	if _, err := s.Redact(t.Context(), redaction); !errors.Is(err, archive.ErrInUse) || fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("while another reads: %v", err)
	}
	if row, found, err := s.ByID(t.Context(), hidden.id); !found || err != nil || !row.Entry.Redacted || row.Entry.Envelope != nil {
		t.Errorf("%+v, %v, %v", row, found, err)
	}
	put(t, s, newBus().next(20)[10:]) // who writes goes on
	if err := exec(other, "COMMIT", nil); err != nil {
		t.Fatal(err)
	}
	s.patience = time.Minute
	if found, err := s.Redact(t.Context(), redaction); !found || err != nil {
		t.Errorf("asked again: %v, %v", found, err)
	}
	if bytes.Contains(files(t, file), hidden.needle) {
		t.Error("it is in a file")
	}
}
