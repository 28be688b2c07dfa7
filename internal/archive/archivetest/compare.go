package archivetest

import (
	"os"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// questions is how many random questions a store is asked.
func questions() int {
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		return 10_000
	}
	return 300
}

// answersAsModel: the pages, the number and the whole of random questions, while rows come in and are redacted.
func answersAsModel(r *rig) {
	r.fill(500 + r.IntN(300))
	rows := factsOf(r.all())
	s := archive.NewSearcher(r.store)
	for n := range questions() {
		if n%60 == 59 {
			rows = r.change(rows)
			s = archive.NewSearcher(r.store)
		}
		q := r.question(rows)
		want := expect(rows, &q)
		if got := r.pages(s, q); !slices.Equal(got, want) {
			r.t.Fatalf("question %d, %s:\n%d given %q\n%d wanted %q", n, tell(&q), len(got), got, len(want), want)
		}
		var each []string
		r.ok(s.Each(r.ctx, &q, func(row *archive.Row) bool {
			each = append(each, row.Entry.ID)
			return true
		}))
		if !slices.Equal(each, want) {
			r.t.Fatalf("question %d, each of %s:\ngiven  %q\nwanted %q", n, tell(&q), each, want)
		}
		most := r.IntN(100)
		count, more, err := s.Count(r.ctx, &q, most)
		r.ok(err)
		if count != min(most, len(want)) || more != (len(want) > most) {
			r.t.Fatalf("question %d, count of %s: %d (%v), at most %d; wanted %d", n, tell(&q), count, more, most, len(want))
		}
	}
}

// change brings rows and a redaction into the store, and gives the rows as they are now.
func (r *rig) change(rows []fact) []fact {
	r.fill(20)
	_, err := r.store.Redact(r.ctx, archive.Redaction{ID: rows[r.IntN(len(rows))].Entry.ID, By: "uid:0", At: r.now})
	r.ok(err)
	if r.maybe(2) {
		r.reopen()
	}
	return factsOf(r.all())
}

// pages asks for one page behind the other and gives the ids. After the first few they become larger.
func (r *rig) pages(s *archive.Searcher, q archive.Query) (ids []string) {
	for n := 0; ; n++ {
		page, err := s.Search(r.ctx, &q)
		if err != nil || page.Partial || len(page.Rows) > q.Limit {
			r.t.Fatalf("%s: %d rows of %d, partial %v, %v", tell(&q), len(page.Rows), q.Limit, page.Partial, err)
		}
		for i := range page.Rows {
			ids = append(ids, page.Rows[i].Entry.ID)
		}
		if q.After = page.Next; q.After == "" {
			return ids
		}
		if n > 3 {
			q.Limit = archive.MaxLimit
		}
	}
}

// pagesWhileItWrites: rows come in between the pages and within them. Newest first, all that was there is given once, and nothing
// behind the first page's first row is left out; oldest first, all is given that is there in the end.
func pagesWhileItWrites(r *rig) {
	r.fill(300)
	rounds, batches := 4, 40
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		rounds, batches = 20, 200 // of 25: 100,000 rows
	}
	for round := range rounds {
		q := archive.Query{Oldest: round%2 == 0, Limit: 20}
		q.Filter.Scope = everything()
		switch round / 2 % 4 {
		case 0:
			q.Filter.Topics = []fedmsg.Pattern{pattern("#.done"), pattern("new.*")} // topics come to be, too
		case 1:
			q.Users = []string{"ralph", "ann", "bob", "u11"}
		case 2:
			q.Text = "done"
		}
		before := factsOf(r.all())
		written := make(chan struct{})
		entries := make([][]fedmsg.Entry, batches)
		for i := range entries {
			entries[i] = r.entries(25)
			entries[i][r.IntN(25)].Topic = "new." + entries[i][0].ID
		}
		go func() {
			defer close(written)
			for _, batch := range entries {
				if _, err := r.store.Append(r.ctx, drafts(batch), fedmsg.Position{}); err != nil {
					r.t.Error(err)
					return
				}
			}
		}()
		given := r.pagesUntil(q, written)
		r.complete(&q, before, given)
		if r.t.Failed() {
			return
		}
	}
}

// pagesUntil asks for one page behind the other. Oldest first it goes on until nothing is written any more.
func (r *rig) pagesUntil(q archive.Query, written <-chan struct{}) (ids []string) {
	defer func() { <-written }()
	s := archive.NewSearcher(r.store)
	for ended := false; ; {
		select {
		case <-written:
			ended = true
		default:
		}
		page, err := s.Search(r.ctx, &q)
		r.ok(err)
		for i := range page.Rows {
			ids = append(ids, page.Rows[i].Entry.ID)
		}
		switch {
		case page.Next != "":
			q.After = page.Next
		case !q.Oldest || ended && len(page.Rows) == 0:
			return ids
		case len(page.Rows) > 0:
			q.After = archive.CursorBehind(page.Rows[len(page.Rows)-1].Key, false)
		}
	}
}

// complete holds what was given while rows came in against what is there now.
func (r *rig) complete(q *archive.Query, before []fact, given []string) {
	all := expect(factsOf(r.all()), q)
	if q.Oldest {
		if !slices.Equal(given, all) {
			r.t.Errorf("%s: oldest first, %d rows were given and %d are there", tell(q), len(given), len(all))
		}
		return
	}
	from := 0
	if len(given) > 0 {
		from = slices.Index(all, given[0])
	}
	if from < 0 || !slices.Equal(given, all[from:]) || len(given) < len(expect(before, q)) {
		r.t.Errorf("%s: newest first, %d rows were given, of %d that are there and %d that were", tell(q), len(given), len(all), len(expect(before, q)))
	}
}

// readsWhileItWrites: readers are given whole rows only, and never wait for what is being written.
func readsWhileItWrites(r *rig) {
	first := r.fill(50)
	batches := make([][]fedmsg.Entry, 60)
	for i := range batches {
		batches[i] = r.entries(30)
	}
	written := make(chan error, 1)
	go func() {
		for _, batch := range batches {
			if _, err := r.store.Append(r.ctx, drafts(batch), batch[len(batch)-1].Position); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	readers := make(chan error, 3)
	stop := make(chan struct{})
	for range cap(readers) {
		go func() { readers <- r.reads(len(first), stop) }()
	}
	err := <-written
	close(stop)
	for range cap(readers) {
		if err := <-readers; err != nil {
			r.t.Error(err)
		}
	}
	r.ok(err)
	if n := len(r.all()); n != 50+60*30 {
		r.t.Errorf("%d rows", n)
	}
}

// reads asks all sorts of things until stop; there are never fewer rows than before, and batches are there as a whole.
func (r *rig) reads(before int, stop <-chan struct{}) error {
	for {
		heads, err := r.store.Heads(r.ctx, always(false), 1<<20)
		if err != nil {
			return err
		}
		if n := len(heads); n < before || (n-50)%30 != 0 {
			return fedmsg.Errorf(fedmsg.CodeInternal, "%d rows are seen behind %d", n, before)
		}
		before = len(heads)
		last := heads[len(heads)-1]
		keys, err := r.store.Keys(r.ctx, archive.Term{Kind: archive.KindTopic, Name: last.Topic}, archive.Window{From: last.Key, To: last.Key + 1}, 2)
		if err != nil {
			return err
		}
		rows, err := r.store.Rows(r.ctx, []archive.Key{last.Key})
		if err != nil {
			return err
		}
		if len(keys) != 1 || len(rows) != 1 || rows[0].Entry.Topic != last.Topic || len(rows[0].Entry.Envelope) == 0 {
			return fedmsg.Errorf(fedmsg.CodeInternal, "of the last row %d keys and %d rows are seen", len(keys), len(rows))
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}
