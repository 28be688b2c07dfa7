package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestPostgresKilledNode ends the node with kill -9 at random points of ingest into PostgreSQL, again and again, and starts it at once:
// the rows of the archive are the entries of the log, none is missing and none is there twice.
func TestPostgresKilledNode(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: server.URI("postgres")})
	acked := newAcknowledged()
	for round := range fedmsgtest.Count(5, 100) {
		before := len(acked.snapshot())
		l := startLoad(t, node, 2, fmt.Sprintf("ingest-%d", round), acked)
		acked.await(t, before+1+rnd.IntN(600), l.ended)
		node.Kill9()
		<-l.ended
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		if round%5 == 4 {
			sameAsLog(t, node)
		}
	}
	verify(t, node, acked.snapshot())
	sameAsLog(t, node)
	t.Logf("%d messages", len(acked.snapshot()))
}

// TestPostgresDown stops PostgreSQL, and kills it, for a while under traffic: publishers notice nothing, the health says what is wrong,
// questions are refused with a code, and retention waits, so that publishing ends only where the log is full. When it is back the
// archive gets everything, without a restart, and retention goes on.
func TestPostgresDown(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Archive: server.URI("postgres"), Config: "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"4MiB\"\n",
	})
	n := 0
	say := func(size int) error {
		_, err := node.Publish(t.Context(), heavy(fmt.Sprintf("down-%d", n+1), n, size))
		if err == nil {
			n++
		}
		return err
	}
	for _, end := range []func() error{server.Stop, func() error { server.Kill9(); return nil }} {
		gone := make(chan error, 1)
		for i := range 400 {
			if i == 100 {
				go func() { gone <- end() }()
			}
			if err := say(0); err != nil {
				t.Fatalf("publishing while the database goes away: %v", err)
			}
		}
		if err := <-gone; err != nil {
			t.Fatal(err)
		}
		text := awaitArchiveHealth(t, node, "failed")
		if !strings.Contains(text, "the log keeps what is not in it") || !strings.Contains(text, "goes on by itself") {
			t.Errorf("the health says: %s", text)
		}
		if r := node.CLI(t, nil, "query", "--limit", "1"); r.Status == 0 || !strings.Contains(string(r.Stderr), "the archive cannot be used") {
			t.Errorf("a question is answered: %s", r)
		}
		var err error
		for err == nil && n < 2000 {
			err = say(20 << 10)
		}
		if fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
			t.Fatalf("behind %d messages: %v, want %s: the archive's place holds the log", n, err, fedmsg.CodeStorageFull)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		awaitArchiveHealth(t, node, "ok")
		noneMissing(t, archived(t, node), n)
	}
	trimFirst(t, node)
	noneMissing(t, archived(t, node), int(node.Log(t).Last))
}

// TestPostgresOneWriter starts a copy of a node, with the same log, on the same database: its archive is refused until the first has
// ended, and says so; then it goes on. Nothing comes twice.
func TestPostgresOneWriter(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	first := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: server.URI("postgres")})
	for n := range 20 {
		publish(t, first, fmt.Sprintf("one-%d", n), n)
	}
	archived(t, first)
	first.Stop(t)
	copied := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command("cp", "-a", first.State, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	awaitArchiveHealth(t, first, "ok")
	second := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: copied, Archive: server.URI("postgres")})
	if text := awaitArchiveHealth(t, second, "failed"); !strings.Contains(text, "another node writes the log") {
		t.Errorf("the health says: %s", text)
	}
	first.Kill9()
	awaitArchiveHealth(t, second, "ok")
	publish(t, second, "two", 0)
	noneMissing(t, archived(t, second), 21)
}

// TestPostgresPassword has the node know the database's password from a file: it is in no log line, no health and no configuration that
// is shown, nor is a wrong one.
func TestPostgresPassword(t *testing.T) {
	t.Parallel()
	const right, wrong = "canary-right-horse", "canary-wrong-horse"
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{Password: right})
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(wrong)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Archive: server.URI("postgres"), Env: []string{"FEDMSG_ARCHIVE_PASSWORD_FILE=" + file, "FEDMSG_LOG_LEVEL=debug"},
	})
	text := awaitArchiveHealth(t, node, "failed")
	if !strings.Contains(text, "archive.password_file") {
		t.Errorf("the health says: %s", text)
	}
	write(right)
	publish(t, node, "secret", 0)
	text += awaitArchiveHealth(t, node, "ok")
	archived(t, node)
	node.Stop(t)
	for where, shown := range map[string]string{"the node's log": node.Logs(), "the health": text, "the server's log": server.Logs()} {
		if strings.Contains(shown, "horse") {
			t.Errorf("%s shows a password: %s", where, shown)
		}
	}
}

// TestPostgresPage runs the SQL of docs/archive.md on the archive of a node, and asks it without the node.
func TestPostgresPage(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	uri := server.URI("postgres")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: uri})
	if _, err := node.Publish(t.Context(), []byte(`{"topic":"org.example.dev.git.receive","id":"for-the-page","msg":{"user":"alice"}}`)); err != nil {
		t.Fatal(err)
	}
	archived(t, node)
	queries := 0
	for _, b := range blocks(readPage(t, "docs/archive.md")) {
		if b.info != "sql" {
			continue
		}
		for statement := range strings.Lines(b.text) {
			queries++
			out, err := server.SQL("postgres", statement)
			want := "git"
			if strings.Contains(statement, "drop_month") {
				want = "does not exist, skipping" // of a month without messages
			}
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("%s gives %q, %v", strings.TrimSpace(statement), out, err)
			}
		}
	}
	if queries == 0 {
		t.Error("the page has no SQL")
	}
	if r := node.CLI(t, nil, "query", "--archive", uri, "--user", "alice"); r.Status != 0 || !strings.Contains(string(r.Stdout), "git.receive") {
		t.Errorf("without the node: %s", r)
	}
	if r := node.CLI(t, nil, "query", "--archive", uri+"-nothing", "--user", "alice"); r.Status == 0 {
		t.Errorf("of a database that is not there: %s", r)
	}
}
