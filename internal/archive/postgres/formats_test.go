package postgres

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// TestFormats: an archive that a store of each format made is brought to the newest one, has all that it had, and is gone on with. The
// files of testdata are drafts(1430, 24), ten of them in one transaction and the others one by one, with the fourth redacted, as
// `pg_dump --inserts --no-owner --no-privileges` wrote them, without comments.
func TestFormats(t *testing.T) {
	t.Parallel()
	dumps, err := filepath.Glob("testdata/format*.sql")
	if err != nil || len(dumps) != len(migrations()) {
		t.Fatalf("there are dumps of %d formats, and %d formats: %v", len(dumps), len(migrations()), err)
	}
	for _, dump := range dumps {
		t.Run(filepath.Base(dump), func(t *testing.T) {
			t.Parallel()
			statements, err := os.ReadFile(dump)
			if err != nil {
				t.Fatal(err)
			}
			uri := database(t)
			address, err := url.Parse(uri)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := shared.SQL(path.Base(address.Path), string(statements)); err != nil {
				t.Fatalf("%.1000v: %s", err, out)
			}
			before := drafts(1430, 24)
			s := open(t, uri, Options{Log: ourLog})
			if n := number(t, s, "SELECT format FROM fedmsg.format"); n != int64(len(migrations())) {
				t.Errorf("it has format %d", n)
			}
			if at, err := s.Position(t.Context(), ourLog); err != nil || at != before[23].Entry.Position {
				t.Errorf("it has the log up to %v, %v", at, err)
			}
			appendAll(t, s, drafts(1454, 10))
			for i, d := range append(before, drafts(1454, 10)...) {
				holds(t, s, &d.Entry, i == 3)
			}
			points, err := s.Series(t.Context(), archive.Series{By: archive.KindCategory, Bucket: archive.Day, MostPoints: 9})
			if err != nil || len(points) != 2 || points[0].Count != 10 || points[1].Count != 24 {
				t.Errorf("numbers by the day: %v, %v", points, err)
			}
		})
	}
}

// holds makes sure that an archive has an entry of drafts, and finds it by its word.
func holds(t *testing.T, s *Store, e *fedmsg.Entry, redacted bool) {
	t.Helper()
	row, found, err := s.ByID(t.Context(), e.ID)
	if err != nil || !found {
		t.Fatalf("%s: %v, %v", e.ID, found, err)
	}
	keys, err := s.Words(t.Context(), []string{fmt.Sprintf("w%dw", e.Position.Seq)}, archive.Window{From: 1, To: 1 << 60}, 9)
	switch {
	case err != nil:
		t.Fatal(err)
	case redacted:
		want := archive.Redaction{ID: e.ID, Reason: "a secret", By: "uid:0", At: time.Unix(1769900000, 0).UTC()}
		if row.Redaction != nil {
			want.SHA256 = row.Redaction.SHA256
		}
		if len(keys) != 0 || !row.Entry.Redacted || row.Redaction == nil || *row.Redaction != want || len(want.SHA256) != 64 {
			t.Errorf("%s was redacted and is %v, %+v, found at %v", e.ID, row.Entry, row.Redaction, keys)
		}
	case len(keys) != 1 || keys[0] != row.Key || !reflect.DeepEqual(row.Entry, *e):
		t.Errorf("%s is %v, found at %v", e.ID, row.Entry, keys)
	}
}
