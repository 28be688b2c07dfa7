package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
)

// TestWriterStays: whoever's time ends while something is written, before a statement, within one, or before the end, the connection
// that has the log stays, and nothing of it is there.
func TestWriterStays(t *testing.T) {
	t.Parallel()
	uri := database(t)
	s := open(t, uri, Options{Log: ourLog})
	for name, f := range map[string]func(ctx context.Context, tx pgx.Tx) error{
		"before": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "SELECT 1")
			return err
		},
		"behind": func(context.Context, pgx.Tx) error { return nil },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.write(ctx, "test", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO logs VALUES ('gone', 1)"); err != nil {
				return err
			}
			cancel()
			return f(ctx, tx)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Lost(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := s.write(ctx, "test", func(ctx context.Context, tx pgx.Tx) error {
		pid := tx.Conn().PgConn().PID()
		go func() {
			defer cancel()
			for n := 0; n == 0; {
				if err := s.readers.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = $1", pid).Scan(&n); err != nil {
					return
				}
			}
		}()
		_, err := tx.Exec(ctx, "INSERT INTO logs VALUES ('gone', 1); SELECT pg_sleep(600)")
		return err
	})
	if !errors.Is(err, context.Canceled) || s.Lost() != nil {
		t.Errorf("within: %v, %v", err, s.Lost())
	}
	appendAll(t, s, drafts(1, 1))
	if n := number(t, s, "SELECT count(*) FROM logs"); n != 1 {
		t.Errorf("%d logs", n)
	}
	refused(t, uri, Options{Log: ourLog}, fedmsg.CodeUnavailable, "another node writes the log")
}

// TestWriterIsLost: a connection that ended is told of, until which all is well.
func TestWriterIsLost(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	if err := s.Lost(); err != nil {
		t.Fatal(err)
	}
	err := s.write(t.Context(), "test", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
		return err
	})
	if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || fedmsg.CodeOf(s.Lost()) != fedmsg.CodeUnavailable {
		t.Errorf("%v, and then %v", err, s.Lost())
	}
}
