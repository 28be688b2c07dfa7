package postgres

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// drafts makes n messages of a minute each, whose numbers begin at seq.
func drafts(seq, n int) []archive.Draft {
	all := make([]archive.Draft, n)
	for i := range all {
		at := seq + i
		e := fedmsg.Entry{
			Position: fedmsg.Position{Log: ourLog, Seq: uint64(at)}, ID: fmt.Sprint("id-", at), Topic: "org.example.prod.git.push",
			Received: time.Date(2026, 1, 31, 0, at, 0, 0, time.UTC), Sender: "uid:7", Verdict: fedmsg.VerdictUnsigned,
			Envelope: fmt.Appendf(nil, `{"i":%d,"msg":{"user":"ralph","word":"w%dw"}}`, at, at),
		}
		all[i] = archive.DraftOf(&e)
	}
	return all
}

// appendAll puts drafts into a store.
func appendAll(t *testing.T, s archive.Writer, all []archive.Draft) {
	t.Helper()
	if _, err := s.Append(t.Context(), all, all[len(all)-1].Entry.Position); err != nil {
		t.Fatal(err)
	}
}

// number asks the database for one.
func number(t *testing.T, s *Store, sql string) (n int64) {
	t.Helper()
	if err := s.readers.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBlocksAreMerged: messages that come one by one are in one row of blocks when 8 have come, and in as many as they came in until
// then; every row finds its envelope and its words meanwhile.
func TestBlocksAreMerged(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	all := drafts(1, 75)
	for i := range all {
		appendAll(t, s, all[i:i+1])
		if i == 20 {
			erased := archive.Redaction{ID: all[3].Entry.ID, By: "uid:0", At: time.Unix(7, 0)}
			if there, err := s.Redact(t.Context(), erased); err != nil || !there {
				t.Fatal(there, err)
			}
		}
	}
	if n := number(t, s, "SELECT count(*) FROM blocks"); n != 75/8+75%8 {
		t.Errorf("%d rows of blocks for 75 messages", n)
	}
	for i := range all {
		e := &all[i].Entry
		keys, err := s.Words(t.Context(), []string{fmt.Sprintf("w%dw", i+1)}, archive.Window{From: 1, To: 1 << 60}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if len(keys) != 0 {
				t.Errorf("what was erased is found: %v", keys)
			}
			continue
		}
		rows, err := s.Rows(t.Context(), keys)
		if err != nil || len(rows) != 1 || rows[0].Entry.ID != e.ID || string(rows[0].Entry.Envelope) != string(e.Envelope) {
			t.Errorf("by its word %s is found as %v, %v", e.ID, rows, err)
		}
	}
}

// TestMonths: rows of several months are in partitions of their own, and are found over their borders.
func TestMonths(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	all := drafts(1, 3000) // of two days from January 31st on
	for chunk := range slices.Chunk(all, 700) {
		appendAll(t, s, chunk)
	}
	january, february := number(t, s, "SELECT count(*) FROM messages_202601"), number(t, s, "SELECT count(*) FROM messages_202602")
	if january != 1439 || february != 3000-1439 {
		t.Errorf("%d rows in January and %d in February", january, february)
	}
	if n := number(t, s, "SELECT count(*) FROM blocks_202601 WHERE last >= key('2026-02-01Z')"); n != 0 {
		t.Errorf("%d blocks of January have rows of February", n)
	}
	for _, newest := range []bool{true, false} {
		keys, err := s.Keys(t.Context(), archive.Term{Kind: archive.KindUser, Name: "ralph"}, archive.Window{From: 1, To: 1 << 60, Newest: newest}, 5000)
		if err != nil || len(keys) != 3000 {
			t.Errorf("%d rows have the user, %v", len(keys), err)
		}
	}
}

// TestViews: people find messages by the views that the schema has for them.
func TestViews(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	appendAll(t, s, drafts(1, 40))
	for _, sql := range []string{
		"SELECT count(*) FROM message WHERE received >= '2026-01-31 00:01Z' AND sender = 'uid:7' AND position LIKE 'aaaaaaaaaaaa-%' AND NOT redacted",
		"SELECT count(*) FROM message WHERE key >= fedmsg.key('2026-01-31 00:01Z')",
		"SELECT count(*) FROM message WHERE key IN (SELECT fedmsg.keys('user', 'ralph'))",
		"SELECT count FROM per_day WHERE kind = 'category' AND name = 'git' AND day = '2026-01-31'",
		"SELECT count FROM per_hour WHERE kind = 'topic' AND hour = '2026-01-31 00:00Z'",
	} {
		if n := number(t, s, sql); n != 40 {
			t.Errorf("%s: %d", sql, n)
		}
	}
}

// TestTextsThatPostgreSQLHasNot: NUL and bytes that are no UTF-8 come back as they were, wherever they stand.
func TestTextsThatPostgreSQLHasNot(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	for i, odd := range []string{"a\x00b", "\xff\xfe", `back\slash\00`, "é\\", strings.Repeat("long", 2000)} {
		e := fedmsg.Entry{
			ID: fmt.Sprint(i, odd), Topic: "t." + odd, Received: time.Unix(int64(i), 0).UTC(), Sender: "uid:" + odd, Signer: "root/" + odd,
			Verdict: fedmsg.Verdict(odd), Envelope: []byte(odd), Signatures: json.RawMessage(odd), Position: fedmsg.Position{Log: ourLog, Seq: uint64(i) + 1},
		}
		user := archive.Term{Kind: archive.KindUser, Name: odd}
		d := archive.Draft{Entry: e, Terms: []archive.Term{{Kind: archive.KindTopic, Name: e.Topic}, user}, Words: []string{odd}}
		appendAll(t, s, []archive.Draft{d})
		row, ok, err := s.ByID(t.Context(), e.ID)
		if err != nil || !ok || !reflect.DeepEqual(row.Entry, e) {
			t.Errorf("%q came back as %.300v, %v", odd, row.Entry, err)
		}
		for name, keys := range map[string]func() ([]archive.Key, error){
			"term": func() ([]archive.Key, error) { return s.Keys(t.Context(), user, archive.Window{To: 1 << 60}, 9) },
			"word": func() ([]archive.Key, error) {
				return s.Words(t.Context(), []string{odd}, archive.Window{To: 1 << 60}, 9)
			},
		} {
			if found, err := keys(); err != nil || len(found) != 1 || found[0] != row.Key {
				t.Errorf("by %s %.20q is found as %v, %v", name, odd, found, err)
			}
		}
		points, err := s.Series(t.Context(), archive.Series{By: archive.KindUser, Bucket: archive.Day, Names: []string{odd}, MostPoints: 9})
		if err != nil || len(points) != 1 || points[0].Name != odd {
			t.Errorf("numbers of %.20q: %v, %v", odd, points, err)
		}
	}
}

// TestServerComesAndGoes: what is killed in the middle of writing is there as a whole or not at all, and never twice.
func TestServerComesAndGoes(t *testing.T) {
	t.Parallel()
	server := fedmsgtest.StartPostgres(t, fedmsgtest.PostgresOptions{})
	all := drafts(1, 20_000)
	at := uint64(0)
	for round := range fedmsgtest.Count(5, 40) {
		store, err := Open(t.Context(), server.URI("postgres"), Options{Log: ourLog})
		if err != nil {
			t.Fatal(err)
		}
		s := store.(*Store)
		p, err := s.Position(t.Context(), ourLog)
		if err != nil || p.Seq < at {
			t.Fatalf("the archive is at %v, %v; it said that it was at %d", p, err, at)
		}
		if n := number(t, s, "SELECT count(*) FROM messages"); uint64(n) != p.Seq {
			t.Fatalf("%d rows at the position %v", n, p)
		}
		at = p.Seq
		began, failed := make(chan struct{}), make(chan error, 1)
		go func() {
			for first := true; ; first = false {
				batch := all[at:min(at+97, uint64(len(all)))]
				if _, err := s.Append(t.Context(), batch, batch[len(batch)-1].Entry.Position); err != nil {
					failed <- err
					return
				}
				if at += uint64(len(batch)); first {
					close(began)
				}
			}
		}()
		select {
		case <-began:
		case err := <-failed:
			t.Fatal(err)
		}
		for range round { // some time goes by, each time more
			if _, err := s.Position(t.Context(), ourLog); err != nil {
				t.Fatal(err)
			}
		}
		server.Kill9()
		if err := <-failed; fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "goes on by itself") {
			t.Errorf("the server was killed: %v", err)
		}
		if _, err := s.Position(t.Context(), ourLog); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
			t.Errorf("a question to a server that was killed: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Log(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
}
