package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// refused holds that a store is not opened, and why.
func refused(t *testing.T, uri string, o Options, code fedmsg.Code, says string) {
	t.Helper()
	s, err := Open(t.Context(), uri, o)
	if err == nil {
		s.Close()
	}
	if fedmsg.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), says) {
		t.Errorf("%s was opened with %v, and not refused with %s: %s", uri, err, code, says)
	}
}

// TestOneWriter: a log has one writer, who others know of until its connection ends; another log is written beside it, and everybody
// may read.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	uri := database(t)
	first := open(t, uri, Options{Log: ourLog})
	refused(t, uri, Options{Log: ourLog}, fedmsg.CodeUnavailable, "another node writes the log aaaaaaaaaaaa")
	open(t, uri, Options{Log: "bbbbbbbbbbbb"})
	open(t, uri, Options{ReadOnly: true})
	open(t, uri, Options{}) // an import
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, uri, Options{Log: ourLog})
}

// TestFrozenWriter: what another node holds keeps nobody from opening, and the server ends a writer that does nothing in a transaction.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	uri := database(t)
	frozen := open(t, uri, Options{Log: ourLog})
	if err := frozen.write(t.Context(), "test", func(ctx context.Context, _ pgx.Tx) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute) // only bounds a failing test
		defer cancel()
		other, err := Open(ctx, uri, Options{Log: "bbbbbbbbbbbb"})
		if err != nil {
			return err
		}
		return other.Close()
	}); err != nil {
		t.Errorf("while another writes: %v", err)
	}
	if _, err := frozen.writer.Exec(t.Context(), "SET idle_in_transaction_session_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	if err := frozen.write(t.Context(), "test", func(ctx context.Context, _ pgx.Tx) error {
		for n := 1; n > 0; { // until the server has ended it
			if err := frozen.readers.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", frozen.writer.PgConn().PID()).Scan(&n); err != nil {
				return err
			}
		}
		return nil
	}); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || frozen.Lost() == nil {
		t.Errorf("what the server ended is %v, %v", err, frozen.Lost())
	}
	for _, s := range []*Store{open(t, uri, Options{Log: ourLog}), open(t, uri, Options{})} {
		var limit string
		if err := s.writer.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&limit); err != nil || limit != "1min" {
			t.Errorf("a writer may do nothing for %q, %v", limit, err)
		}
	}
}

// TestOpenRefused: what cannot be opened is told with what to do.
func TestOpenRefused(t *testing.T) {
	t.Parallel()
	uri := database(t)
	refused(t, uri, Options{ReadOnly: true}, fedmsg.CodeUnavailable, "there is no archive in this database")
	refused(t, uri, Options{Readers: 65}, fedmsg.CodeConfig, "1 to 64 connections")
	refused(t, "postgres://%zz", Options{}, fedmsg.CodeConfig, "postgres://USER@HOST/NAME")
	refused(t, strings.Replace(uri, "/test", "/nothing", 1), Options{}, fedmsg.CodeUnavailable, "createdb")
	refused(t, "postgres://nobody@127.0.0.1:1/x?sslmode=disable", Options{}, fedmsg.CodeUnavailable, "see that PostgreSQL runs")
	s := open(t, uri, Options{})
	if _, err := s.writer.Exec(t.Context(), "UPDATE format SET format = 1000"); err != nil {
		t.Fatal(err)
	}
	refused(t, uri, Options{}, fedmsg.CodeFormat, "format 1000")
	refused(t, uri, Options{ReadOnly: true}, fedmsg.CodeFormat, "format 1000")
	if _, err := s.writer.Exec(t.Context(), "UPDATE format SET format = 0"); err != nil {
		t.Fatal(err)
	}
	refused(t, uri, Options{ReadOnly: true}, fedmsg.CodeUnavailable, "start the node on it once")
}

// TestReadOnlyChangesNothing: who opens it for reading writes nothing.
func TestReadOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	uri := database(t)
	open(t, uri, Options{})
	s := open(t, uri, Options{ReadOnly: true})
	if _, err := s.Append(t.Context(), nil, fedmsg.Position{Log: ourLog, Seq: 1}); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("something was written: %v", err)
	}
	if _, err := s.readers.Exec(t.Context(), "DELETE FROM logs"); err == nil {
		t.Error("a connection for reading can delete")
	}
}

func said(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}

// TestPasswordChanges: a connection that is made later is made with the password of then.
func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{Password: "one"})
	now := "one"
	s := open(t, server.URI("postgres"), Options{Log: ourLog, Password: func() (string, error) { return now, nil }})
	if _, err := s.writer.Exec(t.Context(), "ALTER USER postgres PASSWORD 'two'"); err != nil {
		t.Fatal(err)
	}
	now = "two"
	s.readers.Reset()
	if _, err := s.Position(t.Context(), ourLog); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	now = "three"
	s.readers.Reset()
	if _, err := s.Position(t.Context(), ourLog); err == nil || !strings.Contains(err.Error(), "archive.password_file") {
		t.Errorf("with a wrong password: %v", err)
	}
}

// TestWriterTakesThePrimary: of several hosts the writer takes one that can be written; where there is none that is said.
func TestWriterTakesThePrimary(t *testing.T) {
	t.Parallel()
	standby := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{Settings: []string{"default_transaction_read_only=on"}})
	refused(t, standby.URI("postgres"), Options{Log: ourLog}, fedmsg.CodeUnavailable, "name the primary")
	primary := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	config, err := pgx.ParseConfig(strings.Replace(primary.URI("postgres"), "@", "@"+standby.Addr+",", 1))
	if err != nil {
		t.Fatal(err)
	}
	configure(config)
	var s Store
	if err := s.openWriter(t.Context(), config, &Options{Log: ourLog}); err != nil {
		t.Error(err)
	}
	if s.writer != nil {
		_ = s.writer.Close(t.Context()) // it only looked
	}
}

// TestPasswordIsNotShown: a password opens the database, and stands in no error and no log line, whether it is right or wrong.
func TestPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	const right, wrong = "correct-horse-battery", "wrong-horse-battery"
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{Password: right})
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Open(t.Context(), server.URI("postgres"), Options{Password: said(right), Log: ourLog, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Position(t.Context(), ourLog); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), server.URI("postgres"), Options{Password: said(wrong), Logger: logger})
	if fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(fmt.Sprint(err), "archive.password_file") {
		t.Errorf("a wrong password: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, late := Open(gone, server.URI("postgres"), Options{Password: said(wrong), Logger: logger})
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", err, err, err), fmt.Sprintf("%v %+v", late, late), logged.String(), server.Logs()} {
		if strings.Contains(text, "horse") {
			t.Errorf("a password is shown: %s", text)
		}
	}
}
