package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
)

// read runs f with a connection of its own, which ends what it does when ctx ends. Each statement sees the rows of one moment; for
// several, see snapshot.
func (s *Store) read(ctx context.Context, what string, f func(c *sqlite.Conn) error) error {
	c, err := s.readers.Take(ctx)
	if err != nil {
		return s.fault(ctx, what, err)
	}
	defer s.readers.Put(c)
	return s.fault(ctx, what, f(c))
}

// snapshot is read for several statements that must see the same moment.
func (s *Store) snapshot(ctx context.Context, what string, f func(c *sqlite.Conn) error) error {
	return s.read(ctx, what, func(c *sqlite.Conn) error { return transaction(c, "BEGIN", func() error { return f(c) }) })
}

// write runs f as one transaction, durable when it returns without an error.
func (s *Store) write(ctx context.Context, what string, f func(c *sqlite.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer == nil {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "cannot %s: it is opened for reading only", what)
	}
	s.writer.SetInterrupt(ctx.Done())
	defer s.writer.SetInterrupt(nil)
	err := s.untilFree(ctx, func() error { return exec(s.writer, "BEGIN IMMEDIATE", nil) })
	if err == nil {
		err = commit(s.writer, func() error { return f(s.writer) })
	}
	return s.fault(ctx, what, err)
}

// untilFree does f, and does it again for as long as another process is in its way, until ctx ends or the store has no patience left.
// SQLite waits a little for the other each time.
func (s *Store) untilFree(ctx context.Context, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for {
		err := f()
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy || ctx.Err() != nil {
			return err
		}
	}
}

// transaction runs f between begin and COMMIT, or ROLLBACK where it fails.
func transaction(c *sqlite.Conn, begin string, f func() error) error {
	if err := exec(c, begin, nil); err != nil {
		return err
	}
	return commit(c, f)
}

// commit runs f and ends the transaction that c is in, with COMMIT, or with ROLLBACK where it fails.
func commit(c *sqlite.Conn, f func() error) error {
	err := f()
	if err == nil {
		err = exec(c, "COMMIT", nil)
	}
	if err != nil && !c.AutocommitEnabled() {
		done := c.SetInterrupt(nil) // what was interrupted must still be undone
		defer c.SetInterrupt(done)
		if undo := exec(c, "ROLLBACK", nil); undo != nil {
			return fmt.Errorf("%w, and it cannot be undone: %v", err, undo)
		}
	}
	return err
}

// exec runs a statement, which the connection keeps prepared, and calls row for each row of its result. Arguments are int64,
// string, []byte and nil.
func exec(c *sqlite.Conn, statement string, row func(*sqlite.Stmt) error, args ...any) (err error) {
	st, err := c.Prepare(statement)
	if err != nil {
		return err
	}
	for i, a := range args {
		switch v := a.(type) {
		case int64:
			st.BindInt64(i+1, v)
		case string:
			st.BindText(i+1, v)
		case []byte:
			st.BindBytes(i+1, v)
		case nil:
			st.BindNull(i + 1)
		default:
			return fmt.Errorf("no argument of a statement may be a %T", a)
		}
	}
	for {
		more, err := st.Step()
		if err != nil {
			return err // the statement has been reset
		}
		if !more {
			return st.Reset()
		}
		if row == nil {
			continue
		}
		if err := row(st); err != nil {
			_ = st.Reset() // gives the last step's error again
			return err
		}
	}
}

// number runs a statement whose result is one number; false where there is no row or it is NULL.
func number(c *sqlite.Conn, statement string, args ...any) (n int64, found bool, err error) {
	err = exec(c, statement, func(st *sqlite.Stmt) error {
		n, found = st.ColumnInt64(0), !st.ColumnIsNull(0)
		return nil
	}, args...)
	return n, found, err
}

// boolean is a truth as SQLite has it.
func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// null is a text as SQLite has it where nothing is NULL.
func null(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// columnBytes copies a BLOB or TEXT out of a result.
func columnBytes(st *sqlite.Stmt, column int) []byte {
	return appendColumn(make([]byte, 0, st.ColumnLen(column)), st, column)
}

// appendColumn appends a BLOB or TEXT of a result.
func appendColumn(b []byte, st *sqlite.Stmt, column int) []byte {
	n := len(b)
	b = slices.Grow(b, st.ColumnLen(column))
	return b[:n+st.ColumnBytes(column, b[n:cap(b)])]
}

// prepareReader makes a connection one that only reads.
func prepareReader(c *sqlite.Conn) error {
	c.SetBusyTimeout(busyTime)
	return pragmas(c, "query_only = 1", "cache_size = -8192", "temp_store = memory")
}

// prepareWriter makes a connection the writer, and the file an archive of the newest format. What is deleted is overwritten, so that
// what was erased is in no file.
func prepareWriter(c *sqlite.Conn) error {
	if err := pragmas(c, "page_size = 4096"); err != nil {
		return err
	}
	if mode, err := journalMode(c); err != nil || mode != "wal" {
		return fmt.Errorf("PRAGMA journal_mode = wal: it is %q: %w", mode, err)
	}
	if err := pragmas(c, "synchronous = full", "secure_delete = on", "cache_size = -65536",
		"temp_store = memory", "wal_autocheckpoint = 20000", "journal_size_limit = 134217728"); err != nil {
		return err
	}
	return migrate(c)
}

// journalMode asks for a write-ahead log, with which reading and writing do not wait for one another.
func journalMode(c *sqlite.Conn) (mode string, err error) {
	err = exec(c, "PRAGMA journal_mode = wal", func(st *sqlite.Stmt) error {
		mode = st.ColumnText(0)
		return nil
	})
	return mode, err
}

func pragmas(c *sqlite.Conn, settings ...string) error {
	for _, p := range settings {
		if err := exec(c, "PRAGMA "+p, nil); err != nil {
			return fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return nil
}

// readOnly says how a file is opened that is not written. SQLite makes files beside one that is written by turns; where nobody does,
// and they cannot be made, as on a medium that cannot be written, the file is read as one that does not change.
func readOnly(file string) (uri string, flags sqlite.OpenFlags, err error) {
	if _, err := os.Stat(file); err != nil {
		return "", 0, err
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		return file, sqlite.OpenReadOnly, nil
	}
	if unix.Access(filepath.Dir(file), unix.W_OK) == nil {
		return file, sqlite.OpenReadOnly, nil
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return "", 0, err
	}
	return "file:" + (&url.URL{Path: whole}).EscapedPath() + "?immutable=1", sqlite.OpenReadOnly | sqlite.OpenURI, nil
}
