package fedmsgtest

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
	"sync/atomic"
	"syscall"
	"testing"
)

// PostgresOptions says how a PostgreSQL is started. The zero value lets everybody in as anybody.
type PostgresOptions struct {
	Password string   // of the user postgres, who then needs it
	Settings []string // NAME=VALUE of its configuration, above what StartPostgres sets
}

// Postgres is a real PostgreSQL with all its files in a directory of its own. Its port stays the same over its lives. One goroutine at
// a time starts and ends it.
type Postgres struct {
	Addr string // HOST:PORT
	broker
	databases atomic.Int32
	psql      string
}

// postgresUser is who runs the server in place of root, as whom it does not run: nobody, on every Linux.
const postgresUser = 65534

// StartPostgres starts a server that ends with the test.
func StartPostgres(t testing.TB, opts PostgresOptions) *Postgres {
	t.Helper()
	NeedPostgres(t)
	p, err := NewPostgres(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of PostgreSQL:\n%s", tail(p.Logs(), 60))
		}
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// NeedPostgres ends the test as [Missing] does where there is no PostgreSQL.
func NeedPostgres(t testing.TB) {
	t.Helper()
	if _, err := postgresTool("initdb"); err != nil {
		Missing(t, "the package postgresql")
	}
}

// postgresTool finds a program of the server, which Debian keeps beside the path, by version.
func postgresTool(name string) (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1], nil
	}
	return exec.LookPath(name)
}

// NewPostgres prepares a server in a directory of its own, which Remove removes, and does not start it. It is for the TestMain of
// packages whose tests share one.
func NewPostgres(opts PostgresOptions) (*Postgres, error) {
	initdb, err := postgresTool("initdb")
	if err != nil {
		return nil, err
	}
	server, err := postgresTool("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fpg") // its socket's address has 107 bytes at most
	if err != nil {
		return nil, err
	}
	data, secret := filepath.Join(dir, "data"), filepath.Join(dir, "secret")
	p := &Postgres{Addr: fmt.Sprintf("127.0.0.1:%d", quietPort()), psql: filepath.Join(filepath.Dir(initdb), "psql")}
	_, port, _ := strings.Cut(p.Addr, ":")
	args := []string{server, "-D", data}
	for _, s := range append([]string{
		"listen_addresses=127.0.0.1", "port=" + port, "unix_socket_directories=" + dir, "fsync=off", "max_connections=60", "shared_buffers=64MB",
		"log_line_prefix=%m %a ", "max_wal_size=512MB", "jit=off",
	}, opts.Settings...) {
		args = append(args, "-c", s)
	}
	args = asPostgresUser(args)
	p.broker = broker{
		name: "PostgreSQL", ready: "database system is ready to accept connections", script: brokerScript, args: args,
		env: []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PGPASSWORD=" + opts.Password}, dir: dir, out: newOutput(),
	}
	method := "trust"
	if opts.Password != "" {
		method = "scram-sha-256"
	}
	err = errors.Join(os.WriteFile(secret, []byte(opts.Password+"\n"), 0o644), os.Chmod(dir, 0o755))
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(dir, postgresUser, postgresUser)
	}
	if err == nil {
		init := []string{initdb, "-D", data, "-A", method, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"}
		if opts.Password != "" {
			init = append(init, "--pwfile="+secret)
		}
		err = p.command(asPostgresUser(init))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// asPostgresUser has a command run as somebody as whom PostgreSQL runs.
func asPostgresUser(args []string) []string {
	if os.Geteuid() != 0 {
		return args
	}
	id := strconv.Itoa(postgresUser)
	return append([]string{"setpriv", "--reuid", id, "--regid", id, "--clear-groups"}, args...)
}

func (p *Postgres) command(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Dir = p.env, p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// URI is the address of a database, without a password.
func (p *Postgres) URI(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: p.Addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// NewDatabase makes a database and gives its address. Any goroutine may call it while the server runs.
func (p *Postgres) NewDatabase() (uri string, err error) {
	name := fmt.Sprintf("test%d", p.databases.Add(1))
	_, err = p.SQL("postgres", "CREATE DATABASE "+name)
	return p.URI(name), err
}

// SQL has psql run statements in a database and gives what it prints, without headings. Any goroutine may call it.
func (p *Postgres) SQL(database, statements string) (string, error) {
	cmd := exec.CommandContext(context.Background(), p.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", p.URI(database), "-c", statements)
	cmd.Env, cmd.Dir = p.env, p.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %s: %w\n%s", statements, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Stop ends the server by SIGINT, which ends its sessions: by SIGTERM it waits for them.
func (p *Postgres) Stop() error {
	if p.run != nil {
		_ = p.run.cmd.Process.Signal(syscall.SIGINT) // it may be gone
	}
	return p.broker.Stop()
}

// Restart stops it and starts it again with what it has on disk.
func (p *Postgres) Restart() error { return errors.Join(p.Stop(), p.Start()) }

// Kill9 ends the server and all its processes at once, as kill -9 does, and waits until they are gone. Each of them has a session of its
// own, so that they are not found by their group.
func (p *Postgres) Kill9() {
	var others []int
	if p.run != nil {
		others = children(p.PID())
	}
	p.broker.Kill9()
	for _, pid := range others {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range others { // one that still ends holds the memory that the next life wants for itself
		for syscall.Kill(pid, 0) == nil && !isZombie(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// Remove ends it at once and removes its files.
func (p *Postgres) Remove() error {
	p.Kill9()
	return os.RemoveAll(p.dir)
}

// children gives the processes that a process has started.
func children(pid int) (pids []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for word := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(word); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// isZombie reports whether a process has ended and nobody has waited for it.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}
