package poll

import (
	"context"
	"encoding/base64"
	"errors"
	"math"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/remote"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// lockWait is how long another program may hold a file of SQLite.
const lockWait = 5 * time.Second

// sqliteFile asks a file of SQLite.
type sqliteFile struct {
	path  string
	query string
	limit int64
}

func newSQLite(u *url.URL, files remote.Files, c *Config) (asker, error) {
	if err := errors.Join(noFiles(files, schemeSQLite+"://"), queryFaults(c, schemeSQLite)); err != nil {
		return nil, err
	}
	if u.Host != "" || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.User != nil {
		return nil, fault("from of a file of SQLite is poll+sqlite:///PATH, with three slashes and nothing behind the path")
	}
	return &sqliteFile{path: u.Path, query: c.Query, limit: int64(c.MaxBytes)}, nil
}

// ask opens the file to read, runs the one statement and closes it.
func (s *sqliteFile) ask(ctx context.Context, take func([]tabular.Cell) error) (same bool, err error) {
	conn, err := sqlite.OpenConn(s.path, sqlite.OpenReadOnly)
	if err != nil {
		return false, unavailable(err, "cannot open %s", s.path)
	}
	defer func() { _ = conn.Close() }() // nothing was written
	conn.SetInterrupt(ctx.Done())
	conn.SetBusyTimeout(lockWait)
	conn.Limit(sqlite.LimitLength, int32(min(s.limit, math.MaxInt32))) // of what is made in memory before anything of it is seen here
	stmt, rest, err := conn.PrepareTransient(s.query)
	if err != nil {
		return false, s.failed(ctx, err)
	}
	defer func() { _ = stmt.Finalize() }()
	if tail := s.query[len(s.query)-rest:]; strings.Trim(tail, "; \t\r\n") != "" {
		return false, fault("poll.query has more than one statement")
	}
	t := &taker{left: s.limit, take: take}
	for i := range stmt.ColumnCount() {
		t.names = append(t.names, tabular.Text(nil, stmt.ColumnName(i)))
	}
	for {
		more, err := stmt.Step()
		if err != nil {
			return false, s.failed(ctx, err)
		}
		if !more {
			return false, nil
		}
		if err := t.row(func(i int, dst []byte) ([]byte, error) { return t.appendSQLite(dst, stmt, i) }); err != nil {
			return false, err
		}
	}
}

func (s *sqliteFile) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fedmsg.Errorf(fedmsg.CodeTimeout, "%s did not answer within poll.timeout", s.path)
	}
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "%s refuses the query: %s", s.path, ops.Printable(err.Error()))
}

// appendSQLite appends a value as JSON of its kind; bytes are in base64.
func (t *taker) appendSQLite(dst []byte, stmt *sqlite.Stmt, i int) ([]byte, error) {
	switch stmt.ColumnType(i) {
	case sqlite.TypeNull:
		return append(dst, "null"...), nil
	case sqlite.TypeInteger:
		return strconv.AppendInt(dst, stmt.ColumnInt64(i), 10), nil
	case sqlite.TypeFloat:
		f := stmt.ColumnFloat(i)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return tabular.Text(dst, strconv.FormatFloat(f, 'g', -1, 64)), nil
		}
		return strconv.AppendFloat(dst, f, 'g', -1, 64), nil
	}
	size := stmt.ColumnLen(i)
	if err := t.fits(len(dst) + size); err != nil {
		return dst, err
	}
	if stmt.ColumnType(i) == sqlite.TypeText {
		return tabular.Text(dst, stmt.ColumnText(i)), nil
	}
	blob := make([]byte, size)
	stmt.ColumnBytes(i, blob)
	return tabular.Text(dst, base64.StdEncoding.EncodeToString(blob)), nil
}
