package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// TestValidate: what is wrong is said with the name of what it is.
func TestValidate(t *testing.T) {
	t.Parallel()
	many := make([]string, archive.MaxValues+1)
	for i := range many {
		many[i] = "x"
	}
	for want, change := range map[string]func(*archive.Query){
		"":                              func(*archive.Query) {},
		"limit is 0":                    func(q *archive.Query) { q.Limit = 0 },
		"limit is 1001":                 func(q *archive.Query) { q.Limit = 1001 },
		"until, 1970-01-01T00:00:01Z":   func(q *archive.Query) { q.Since, q.Until = time.Unix(2, 0), time.Unix(1, 0) },
		"user is empty":                 func(q *archive.Query) { q.Users = []string{""} },
		"package is given 257 times":    func(q *archive.Query) { q.Packages = many },
		"topic is given 300 times":      func(q *archive.Query) { q.Filter.Topics = make([]fedmsg.Pattern, 300) },
		"not_user has 2000 bytes":       func(q *archive.Query) { q.Not.Users = []string{strings.Repeat("x", 2000)} },
		`category "a\x00b" has control`: func(q *archive.Query) { q.Categories = []string{"a\x00b"} },
		"no severity; there are debug":  func(q *archive.Query) { q.Severities = []string{"bad"} },
		"is no sender":                  func(q *archive.Query) { q.Filter.Senders = []string{"bad"} },
		"is no signer":                  func(q *archive.Query) { q.Filter.Signers = []string{"/"} },
		`text "-- !" has no word`:       func(q *archive.Query) { q.Text = "-- !" },
		"text has 65 words":             func(q *archive.Query) { q.Text = words(65) },
		"text has 5000 bytes":           func(q *archive.Query) { q.Text = strings.Repeat("x", 5000) },
		"text is not UTF-8":             func(q *archive.Query) { q.Text = "\xff" },
		`"n12x" is no cursor`:           func(q *archive.Query) { q.After = "n12x" },
		`"o-1" is no cursor`:            func(q *archive.Query) { q.After = "o-1" },
		`"o007" is no cursor`:           func(q *archive.Query) { q.After = "o007" },
		`"o" is no cursor`:              func(q *archive.Query) { q.After = "o" },
		"in the other order":            func(q *archive.Query) { q.After = "o12" },
	} {
		q := archive.Query{Limit: 1}
		change(&q)
		err := q.Validate()
		if want == "" && err != nil || want != "" && (fedmsg.CodeOf(err) != fedmsg.CodeBadRequest || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, in which %q must be", err, want)
		}
		if _, searched := archive.NewSearcher(archivetest.NewMemory()).Search(t.Context(), &q); fmt.Sprint(searched) != fmt.Sprint(err) {
			t.Errorf("Search says %v, not %v", searched, err)
		}
	}
}

func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprint(&b, "w", i, " ")
	}
	return b.String()
}

// asked counts what a store is asked.
type asked struct {
	archive.Reader
	keys, heads, words, rows int // given by each
	questions                int

	mu            sync.Mutex // of what Rows counts, as two load rows at once
	loading, most int        // rows that are being loaded, and the most there ever were
}

func (a *asked) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) ([]archive.Key, error) {
	keys, err := a.Reader.Keys(ctx, term, w, most)
	a.keys += len(keys)
	a.questions++
	return keys, err
}

func (a *asked) Words(ctx context.Context, words []string, w archive.Window, most int) ([]archive.Key, error) {
	keys, err := a.Reader.Words(ctx, words, w, most)
	a.words += len(keys)
	a.questions++
	return keys, err
}

func (a *asked) Heads(ctx context.Context, w archive.Window, most int) ([]archive.Head, error) {
	heads, err := a.Reader.Heads(ctx, w, most)
	a.heads += len(heads)
	a.questions++
	return heads, err
}

func (a *asked) Rows(ctx context.Context, keys []archive.Key) ([]archive.Row, error) {
	a.mu.Lock()
	a.loading += len(keys)
	a.most = max(a.most, a.loading)
	a.mu.Unlock()
	rows, err := a.Reader.Rows(ctx, keys)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loading -= len(keys)
	a.rows += len(rows)
	a.questions++
	return rows, err
}

// TestLargeRows: a page of large messages ends early, and few of them are in memory at once.
func TestLargeRows(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	large := []byte(`{"msg":{"text":"` + strings.Repeat("x", 1<<20) + `"}}`)
	var drafts []archive.Draft
	for i := range 600 {
		drafts = append(drafts, archive.Draft{Entry: fedmsg.Entry{ID: fmt.Sprint(i), Topic: "a.b", Received: time.Unix(int64(i), 0), Envelope: large}})
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	count := &asked{Reader: store}
	s := archive.NewSearcher(count)
	q := archive.Query{Limit: archive.MaxLimit, Filter: filter.Filter{Scope: scopeOf(t, "#")}}
	page, err := s.Search(t.Context(), &q)
	if n := len(page.Rows); err != nil || n != 16 || page.Next == "" || page.Partial {
		t.Errorf("a page has %d rows, next %q, partial %v, %v", n, page.Next, page.Partial, err)
	}
	if !bytes.Equal(page.Rows[0].Entry.Envelope, large) {
		t.Error("the envelope is not what it was")
	}
	n := 0
	err = s.Each(t.Context(), &q, func(*archive.Row) bool { n++; return true })
	if err != nil || n != 600 || count.most > 32 {
		t.Errorf("%d rows, up to %d at once, %v", n, count.most, err)
	}
}

// TestFindsByTheRarest: of a question with several parts the store is asked little, whichever of them is rare.
func TestFindsByTheRarest(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	for i := range 4_000 {
		user, pkg, service, word := "common", "common", fmt.Sprint("s", i%3), "common"
		switch {
		case i%200 == 107:
			user = "rare"
		case i%200 == 108:
			pkg = "rare"
		case i%200 == 109:
			service = "rare"
		case i%200 == 110:
			word = "rare"
		}
		if i < 100 {
			service = "old"
		}
		e := fedmsg.Entry{
			ID: fmt.Sprint(i), Topic: fmt.Sprintf("org.example.prod.%s.t%d", service, i%200), Received: time.Unix(int64(i), 0), Sender: "uid:1",
			Envelope: fmt.Appendf(nil, `{"msg":{"user":"%s","package":"%s","text":"%s","n":%d}}`, user, pkg, word, i%7),
		}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	where := func(text string) *filter.Where {
		w, err := filter.ParseWhere(text)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, c := range map[string]struct {
		ask               func(*archive.Query)
		rows, heads, keys int // at most
	}{
		"user":           {func(q *archive.Query) { q.Users, q.Packages, q.Text = []string{"rare"}, []string{"common"}, "common" }, 64, 2, 150},
		"package":        {func(q *archive.Query) { q.Users, q.Packages = []string{"common"}, []string{"rare"} }, 64, 1, 150},
		"word":           {func(q *archive.Query) { q.Users, q.Text = []string{"common"}, "rare" }, 64, 2, 150},
		"where":          {func(q *archive.Query) { q.Filter.Where = where(`"rare" in users and msg.n >= 0`) }, 64, 2, 300},
		"where word":     {func(q *archive.Query) { q.Filter.Where = where(`msg.text == "rare"`) }, 80, 2, 300},
		"rare topics":    {func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "#.rare.#") }, 64, 1, 150},
		"common topics":  {func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "#.s1.#") }, 64, 500, 0},
		"old topics":     {func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "#.old.*", "#.t3") }, 130, 4001, 600},
		"narrow scope":   {func(q *archive.Query) { q.Filter.Scope, q.Users = scopeOf(t, "#.s1.#"), []string{"rare"} }, 64, 1, 100},
		"not that topic": {func(q *archive.Query) { q.Not.Filter.Topics = scopeOf(t, "#.s1.#") }, 64, 500, 0},
		"time": {func(q *archive.Query) {
			q.Filter.Where = where(`received < date("1970-01-01T01:00:00Z") and msg.n > 2`)
		}, 200, 300, 300},
		"nothing": {func(q *archive.Query) { q.Filter.Topics = scopeOf(t, "no.such.#") }, 0, 1, 0},
	} {
		for _, oldest := range []bool{true, false} {
			count := &asked{Reader: store}
			q := archive.Query{Limit: 20, Oldest: oldest, Filter: filter.Filter{Scope: scopeOf(t, "#")}}
			c.ask(&q)
			page, err := archive.NewSearcher(count).Search(t.Context(), &q)
			if err != nil || len(page.Rows) < min(6, c.rows) {
				t.Fatalf("%s: %d rows, %v", name, len(page.Rows), err)
			}
			if count.rows > c.rows || count.heads > c.heads || count.keys+count.words > c.keys {
				t.Errorf("%s, oldest %v: %d rows, %d heads, %d keys, %d by words in %d questions", name, oldest, count.rows, count.heads, count.keys, count.words, count.questions)
			}
		}
	}
}

// TestLoadsNoMore: of rows that are found by exactly what is asked, a page loads those that it has.
func TestLoadsNoMore(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	for i := range 3000 {
		e := fedmsg.Entry{ID: fmt.Sprint(i), Topic: []string{"a.b", "c.d", "a.c"}[i%3], Received: time.Unix(int64(i), 0), Envelope: []byte(`{}`)}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	for _, topics := range []string{"a.b", "a.*", "#"} {
		count := &asked{Reader: store}
		q := archive.Query{Limit: 77, Filter: filter.Filter{Scope: scopeOf(t, "#"), Topics: scopeOf(t, topics)}}
		page, err := archive.NewSearcher(count).Search(t.Context(), &q)
		if err != nil || len(page.Rows) != q.Limit || page.Next == "" || count.rows != q.Limit {
			t.Errorf("%s: %d rows were loaded for a page of %d, next %q, %v", topics, count.rows, len(page.Rows), page.Next, err)
		}
	}
}
