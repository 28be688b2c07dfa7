package archivetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Equal gives the stores the same messages and asks them the same random questions: 300, or 10,000 with FEDMSG_TEST_LONG=1. Each must
// answer as the model does, page by page with the same cursors (but for one behind which nothing is), while rows come in, are erased and are indexed anew, and give the same
// numbers over time. The stores are empty and are not closed.
func Equal(t *testing.T, stores map[string]archive.Store) {
	t.Helper()
	r := newRig(t, Target{Open: func(*testing.T) archive.Store { return NewMemory() }})
	together := &together{rig: r, stores: stores}
	together.add(r.entries(500 + r.IntN(300)))
	rows := factsOf(r.all())
	for n := range questions() {
		if n%60 == 59 {
			rows = together.change(rows)
		}
		q := r.question(rows)
		together.ask(n, &q, expect(rows, &q))
		if n%20 == 0 {
			together.series()
		}
		if t.Failed() {
			return
		}
	}
}

// together is several stores that have the same, the model's rig among them.
type together struct {
	*rig
	stores map[string]archive.Store
}

// every calls f for the model and for each store.
func (b *together) every(f func(archive.Store) error) {
	b.t.Helper()
	b.ok(f(b.store))
	for name, s := range b.stores {
		if err := f(s); err != nil {
			b.t.Fatalf("%s: %v", name, err)
		}
	}
}

// add puts entries into all, in batches of every size.
func (b *together) add(all []fedmsg.Entry) {
	for len(all) > 0 {
		batch := all[:min(len(all), 1+b.IntN(1+b.IntN(200)))]
		all = all[len(batch):]
		b.every(func(s archive.Store) error {
			_, err := s.Append(b.ctx, drafts(batch), batch[len(batch)-1].Position)
			return err
		})
	}
}

// change brings in rows, erases one, indexes all anew, and gives the rows as they are now.
func (b *together) change(rows []fact) []fact {
	b.add(b.entries(20))
	r := archive.Redaction{ID: rows[b.IntN(len(rows))].Entry.ID, By: "uid:0", At: b.now}
	b.every(func(s archive.Store) error {
		if _, err := s.Redact(b.ctx, r); err != nil {
			return err
		}
		_, err := s.Reindex(b.ctx, 0, 200, archive.DraftOf)
		return err
	})
	return factsOf(b.all())
}

// ask holds the pages of each store against what is wanted, and against one another.
func (b *together) ask(n int, q *archive.Query, want []string) {
	b.t.Helper()
	var cursors []archive.Cursor
	var of string
	for name, store := range b.stores {
		s, page := archive.NewSearcher(store), *q
		var ids []string
		var next []archive.Cursor
		for {
			found, err := s.Search(b.ctx, &page)
			if err != nil || found.Partial {
				b.t.Fatalf("question %d, %s: %s: partial %v, %v", n, tell(q), name, found.Partial, err)
			}
			for i := range found.Rows {
				ids = append(ids, found.Rows[i].Entry.ID)
			}
			if page.After = found.Next; page.After == "" {
				// Whether nothing is behind a full page is known at once or by asking, as the row was found by one thing or another.
				if len(found.Rows) == 0 && len(next) > 0 {
					next = next[:len(next)-1]
				}
				break
			}
			next = append(next, page.After)
			page.Limit = min(2*page.Limit, archive.MaxLimit)
		}
		if !slices.Equal(ids, want) {
			b.t.Errorf("question %d, %s: %s gave\n%q\nwanted\n%q", n, tell(q), name, ids, want)
		}
		if of != "" && !slices.Equal(next, cursors) {
			b.t.Errorf("question %d, %s: the cursors of %s are %q, those of %s %q", n, tell(q), name, next, of, cursors)
		}
		cursors, of = next, name
	}
}

// series compares numbers over time.
func (b *together) series() {
	kinds := seriesKinds()
	q := seriesOf(kinds[b.IntN(len(kinds))], archive.Bucket(1+b.IntN(2)))
	want := must[[]archive.Point](b.rig)(b.store.Series(b.ctx, q))
	for name, s := range b.stores {
		got, err := s.Series(b.ctx, q)
		b.ok(err)
		b.equal(fmt.Sprintf("%s: series %+v", name, q), got, want)
	}
}
