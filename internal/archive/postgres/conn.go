package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
)

// reader is a connection that reads.
type reader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// read runs f with a connection of its own. Each statement sees the rows of one moment, and the next those of a later one.
func (s *Store) read(ctx context.Context, what string, f func(ctx context.Context, c reader) error) error {
	c, err := s.readers.Acquire(ctx)
	if err != nil {
		return fault(ctx, what, err)
	}
	defer c.Release()
	return fault(ctx, what, f(ctx, c))
}

// write runs f as one transaction, durable when it returns without an error. Nobody else writes meanwhile, in no process.
func (s *Store) write(ctx context.Context, what string, f func(ctx context.Context, tx pgx.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer == nil {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "cannot %s: it is opened for reading only", what)
	}
	return fault(ctx, what, s.transaction(ctx, f))
}

// transaction is write for who has mu. Where it fails all is forgotten that is remembered of the
// database, and which block was gone on with. Where ctx ends the connection
// stays, as the lock of the log is its session's.
func (s *Store) transaction(ctx context.Context, f func(ctx context.Context, tx pgx.Tx) error) (err error) {
	defer func() {
		if err != nil {
			s.open, s.memory = openBlock{}, memory{}
		}
	}()
	tx, err := s.writer.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}) // who waited for the lock sees what the other wrote
	if err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, 0)", lockWriting); err == nil {
		err = f(ctx, tx)
	}
	if err == nil {
		err = ctx.Err() // a commit would end the connection
	}
	if err == nil {
		err = tx.Commit(ctx)
	} else {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		_ = tx.Rollback(back) // where it fails the connection is closed, see Lost
	}
	return err
}

// Lost says why nothing can be written any more until the database is opened anew: the connection that has the log ended. It is nil
// while there is one, and where the database is only read. It waits for who is writing.
func (s *Store) Lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer == nil || !s.writer.IsClosed() {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "cannot write into the archive: the connection to its database ended; it is opened anew by itself")
}

// scan calls row for each row of a result; into are what the columns are read into.
func scan(ctx context.Context, c reader, row func() error, into []any, sql string, args ...any) error {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, into, row)
	return err
}

// column gives the first column of a result.
func column[T any](ctx context.Context, c reader, sql string, args ...any) (all []T, err error) {
	var v T
	err = scan(ctx, c, func() error {
		all = append(all, v)
		return nil
	}, []any{&v}, sql, args...)
	return all, err
}

// first gives the first column of the only row; false where there is none.
func first[T any](ctx context.Context, c reader, sql string, args ...any) (v T, found bool, err error) {
	err = c.QueryRow(ctx, sql, args...).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, err
}
