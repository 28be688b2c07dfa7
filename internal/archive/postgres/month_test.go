package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// threeMonths makes n messages a month, of three months from January 2026 on. Those of January have one more user.
func threeMonths(n int) (months [3][]archive.Draft) {
	seq := 0
	for m := range months {
		for i := range n {
			seq++
			user := ""
			if m == 0 {
				user = `,"owner":"eve"`
			}
			e := fedmsg.Entry{
				Position: fedmsg.Position{Log: ourLog, Seq: uint64(seq)}, ID: fmt.Sprintf("%d-%d", m+1, i), Topic: "org.example.prod.git.push",
				Received: time.Date(2026, time.Month(m+1), 2, 0, i, 0, 0, time.UTC), Sender: "uid:7", Verdict: fedmsg.VerdictUnsigned,
				Envelope: fmt.Appendf(nil, `{"msg":{"user":"ralph","word":"m%dw%d"%s}}`, m+1, i, user),
			}
			months[m] = append(months[m], archive.DraftOf(&e))
		}
	}
	return months
}

var always = archive.Window{From: 1, To: 1 << 60}

// by gives the ids of what has a user, in the order of a window.
func by(t *testing.T, s *Store, user string, w archive.Window, most int) (ids []string) {
	t.Helper()
	keys, err := s.Keys(t.Context(), archive.Term{Kind: archive.KindUser, Name: user}, w, most)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.Rows(t.Context(), keys)
	if err != nil || len(rows) != len(keys) {
		t.Fatalf("%d rows of %d keys, %v", len(rows), len(keys), err)
	}
	for i := range rows {
		ids = append(ids, rows[i].Entry.ID)
	}
	return ids
}

// execute runs statements in the database, as a person does.
func execute(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := s.writer.Exec(t.Context(), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
}

// TestDropMonth: a month that is dropped is forgotten in all tables, by who reads at that moment too, and its messages can come again,
// also into the block that was gone on with.
func TestDropMonth(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	months := threeMonths(11)
	appendAll(t, s, slices.Concat(months[1], months[2], months[0])) // the open block is that of March
	if got := by(t, s, "ralph", always, 99); len(got) != 33 {
		t.Fatal(got)
	}
	execute(t, s, "SELECT fedmsg.drop_month('2026-03-17')", "SELECT fedmsg.drop_month('2026-01-01')")
	if got := by(t, s, "ralph", always, 99); len(got) != 11 || got[0] != "2-0" {
		t.Errorf("of February %q is found", got)
	}
	heads, err := s.Heads(t.Context(), always, 99)
	if err != nil || len(heads) != 11 {
		t.Errorf("%d rows are there, %v", len(heads), err)
	}
	if _, found, err := s.ByID(t.Context(), "1-3"); found || err != nil {
		t.Errorf("what was dropped is found: %t, %v", found, err)
	}
	points, err := s.Series(t.Context(), archive.Series{By: archive.KindUser, Bucket: archive.Day, MostPoints: 9})
	if err != nil || len(points) != 1 || points[0].Count != 11 || points[0].Name != "ralph" {
		t.Errorf("the numbers of days are %v, %v", points, err)
	}
	for _, table := range []string{"ids", "messages"} {
		if n := number(t, s, "SELECT count(*) FROM "+table); n != 11 {
			t.Errorf("table %s has %d rows", table, n)
		}
	}
	appendAll(t, s, months[2])
	appendAll(t, s, months[0])
	if got := by(t, s, "ralph", always, 99); len(got) != 33 {
		t.Errorf("when they came again %q is found", got)
	}
	if got := by(t, s, "eve", always, 99); len(got) != 11 {
		t.Errorf("of a user whose messages had all been dropped %q is found", got)
	}
}

// TestDetachedMonth: a month that was detached is not there, who would write into it is told what to do, the others go on, and when it is
// attached again all is as before.
func TestDetachedMonth(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	months := threeMonths(11)
	appendAll(t, s, slices.Concat(months[0], months[1][:5], months[2][:5]))
	bounds := func(table string) string {
		return fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %[1]s_202602 FOR VALUES FROM (%d) TO (%d)", table, monthNumber(2).begin(), monthNumber(3).begin())
	}
	if got := by(t, s, "ralph", always, 99); len(got) != 21 {
		t.Fatal(got)
	}
	execute(t, s, "ALTER TABLE messages DETACH PARTITION messages_202602", "ALTER TABLE blocks DETACH PARTITION blocks_202602")
	if got := by(t, s, "ralph", always, 99); len(got) != 16 {
		t.Errorf("without February %q is found", got)
	}
	_, err := s.Append(t.Context(), months[1][5:], fedmsg.Position{})
	if err == nil || !strings.Contains(err.Error(), "messages_202602 is there and was detached; attach it again") {
		t.Errorf("writing into what was detached: %v", err)
	}
	appendAll(t, s, months[2][5:])
	execute(t, s, bounds("messages"), bounds("blocks"))
	appendAll(t, s, months[1][5:])
	if got := by(t, s, "ralph", always, 99); len(got) != 33 || got[11] != "2-0" {
		t.Errorf("with February again %q is found", got)
	}
}

func monthNumber(n int) month {
	return monthOf(time.Date(2026, time.Month(n), 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}

// TestMonthOfAnother: what another node has just written into a month of its own is found at once.
func TestMonthOfAnother(t *testing.T) {
	t.Parallel()
	uri := database(t)
	s, reader := open(t, uri, Options{Log: ourLog}), open(t, uri, Options{ReadOnly: true})
	for m, all := range threeMonths(3) {
		_ = by(t, reader, "ralph", always, 99) // it knows the months of now
		appendAll(t, s, all)
		if got := by(t, reader, "ralph", archive.Window{From: 1, To: 1 << 60, Newest: true}, 99); len(got) != 3*(m+1) || got[0] != fmt.Sprint(m+1, "-2") {
			t.Errorf("%q is found", got)
		}
		if _, found, err := reader.ByID(t.Context(), all[0].Entry.ID); err != nil || !found {
			t.Errorf("%s is found: %t, %v", all[0].Entry.ID, found, err)
		}
	}
}

// TestForgottenTerm: a name whose last message another node has erased gets another number, and is found by that.
func TestForgottenTerm(t *testing.T) {
	t.Parallel()
	uri := database(t)
	s, other := open(t, uri, Options{Log: ourLog}), open(t, uri, Options{Log: "bbbbbbbbbbbb"})
	all := threeMonths(2)[0]
	appendAll(t, s, all[:1])
	if _, err := other.Redact(t.Context(), archive.Redaction{ID: all[0].Entry.ID, By: "uid:0", At: time.Unix(7, 0)}); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, all[1:])
	if got := by(t, s, "eve", always, 9); !slices.Equal(got, []string{"1-1"}) {
		t.Errorf("%q is found", got)
	}
}

// TestTermThatWasCommon: a term of which all say that it is common is found where it is not, in both orders, and piece by piece.
func TestTermThatWasCommon(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), Options{Log: ourLog})
	months := threeMonths(900)
	appendAll(t, s, slices.Concat(months[0], months[1], months[2]))
	for _, newest := range []bool{true, false} {
		w := archive.Window{From: archive.KeyOf(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)), To: 1 << 60, Newest: newest}
		var got []archive.Key
		for {
			keys, err := s.Keys(t.Context(), archive.Term{Kind: archive.KindUser, Name: "eve"}, w, 7)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, keys...); len(keys) < 7 {
				break
			}
			if last := keys[len(keys)-1]; newest {
				w.To = last
			} else {
				w.From = last + 1
			}
		}
		if !newest {
			slices.Reverse(got)
		}
		if len(got) != 900 || !slices.IsSortedFunc(got, func(a, b archive.Key) int { return int(b - a) }) {
			t.Errorf("newest first %t: %d keys", newest, len(got))
		}
	}
}

// TestFormat1: a database of the first format has its hours in a table of their own, and keeps their numbers.
func TestFormat1(t *testing.T) {
	t.Parallel()
	uri := database(t)
	s := open(t, uri, Options{})
	execute(t, s, "DROP SCHEMA fedmsg CASCADE", "CREATE SCHEMA fedmsg", "CREATE TABLE format (format integer NOT NULL)", "INSERT INTO format VALUES (1)", format1,
		"INSERT INTO terms (kind, count, hash, name) VALUES (3, 9, gen_random_uuid(), 'ralph')",
		"INSERT INTO hours SELECT 3, hour, term, hour - 48 FROM terms, generate_series(49, 52) hour",
		"INSERT INTO hours SELECT 3, 80, term, 7 FROM terms",
		"INSERT INTO days SELECT 3, 2, term, 10 FROM terms", "INSERT INTO days SELECT 3, 3, term, 7 FROM terms")
	s = open(t, uri, Options{Log: ourLog})
	for bucket, want := range map[archive.Bucket]string{
		archive.Hour: "1970-01-03T01 1, 1970-01-03T02 2, 1970-01-03T03 3, 1970-01-03T04 4, 1970-01-04T08 7, ",
		archive.Day:  "1970-01-03T00 10, 1970-01-04T00 7, ",
	} {
		points, err := s.Series(t.Context(), archive.Series{By: archive.KindUser, Bucket: bucket, MostPoints: 9})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, p := range points {
			fmt.Fprintf(&got, "%s %d, ", p.At.Format("2006-01-02T15"), p.Count)
		}
		if got.String() != want {
			t.Errorf("the numbers are %s\nand not           %s", got.String(), want)
		}
	}
	if n := number(t, s, "SELECT count FROM per_hour WHERE hour = '1970-01-03 03:00Z'"); n != 3 {
		t.Errorf("the view has %d", n)
	}
}
