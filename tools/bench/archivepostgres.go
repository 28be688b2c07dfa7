package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/postgres"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// postgresUser is who runs the server in place of root, as whom it does not run: nobody, on every Linux.
const postgresUser = 65534

// postgresKind is PostgreSQL. An archive is a database of one server, whose files are kept with the archives and which runs while a
// stage does. It syncs as it does by default.
type postgresKind struct {
	running *server // nil between stages
	port    int
}

// postgresSettings are those that are not the server's defaults: memory as its documentation advises for a small machine.
func postgresSettings(dir string, port int) []string {
	return []string{
		"listen_addresses=127.0.0.1", fmt.Sprintf("port=%d", port), "unix_socket_directories=" + dir,
		"shared_buffers=1GB", "max_wal_size=4GB", "checkpoint_timeout=15min",
	}
}

// start starts the server at first use in a stage, on a directory that is made at first use at all.
func (k *postgresKind) start(ctx context.Context, b *bench) (err error) {
	if k.running != nil {
		return nil
	}
	dir := filepath.Join(b.archiveDir(), "postgres")
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := makeCluster(dir, data); err != nil {
			return err
		}
	}
	if k.port, err = freePort(); err != nil {
		return err
	}
	args := []string{postgresTool("postgres"), "-D", data}
	for _, s := range postgresSettings(dir, k.port) {
		args = append(args, "-c", s)
	}
	args = asPostgresUser(args)
	started, err := startServer(filepath.Join(b.dir, "postgres.log"), postgresEnv(), args[0], args[1:]...)
	if err != nil {
		return err
	}
	k.running = started
	b.atEnd(func() error {
		k.running = nil
		_ = started.cmd.Process.Signal(syscall.SIGINT) // end sessions, too: it waits for them otherwise
		select {
		case <-started.ended:
		case <-time.After(startPatience):
		}
		return started.stop()
	})
	return started.await(ctx, 100*time.Millisecond, func() error {
		c, err := k.connect(ctx, "postgres")
		if err == nil {
			err = c.Close(ctx)
		}
		return err
	})
}

func makeCluster(dir, data string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, postgresUser, postgresUser); err != nil {
			return err
		}
	}
	args := asPostgresUser([]string{postgresTool("initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"})
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Dir = postgresEnv(), dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func postgresEnv() []string { return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"} }

// postgresTool finds a program of the server, which Debian keeps beside the path, by version.
func postgresTool(name string) string {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	return name
}

// asPostgresUser has a command run as somebody as whom PostgreSQL runs.
func asPostgresUser(args []string) []string {
	if os.Geteuid() != 0 {
		return args
	}
	id := strconv.Itoa(postgresUser)
	return append([]string{"setpriv", "--reuid", id, "--regid", id, "--clear-groups"}, args...)
}

// database is the name of an archive's database.
func database(name string) string { return strings.ReplaceAll(name, "-", "_") }

func (k *postgresKind) uri(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%d", k.port), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

func (k *postgresKind) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, k.uri(database))
}

// run runs a statement in the database postgres.
func (k *postgresKind) run(ctx context.Context, b *bench, statement string) error {
	if err := k.start(ctx, b); err != nil {
		return err
	}
	c, err := k.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

// make makes the database where it is missing.
func (k *postgresKind) make(ctx context.Context, b *bench, name string) error {
	err := k.run(ctx, b, "CREATE DATABASE "+database(name))
	if err != nil && strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

func (k *postgresKind) open(ctx context.Context, b *bench, name string) (archive.Store, error) {
	if err := k.make(ctx, b, name); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, k.uri(database(name)), postgres.Options{Log: history.Log})
}

func (k *postgresKind) remove(ctx context.Context, b *bench, name string) error {
	if err := os.RemoveAll(filepath.Join(b.archiveDir(), name)); err != nil {
		return err
	}
	return k.run(ctx, b, "DROP DATABASE IF EXISTS "+database(name)+" WITH (FORCE)")
}

func (k *postgresKind) config(ctx context.Context, b *bench, name string) (text, state string, err error) {
	if err := k.make(ctx, b, name); err != nil {
		return "", "", err
	}
	text = fmt.Sprintf("sign = []\nverify = \"if-signed\"\n[archive]\nstore = %q\n", k.uri(database(name)))
	return text, filepath.Join(b.archiveDir(), name), nil
}

func (k *postgresKind) size(ctx context.Context, b *bench, name string) (bytes int64, err error) {
	if err := k.start(ctx, b); err != nil {
		return 0, err
	}
	c, err := k.connect(ctx, database(name))
	if err != nil {
		return 0, err
	}
	// What was gathered apart for the indexes belongs into them.
	if _, err := c.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return 0, err
	}
	err = c.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&bytes)
	return bytes, errors.Join(err, c.Close(ctx))
}

// describe counts the rows and explains what the store asks, for a month in the middle.
func (k *postgresKind) describe(ctx context.Context, b *bench, name string) (_ string, err error) {
	if err := k.start(ctx, b); err != nil {
		return "", err
	}
	c, err := k.connect(ctx, database(name))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	var version string
	var count, bytes int64
	if err := c.QueryRow(ctx, "SELECT version(), (SELECT count(*) FROM fedmsg.messages), pg_database_size(current_database())").Scan(&version, &count, &bytes); err != nil {
		return "", err
	}
	var w strings.Builder
	fmt.Fprintf(&w, "%s, with %s. `SELECT count(*) FROM fedmsg.messages` is %d; the database has %d bytes.\n\n",
		version, strings.Join(postgresSettings("…", 0)[3:], ", "), count, bytes)
	if _, err := c.Exec(ctx, "SET search_path = fedmsg; SET enable_seqscan = off; SET jit = off"); err != nil {
		return "", err
	}
	from, to := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for _, statement := range []string{
		fmt.Sprintf("SELECT key FROM messages_202503 WHERE key >= %d AND key < %d AND terms @> ARRAY[7] ORDER BY key DESC LIMIT 26", from, to),
		fmt.Sprintf("SELECT key FROM (SELECT key FROM messages_202503 WHERE key + 0 >= %d AND key + 0 < %d AND terms @> ARRAY[7] OFFSET 0) found ORDER BY key DESC LIMIT 26", from, to),
		fmt.Sprintf("SELECT key, topic FROM messages_202503 WHERE key >= %d AND key < %d ORDER BY key DESC LIMIT 26", from, to),
		fmt.Sprintf("SELECT keys, places FROM blocks_202503 WHERE last >= %d AND first < %d AND words @> ARRAY[1, 2]", from, to),
		fmt.Sprintf("SELECT part, slots, size, data FROM blocks_202503 WHERE block IN (SELECT block FROM messages_202503 WHERE key = ANY(ARRAY[%d, %d]::bigint[]))", from, from+1),
		"SELECT key FROM ids WHERE hash = '00000000-0000-0000-0000-000000000000'",
		"SELECT day, term, count FROM days WHERE kind = 2 AND day >= 20000 AND day < 20365",
	} {
		if err := explainPostgres(ctx, &w, c, statement); err != nil {
			return "", err
		}
	}
	return w.String(), nil
}

// explainPostgres writes the plan of a statement.
func explainPostgres(ctx context.Context, w *strings.Builder, c *pgx.Conn, statement string) error {
	rows, err := c.Query(ctx, "EXPLAIN (COSTS off) "+statement)
	if err != nil {
		return err
	}
	steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for i, s := range steps {
		steps[i] = strings.TrimSpace(s)
	}
	fmt.Fprintf(w, "- `%s`: %s\n", statement, strings.Join(steps, "; "))
	return err
}
