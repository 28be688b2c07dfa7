package poll

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// newSource makes a source of an address in a directory of its own.
func newSource(t *testing.T, s receive.Config, c Config) *Source {
	t.Helper()
	s.Name, s.Topics = "it", []fedmsg.Pattern{fedmsg.MatchAll()}
	if c.Topic == "" {
		c.Topic = "wb.package"
	}
	if c.Key == nil {
		c.Key = []string{"k"}
	}
	source, err := NewSource(s, c, Options{TopicPrefix: "org.example", Environment: "dev", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// look asks once and gives what would be published, a line each, which then counts as published.
func look(t *testing.T, s *Source) (string, error) {
	t.Helper()
	differs, err := s.Look(t.Context())
	if err != nil || !differs {
		return "", err
	}
	var b strings.Builder
	err = s.Changes(func(_ rowset.Kind, m wire.Carried) error {
		fmt.Fprintf(&b, "%s %s\n", strings.TrimPrefix(m.Topic, "org.example.dev.wb.package."), m.Body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(); err != nil {
		t.Fatal(err)
	}
	return b.String(), nil
}

// expect is look, of what is known beforehand.
func expect(t *testing.T, s *Source, want string) {
	t.Helper()
	if got, err := look(t, s); err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// refused is look of an answer that must not count.
func refused(t *testing.T, s *Source, says string) {
	t.Helper()
	got, err := look(t, s)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%v %s; want %q", err, got, says)
	}
	if err != nil && strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret is in the error: %v", err)
	}
}

// web answers with what its function does.
func web(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	return s.URL
}

// TestPage asks a page: what changes is told, what is remembered is not sent again, and no answer that is not one counts.
func TestPage(t *testing.T) {
	t.Parallel()
	body, etag, notModified := `[{"k":1,"v":"a"}]`, `"1"`, 0
	var spoil func(w http.ResponseWriter) bool
	url := web(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hush" {
			t.Errorf("asked with %q", r.Header.Get("Authorization"))
		}
		if spoil != nil && spoil(w) {
			return
		}
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			notModified++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	})
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSource(t, receive.Config{From: "poll+" + url + "/rows?key=hush", Credentials: secret}, Config{MaxBytes: 1000})
	expect(t, s, "")
	expect(t, s, "")
	if notModified != 1 {
		t.Errorf("%d answers were not sent again, want 1", notModified)
	}
	body, etag = `[{"k":1,"v":"b"},{"k":2}]`, `"2"`
	for says, fault := range map[string]func(w http.ResponseWriter) bool{
		"redirects are not followed": func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "http://elsewhere.example.org/?hush")
			w.WriteHeader(http.StatusFound)
			return true
		},
		"answers 503": func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true },
		"shorter than it was to be": func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `[{"k":1},`)
			return true
		},
		"it was cut off":   func(w http.ResponseWriter) bool { fmt.Fprint(w, `[{"k":1}`); return true },
		"has no rows":      func(w http.ResponseWriter) bool { fmt.Fprint(w, `[]`); return true },
		"have the key [1]": func(w http.ResponseWriter) bool { fmt.Fprint(w, `[{"k":1},{"k":1}]`); return true },
		"no JSON array":    func(w http.ResponseWriter) bool { fmt.Fprint(w, `<html>`); return true },
		"larger than max_by": func(w http.ResponseWriter) bool {
			fmt.Fprint(w, `[{"k":"`+strings.Repeat("x", 1000)+`"}]`)
			return true
		},
		"larger than max_b": func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, `[{"k":"`+strings.Repeat("x", 100_000)+`"}]`)
			_ = z.Close()
			return true
		},
	} {
		spoil = fault
		refused(t, s, says)
	}
	spoil = nil
	expect(t, s, `changed {"key":{"k":1},"row":{"k":1,"v":"b"},"before":{"v":"a"}}`+"\n"+`added {"key":{"k":2},"row":{"k":2}}`+"\n")
	body, etag = `[]`, `"3"`
	s.c.Empty = EmptyPublish
	expect(t, s, `removed {"key":{"k":1},"row":{"k":1,"v":"b"}}`+"\n"+`removed {"key":{"k":2},"row":{"k":2}}`+"\n")
}

// TestPageWithoutEnd holds that lines whose end nobody can know are refused, that a server which falls silent is given up, and that one
// which is not there is named without what stands in the query.
func TestPageWithoutEnd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			text, ok := <-answers
			fmt.Fprint(c, text)
			if ok {
				_ = c.Close()
			} else {
				_, _ = c.Read(make([]byte, 1)) // until the other side has gone
			}
		}
	}()
	from := "poll+http://" + l.Addr().String() + "/?hush"
	answers <- "HTTP/1.0 200 OK\r\n\r\nk\n1\n"
	refused(t, newSource(t, receive.Config{From: from}, Config{Format: "tsv"}), "how long the answer is")
	close(answers)
	refused(t, newSource(t, receive.Config{From: from}, Config{Timeout: 50 * time.Millisecond}), "longer than poll.timeout")
	_ = l.Close()
	<-ended
	refused(t, newSource(t, receive.Config{From: from}, Config{}), "refused")
}

// TestProgram asks a program: its environment is bare, and its rows count only if it ends well.
func TestProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "rows")
	write := func(text string) {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := newSource(t, receive.Config{From: "poll+exec:"}, Config{Command: []string{script, "a b", "$(touch x)"}, Format: "csv", Timeout: 2 * time.Minute, MaxBytes: 1 << 16})
	write(`printf 'k,v\n1,a\n'`)
	expect(t, s, "")
	write(`printf 'k,v\n1,"%s %s %s"\n' "$1" "$2" "$(env | cut -d= -f1 | sort | tr '\n' ' ')"`)
	expect(t, s, `changed {"key":{"k":"1"},"row":{"k":"1","v":"a b $(touch x) LANG PATH PWD TZ "},"before":{"v":"a"}}`+"\n")
	for says, text := range map[string]string{
		"it said: oh":           `printf 'k,v\n1,b\n'; echo oh >&2; exit 3`,
		"signal: killed":        `printf 'k,v\n1,b\n'; kill -9 $$`,
		"has no end":            `printf 'k,v\n1,b'`,
		"larger than max_bytes": `echo k; yes 1`,
		"has no rows":           `echo k,v`,
		"1 values":              `printf 'k,v\n1\n'`,
	} {
		write(text)
		refused(t, s, says)
	}
	s.c.Timeout = 50 * time.Millisecond
	write(`printf 'k,v\n1,b\n'; sleep 60 & wait`)
	refused(t, s, "poll.timeout")
	s = newSource(t, receive.Config{From: "poll+exec:"}, Config{Command: []string{"/nonexistent/rows"}})
	refused(t, s, "cannot start")
}

// kinds are values of a database and what they are in JSON.
const kindsWant = `{"b":true,"d":"2026-01-31 12:00:00","f":1.5,"i":-3,"j":{"a":[1,"é"]},"k":1,"n":12.50,"s":"x\"y","z":null}`

// TestPostgres asks a real PostgreSQL.
func TestPostgres(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	uri, err := server.NewDatabase()
	if err != nil {
		t.Fatal(err)
	}
	database := uri[strings.LastIndexByte(uri, '/')+1:]
	database, _, _ = strings.Cut(database, "?")
	do := func(sql string) {
		t.Helper()
		if out, err := server.SQL(database, sql); err != nil {
			t.Fatal(err, out)
		}
	}
	do(`CREATE TABLE t (k int, b bool, d timestamp, f float8, i int8, j jsonb, n numeric(6,2), s text, z text);
		INSERT INTO t VALUES (1, true, '2026-01-31 12:00', 1.5, -3, '{"a": [1, "\u00e9"]}', 12.5, 'x"y', NULL)`)
	s := newSource(t, receive.Config{From: "poll+" + uri}, Config{Query: "SELECT * FROM t", First: FirstPublish})
	expect(t, s, `added {"key":{"k":1},"row":`+kindsWant+"}\n")
	do(`UPDATE t SET f = 'NaN', z = ''; INSERT INTO t (k) VALUES (2)`)
	expect(t, s, `changed {"key":{"k":1},"row":`+strings.NewReplacer("1.5,", `"NaN",`, `"z":null`, `"z":""`).Replace(kindsWant)+`,"before":{"f":1.5,"z":null}}`+"\n"+
		`added {"key":{"k":2},"row":{"b":null,"d":null,"f":null,"i":null,"j":null,"k":2,"n":null,"s":null,"z":null}}`+"\n")
	for query, says := range map[string]string{
		"SELECT nothing FROM t":                    `column "nothing" does not exist`,
		"SELECT 1 AS k; SELECT 2 AS k":             "multiple commands",
		"INSERT INTO t (k) VALUES (3) RETURNING k": "read-only",
		"SELECT 1 AS k, 2 AS k":                    "twice",
		"SELECT 1/(k-2) AS k FROM t ORDER BY t.k":  "division by zero",
		"SELECT k FROM t WHERE false":              "has no rows",
		"SELECT pg_sleep(60) AS k":                 "poll.timeout",
		"SELECT 1 AS k, repeat('x', 5000000) AS b": "a row of the answer has more than",
	} {
		broken := newSource(t, receive.Config{From: "poll+" + uri}, Config{Query: query, Timeout: time.Second})
		broken.store = s.store
		refused(t, broken, says)
	}
	expect(t, s, "")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	refused(t, s, "cannot ask")
}

// TestSQLite asks a file of SQLite.
func TestSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	conn, err := sqlite.OpenConn(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	do := func(sql string) {
		t.Helper()
		if err := sqlitex.ExecuteScript(conn, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	do(`CREATE TABLE t (k INTEGER, f REAL, s TEXT, b BLOB, z); INSERT INTO t VALUES (1, 1.5, 'é', x'00ff', NULL)`)
	s := newSource(t, receive.Config{From: "poll+sqlite://" + path}, Config{Query: "SELECT * FROM t;", First: FirstPublish})
	expect(t, s, `added {"key":{"k":1},"row":{"b":"AP8=","f":1.5,"k":1,"s":"é","z":null}}`+"\n")
	do(`DELETE FROM t; INSERT INTO t (k) VALUES (2)`)
	expect(t, s, `removed {"key":{"k":1},"row":{"b":"AP8=","f":1.5,"k":1,"s":"é","z":null}}`+"\n"+`added {"key":{"k":2},"row":{"b":null,"f":null,"k":2,"s":null,"z":null}}`+"\n")
	for query, says := range map[string]string{
		"SELECT nowhere FROM t":                       "no such column",
		"SELECT 1 AS k; DELETE FROM t":                "more than one statement",
		"DELETE FROM t RETURNING k":                   "read",
		"SELECT 1 AS k, zeroblob(5000000) AS b":       "a row of the answer has more than",
		"SELECT 1 AS k, printf('%05000000d', 1) AS b": "a row of the answer has more than",
		"SELECT 1 AS k, zeroblob(300000000) AS b":     "too big",
		"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k+1 FROM n) SELECT max(k) AS k FROM n": "poll.timeout",
	} {
		broken := newSource(t, receive.Config{From: "poll+sqlite://" + path}, Config{Query: query, Timeout: time.Second})
		refused(t, broken, says)
	}
	refused(t, newSource(t, receive.Config{From: "poll+sqlite:///nonexistent/x.db"}, Config{Query: "SELECT 1 AS k"}), "cannot open")
}

// TestConfigFaults holds what is refused before anything is asked.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	good := Config{Key: []string{"k"}, Topic: "org.example.dev.wb.package"}
	for _, c := range []struct {
		from string
		set  func(c *Config, s *receive.Config)
		says string
	}{
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Key = nil }, "poll.key is missing"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Topic = "" }, "poll.topic is missing"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Topic = "org.elsewhere.x" }, "org.example.dev.org.elsewhere.x.added, which is not among topics"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Changed = "a b" }, "poll.topic gives the topic"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Ignore = []string{"k"} }, "one of poll.key"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Every = time.Millisecond }, "poll.every is at least"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.First = "loud" }, "poll.first is one of"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Query = "SELECT" }, "poll.query is not for"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.Format, c.Rows = "csv", "a" }, "poll.rows"},
		{"poll+https://h/", func(c *Config, _ *receive.Config) { c.InsecurePlainHTTP = true }, "insecure_plain_http is not for"},
		{"poll+https://u:p@h/", nil, "has a password in it"},
		{"poll+https://u@h/", nil, "has a user in it"},
		{"poll+https:///x", nil, "names no host"},
		{"poll+https://h/#x", nil, "has a # in it"},
		{"poll+http://h/", nil, "without encryption"},
		{"poll+http://h/", func(c *Config, s *receive.Config) { c.InsecurePlainHTTP, s.Credentials = true, "/x" }, "credentials would go"},
		{"poll+postgres://h/n?sslmode=require", func(c *Config, _ *receive.Config) { c.Query = "x" }, "without verifying"},
		{"poll+postgres://h/n?sslmode=verify-ca", func(c *Config, _ *receive.Config) { c.Query = "x" }, "without verifying"},
		{"poll+postgres://localhost/n?sslmode=disable&host=h", func(c *Config, _ *receive.Config) { c.Query = "x" }, "without verifying"},
		{"poll+postgres://localhost,h/n?sslmode=prefer", func(c *Config, _ *receive.Config) { c.Query = "x" }, "without verifying"},
		{"poll+ftp://h/", nil, "begins with none of"},
		{"poll+exec:", nil, "poll.command is missing"},
		{"poll+exec:///bin/true", nil, "poll+exec: and nothing else"},
		{"poll+exec:", func(c *Config, s *receive.Config) { c.Command, s.Credentials = []string{"x"}, "/x" }, "are not for poll+exec:"},
		{"poll+postgres://h/n", nil, "poll.query is missing"},
		{"poll+postgres://u:p@h/n", func(c *Config, _ *receive.Config) { c.Query = "x" }, "has a password in it"},
		{"poll+postgres://h/n?password=p", func(c *Config, _ *receive.Config) { c.Query = "x" }, "has a password in it"},
		{"poll+sqlite://h/n", func(c *Config, _ *receive.Config) { c.Query = "x" }, "with three slashes"},
	} {
		config, s := good, receive.Config{Name: "it", From: c.from}
		pattern, err := fedmsg.ParsePattern("org.example.dev.wb.#")
		if err != nil {
			t.Fatal(err)
		}
		s.Topics = []fedmsg.Pattern{pattern}
		if c.set != nil {
			c.set(&config, &s)
		}
		_, err = NewSource(s, config, Options{TopicPrefix: "org.example", Environment: "dev"})
		if err == nil || !strings.Contains(err.Error(), c.says) || fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%s: %v; want %q", c.from, err, c.says)
		}
	}
}

// TestPreview holds that a look ahead changes nothing, and sees what the node has kept.
func TestPreview(t *testing.T) {
	t.Parallel()
	body := `[{"k":1}]`
	s := newSource(t, receive.Config{From: "poll+" + web(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })}, Config{})
	preview := func(all bool) (p Preview, bodies []json.RawMessage) {
		t.Helper()
		p, err := s.Preview(context.WithoutCancel(t.Context()), t.TempDir(), all, func(m wire.Carried) error {
			bodies = append(bodies, m.Body)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return p, bodies
	}
	if p, bodies := preview(false); !p.Quiet || p.Rows != 1 || len(bodies) != 0 {
		t.Errorf("of the first answer: %+v, %s", p, bodies)
	}
	if p, bodies := preview(true); p.Rows != 1 || len(bodies) != 1 {
		t.Errorf("of all: %+v, %s", p, bodies)
	}
	expect(t, s, "")
	body = `[{"k":2}]`
	for range 2 {
		if p, bodies := preview(false); p.Before != 1 || p.Count[rowset.Added] != 1 || p.Count[rowset.Removed] != 1 || len(bodies) != 2 {
			t.Errorf("of a change: %+v, %s", p, bodies)
		}
	}
	if _, err := s.Look(t.Context()); err != nil { // pending, as while the node publishes it
		t.Fatal(err)
	}
	if p, bodies := preview(false); len(bodies) != 0 || p.Before != 1 {
		t.Errorf("of what is being published: %+v, %s", p, bodies)
	}
}

// BenchmarkUnchanged asks for 100,000 rows by HTTP, of which none is different: in the same bytes, and in another order each time.
func BenchmarkUnchanged(b *testing.B) {
	b.Run("same", func(b *testing.B) { benchmarkUnchanged(b, 1) })
	b.Run("moved", func(b *testing.B) { benchmarkUnchanged(b, 7919, 1237) })
}

// benchmarkUnchanged asks who answers with the rows in one order after the other.
func benchmarkUnchanged(b *testing.B, strides ...int) {
	tables, asked := make([]string, len(strides)), 0
	for i, stride := range strides {
		var rows strings.Builder
		for n := range 100_000 {
			k := n * stride % 100_000
			fmt.Fprintf(&rows, `%c{"package":"package-%06d","architecture":"amd64","version":"1.%d-1","state":"Installed","builder":"x86-conova-01","section":"libs","priority":"optional","state_change":"2026-01-31 12:%02d:00","notes":"out-of-date"}`, "[,"[min(n, 1)], k, k, k%60)
		}
		tables[i] = rows.String() + "]"
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, tables[asked%len(tables)])
	}))
	defer s.Close()
	source, err := NewSource(receive.Config{From: "poll+" + s.URL, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}, Config{Key: []string{"package", "architecture"}, Topic: "x.y"}, Options{TopicPrefix: "o", Environment: "dev", Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	for range 2 {
		if _, err := source.Look(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := source.store.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if differs, err := source.Look(b.Context()); differs || err != nil {
			b.Fatal(differs, err)
		}
	}
}
