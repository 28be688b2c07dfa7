package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// TestRowsDecide: what stands in an index does not make a row what it is not.
func TestRowsDecide(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	true1 := fedmsg.Entry{ID: "right", Topic: "org.example.prod.git.push", Sender: "uid:1", Signer: "debian/ann", Received: time.Unix(1, 0),
		Envelope: []byte(`{"headers":{"severity":"error"},"msg":{"user":"ann","package":"gdb","text":"crash","n":1}}`)}
	right := archive.DraftOf(&true1)
	wrong := archive.Draft{Terms: right.Terms, Words: right.Words}
	wrong.Entry = fedmsg.Entry{ID: "wrong", Topic: "org.example.dev.bts.close", Received: time.Unix(2, 0), Envelope: []byte(`{"msg":{}}`)}
	if _, err := store.Append(t.Context(), []archive.Draft{right, wrong}, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	where := func(s string) *filter.Where {
		w, err := filter.ParseWhere(s)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, ask := range map[string]func(*archive.Query){
		"topic":    func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "org.example.prod.git.push") },
		"pattern":  func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "#.push") },
		"prefix":   func(q *archive.Query) { q.Filter.Prefixes = []string{"org.example.prod"} },
		"scope":    func(q *archive.Query) { q.Filter.Scope = scopeOf(t, "org.example.prod.#") },
		"category": func(q *archive.Query) { q.Categories = []string{"git"} },
		"user":     func(q *archive.Query) { q.Users = []string{"ann"} },
		"package":  func(q *archive.Query) { q.Packages = []string{"gdb"} },
		"both":     func(q *archive.Query) { q.Users, q.Packages = []string{"ann"}, []string{"gdb"} },
		"sender":   func(q *archive.Query) { q.Filter.Senders = []string{"uid"} },
		"signer":   func(q *archive.Query) { q.Filter.Signers = []string{"debian"} },
		"severity": func(q *archive.Query) { q.Severities = []string{"error"} },
		"text":     func(q *archive.Query) { q.Text = "crash" },
		"where":    func(q *archive.Query) { q.Filter.Where = where(`msg.n == 1`) },
	} {
		q := archive.Query{Limit: 5, Filter: filter.Filter{Scope: scopeOf(t, "#")}}
		ask(&q)
		page, err := archive.NewSearcher(store).Search(t.Context(), &q)
		if err != nil || len(page.Rows) != 1 || page.Rows[0].Entry.ID != "right" {
			t.Errorf("%s: %+v, %v", name, page.Rows, err)
		}
	}
}

// TestWhereFindsAll: whatever an expression needs, and whatever of that is known, nothing is passed over. Every pair of conditions
// is joined in every way.
func TestWhereFindsAll(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	for i := range 60 {
		e := fedmsg.Entry{
			ID: fmt.Sprint(i), Topic: fmt.Sprintf("org.example.prod.s%d.t%d", i%3, i%7), Sender: fmt.Sprint("uid:", i%4), Signer: fmt.Sprint("debian/", i%5),
			Received: time.Unix(1000, int64(i/4)*1500), // four at the same time, so that keys are raised
			Envelope: fmt.Appendf(nil, `{"headers":{"severity":"%s"},"msg":{"n":%d,"user":"u%d","package":"p%d","text":"Some word%d"}}`,
				[]string{"info", "error", "x"}[i%3], i%6, i%5, i%4, i%8),
		}
		if i == 41 { // it has more words than it is found by
			e.Envelope = fmt.Appendf(nil, `{"msg":{"many":"%s","text":"Some word6","user":"u3"}}`, words(3000))
		}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	at := drafts[30].Entry.Received.Format(time.RFC3339Nano)
	conditions := []string{
		fmt.Sprintf("received < date(%q)", at), fmt.Sprintf("received <= date(%q)", at), fmt.Sprintf("received >= date(%q)", at),
		fmt.Sprintf("received > date(%q)", at), fmt.Sprintf("received == date(%q)", at), `topic == "org.example.prod.s1.t4"`, `topic startsWith "org.example.prod.s2"`,
		`category == "s0"`, `"u1" in users`, `"p2" in packages`, `sender == "uid:3"`, `sender startsWith "uid:2"`, `signer == "debian/4"`, `severity == "error"`,
		`id == "17"`, `text("word3")`, `text("some word5 t1")`, `msg.n > 3`, `msg.text == "Some word6"`, `msg.user in ["u0", "u3"]`, `not (msg.n == 2)`, `any(users, # == "u4")`,
		`msg.text contains "me wor"`, `topic endsWith "t3"`, `1 == 2`, `verdict == ""`,
	}
	s := archive.NewSearcher(store)
	for i, a := range conditions {
		for _, b := range conditions[i:] {
			for _, form := range []string{"(%s) and (%s)", "(%s) or (%s)", "(%s) and not (%s)", "(%s) or (%s) and msg.n < 5"} {
				text := fmt.Sprintf(form, a, b)
				where, err := filter.ParseWhere(text)
				if err != nil {
					t.Fatal(err)
				}
				var want, got []string
				for _, d := range drafts {
					if where.Match(&d.Entry) {
						want = append(want, d.Entry.ID)
					}
				}
				q := archive.Query{Oldest: true, Limit: 100, Filter: filter.Filter{Where: where, Scope: scopeOf(t, "#")}}
				page, err := s.Search(t.Context(), &q)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range page.Rows {
					got = append(got, row.Entry.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: given %v, wanted %v", text, got, want)
				}
			}
		}
	}
}
