package main

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	sqlitedb "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/sqlite"
)

// sqliteKind is SQLite. An archive is the file that a node has in its state directory.
type sqliteKind struct{}

// sqliteState is the state directory of the node.
func sqliteState(b *bench, name string) string { return filepath.Join(b.archiveDir(), name) }

func sqliteFile(b *bench, name string) string {
	return filepath.Join(sqliteState(b, name), "archive.sqlite")
}

func (sqliteKind) open(ctx context.Context, b *bench, name string) (archive.Store, error) {
	if err := os.MkdirAll(b.archiveDir(), 0o755); err != nil { // PostgreSQL's, of another user, is in it too
		return nil, err
	}
	if err := os.MkdirAll(sqliteState(b, name), 0o700); err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, sqliteFile(b, name), sqlite.Options{})
}

func (sqliteKind) remove(_ context.Context, b *bench, name string) error {
	return os.RemoveAll(sqliteState(b, name))
}

func (sqliteKind) config(_ context.Context, b *bench, name string) (text, state string, err error) {
	return "sign = []\nverify = \"if-signed\"\n", sqliteState(b, name), nil
}

func (sqliteKind) size(_ context.Context, b *bench, name string) (sum int64, err error) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(sqliteFile(b, name) + suffix)
		switch {
		case err == nil:
			sum += info.Size()
		case !errors.Is(err, fs.ErrNotExist):
			return 0, err
		}
	}
	return sum, nil
}

// describe counts the rows and explains the statements by which the store finds messages, as they stand in its source.
func (sqliteKind) describe(_ context.Context, b *bench, name string) (_ string, err error) {
	c, err := sqlitedb.OpenConn(sqliteFile(b, name), sqlitedb.OpenReadOnly)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var w strings.Builder
	count, err := sqlitex.ResultInt64(c.Prep("SELECT count(*) FROM messages"))
	if err != nil {
		return "", err
	}
	info, err := os.Stat(sqliteFile(b, name))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&w, "`SELECT count(*) FROM messages` is %d; the file has %d bytes.\n\n", count, info.Size())
	for _, file := range []string{"find.go", "rows.go", "stats.go"} {
		statements, err := selects(filepath.Join(b.root, "internal", "archive", "sqlite", file))
		if err != nil {
			return "", err
		}
		for _, s := range statements {
			explainSQLite(&w, c, s)
		}
	}
	return w.String(), nil
}

// explainSQLite writes the plan of a statement. What is only a piece of one is left out.
func explainSQLite(w *strings.Builder, c *sqlitedb.Conn, statement string) {
	st, _, err := c.PrepareTransient("EXPLAIN QUERY PLAN " + statement)
	if err != nil {
		return
	}
	defer st.Finalize()
	for i := 1; i <= st.BindParamCount(); i++ {
		st.BindInt64(i, 1)
	}
	var steps []string
	for {
		more, err := st.Step()
		if err != nil || !more {
			break
		}
		steps = append(steps, st.GetText("detail"))
	}
	fmt.Fprintf(w, "- `%s`: %s\n", strings.Join(strings.Fields(statement), " "), strings.Join(steps, "; "))
}

// selects gives the texts of a source file that begin as questions, each once.
func selects(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s scanner.Scanner
	set := token.NewFileSet()
	s.Init(set.AddFile(file, -1, len(text)), text, nil, 0)
	var found []string
	seen := make(map[string]bool)
	for {
		_, kind, literal := s.Scan()
		if kind == token.EOF {
			return found, nil
		}
		if kind != token.STRING {
			continue
		}
		value, err := strconv.Unquote(literal)
		if err == nil && strings.HasPrefix(value, "SELECT ") && !seen[value] {
			seen[value] = true
			found = append(found, value)
		}
	}
}
