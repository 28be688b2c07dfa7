package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
)

// backupPages is how many pages a backup copies before it looks whether it is to go on.
const backupPages = 256

// Backup copies the archive, as it is at the moment of the call, into a new file that only its owner may read, and which is on the
// disk when Backup returns. A file that is there is refused with CodeBadRequest; of a copy that was not finished nothing is left.
//
// Nobody waits for it: who writes goes on, but what is written meanwhile stands in the write-ahead log until the copy is done,
// which is why messages cannot be erased in that time: Redact is CodeUnavailable, and to be called again.
func (s *Store) Backup(ctx context.Context, file string) (err error) {
	const what = "copy the archive"
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fedmsg.WrapError(fedmsg.CodeBadRequest, err, "cannot %s: there is a file of that name; name another", what)
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot %s: its copy cannot be made; see that its directory is there and may be written", what)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, removeDatabase(file))
		}
	}()
	if err := s.fault(ctx, what, s.copyTo(ctx, file)); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), syncDirectory(filepath.Dir(file))); err != nil {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot %s: its copy may not be on the disk; look at the free space, and at the system's log", what)
	}
	return nil
}

// copyTo copies what one transaction sees, over connections of its own.
func (s *Store) copyTo(ctx context.Context, file string) (err error) {
	s.copies.Add(1)
	defer s.copies.Add(-1)
	source, err := s.openReader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	source.SetInterrupt(ctx.Done())
	target, err := sqlite.OpenConn(file, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	// What is cut off is thrown away, and what is not is written to the disk by the caller.
	if err := pragmas(target, "journal_mode = off", "synchronous = off"); err != nil {
		return err
	}
	return transaction(source, "BEGIN", func() error {
		if _, err := formatOf(source); err != nil { // from here on the transaction sees one moment
			return err
		}
		return copyPages(ctx, target, source)
	})
}

// copyPages copies all pages.
func copyPages(ctx context.Context, target, source *sqlite.Conn) error {
	b, err := sqlite.NewBackup(target, "main", source, "main")
	if err != nil {
		return err
	}
	defer b.Close()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = b.Step(backupPages); err != nil {
			return err
		}
	}
	return nil
}

// openReader opens a connection that only reads, beside those of the pool.
func (s *Store) openReader() (*sqlite.Conn, error) {
	c, err := sqlite.OpenConn(s.source, s.flags)
	if err != nil {
		return nil, err
	}
	if err := prepareReader(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// removeDatabase removes a file and what SQLite keeps beside it.
func removeDatabase(file string) (err error) {
	for _, name := range databaseFiles(file) {
		if gone := os.Remove(name); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// databaseFiles names a file and those that SQLite keeps beside it.
func databaseFiles(file string) []string {
	return []string{file, file + "-wal", file + "-shm", file + "-journal"}
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
