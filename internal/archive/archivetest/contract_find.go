package archivetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// findsInOrder: keys by term, by words and of all, in windows of all kinds.
func findsInOrder(r *rig) {
	model := NewMemory()
	for range 6 {
		batch := drafts(r.entries(100))
		for _, s := range []archive.Store{model, r.store} {
			_, err := s.Append(r.ctx, batch, fedmsg.Position{})
			r.ok(err)
		}
	}
	rows := r.all()
	for range 300 {
		w, most := r.window(rows), 1+r.IntN(1+r.IntN(300))
		term := r.term(rows)
		what := fmt.Sprintf("%v in %v, at most %d", term, w, most)
		got := must[[]archive.Key](r)(r.store.Keys(r.ctx, term, w, most))
		r.equal(what, got, must[[]archive.Key](r)(model.Keys(r.ctx, term, w, most)))

		heads := must[[]archive.Head](r)(r.store.Heads(r.ctx, w, most))
		r.equal("heads, "+what, heads, must[[]archive.Head](r)(model.Heads(r.ctx, w, most)))

		among := r.keys(rows)
		given := slices.Clone(among)
		r.equal("among, "+what, must[[]archive.Key](r)(r.store.Among(r.ctx, term, among)), must[[]archive.Key](r)(model.Among(r.ctx, term, given)))
		if !slices.Equal(among, given) {
			r.t.Error("Among changed what it was given")
		}
		r.wordsHold(model, w, most)
		if r.t.Failed() {
			return
		}
	}
}

// findsWithoutEnd: a window may reach as far as keys can.
func findsWithoutEnd(r *rig) {
	r.fill(50)
	rows := r.all()
	draft := archive.DraftOf(&rows[0].Entry)
	for _, newest := range []bool{false, true} {
		far := archive.Window{From: 1, To: math.MaxInt64, Newest: newest}
		near := archive.Window{From: 1, To: rows[49].Key + 1, Newest: newest}
		for _, w := range []archive.Window{far, {From: math.MinInt64, To: math.MaxInt64, Newest: newest}} {
			for _, term := range draft.Terms {
				r.equal(fmt.Sprintf("%v in %v", term, w), must[[]archive.Key](r)(r.store.Keys(r.ctx, term, w, 100)), must[[]archive.Key](r)(r.store.Keys(r.ctx, term, near, 100)))
			}
			words := draft.Words[:1]
			r.equal(fmt.Sprintf("%q in %v", words, w), must[[]archive.Key](r)(r.store.Words(r.ctx, words, w, 100)), must[[]archive.Key](r)(r.store.Words(r.ctx, words, near, 100)))
			r.equal(fmt.Sprintf("heads in %v", w), len(must[[]archive.Head](r)(r.store.Heads(r.ctx, w, 100))), 50)
		}
	}
}

// wordsHold compares what is found by words: it may be more than the model's, and must be in order.
func (r *rig) wordsHold(model archive.Store, w archive.Window, most int) {
	entry := r.all()[r.IntN(len(r.all()))].Entry
	has := archive.DraftOf(&entry).Words
	var asked []string
	for range 1 + r.IntN(3) {
		asked = append(asked, has[r.IntN(len(has))])
	}
	asked = slices.Compact(slices.Sorted(slices.Values(asked)))
	got := must[[]archive.Key](r)(r.store.Words(r.ctx, asked, w, most))
	inOrder := slices.IsSortedFunc(got, func(a, b archive.Key) int {
		if (a < b) != w.Newest {
			return -1
		}
		return 1
	})
	if !inOrder || len(got) > most || slices.ContainsFunc(got, func(k archive.Key) bool { return k < w.From || k >= w.To }) {
		r.t.Errorf("words %q in %v, at most %d: %v is not in order, or not within", asked, w, most, got)
	}
	reach := w
	if len(got) == most && w.Newest {
		reach.From = got[most-1]
	} else if len(got) == most {
		reach.To = got[most-1] + 1
	}
	for _, k := range must[[]archive.Key](r)(model.Words(r.ctx, asked, reach, 1<<20)) {
		if !slices.Contains(got, k) {
			r.t.Errorf("words %q in %v, at most %d: %d is missing in %v", asked, w, most, k, got)
		}
	}
}

// window takes one that ends at rows, between them, or nowhere.
func (r *rig) window(rows []archive.Row) archive.Window {
	edge := func() archive.Key { return rows[r.IntN(len(rows))].Key + archive.Key(r.IntN(3)-1) }
	w := always(r.IntN(2) == 0)
	if r.IntN(2) == 0 {
		w.From = edge()
	}
	if r.IntN(2) == 0 {
		w.To = max(w.From, edge())
	}
	return w
}

// term takes one of a row, or one that no row has.
func (r *rig) term(rows []archive.Row) archive.Term {
	terms := archive.DraftOf(&rows[r.IntN(len(rows))].Entry).Terms
	term := terms[r.IntN(len(terms))]
	switch r.IntN(20) {
	case 0:
		term.Name += "x"
	case 1:
		term.Kind = archive.Kind(1 + r.IntN(8))
	}
	return term
}

// keys takes some, in any order, and some that no row has.
func (r *rig) keys(rows []archive.Row) (keys []archive.Key) {
	for range r.IntN(200) {
		keys = append(keys, rows[r.IntN(len(rows))].Key)
		if r.IntN(10) == 0 {
			keys = append(keys, archive.Key(r.IntN(1000)))
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if r.IntN(2) == 0 {
		slices.Reverse(keys)
	}
	return keys
}

// countsAndTopics: who is common is known to be so, and no topic is ever missing.
func countsAndTopics(r *rig) {
	r.equal("topics of nothing", must[*archive.Topics](r)(r.store.Topics(r.ctx)).Len(), 0)
	first := must[archive.Extent](r)(r.store.Extent(r.ctx))
	if first.Rows != 0 || first.Newest != 0 {
		r.t.Errorf("the extent of nothing is %+v", first)
	}
	want := make(map[string]int64)
	terms := make(map[archive.Term]int64)
	var rows []fedmsg.Entry
	for range 30 {
		batch := r.entries(1 + r.IntN(40))
		batch[0].Topic = fmt.Sprintf("org.example.prod.new%d.thing", r.IntN(1000))
		r.append(batch...)
		for _, d := range drafts(batch) {
			want[d.Entry.Topic]++
			for _, term := range d.Terms {
				terms[term]++
			}
		}
		rows = append(rows, batch...)
		topics := maps.Collect(must[*archive.Topics](r)(r.store.Topics(r.ctx)).All())
		r.equal("topics", slices.Sorted(maps.Keys(topics)), slices.Sorted(maps.Keys(want)))
		if r.IntN(5) == 0 {
			r.reopen()
		}
	}
	asked := append(slices.Collect(maps.Keys(terms)), archive.Term{Kind: archive.KindUser, Name: "nobody"})
	for i, n := range must[[]int64](r)(r.store.Counts(r.ctx, asked)) {
		if least := terms[asked[i]]; n < least/2 || n > 2*least {
			r.t.Errorf("about %d rows have %v; it is %d", n, asked[i], least)
		}
	}
	all, extent := r.all(), must[archive.Extent](r)(r.store.Extent(r.ctx))
	if n := int64(len(rows)); extent.Rows < n/2 || extent.Rows > 2*n || extent.Oldest != all[0].Key || extent.Newest != all[n-1].Key {
		r.t.Errorf("the extent is %+v of %d rows from %d to %d", extent, n, all[0].Key, all[n-1].Key)
	}
}

// endsWithContext: nobody is answered who has gone.
func endsWithContext(r *rig) {
	r.fill(100)
	all := r.all()
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	topic := archive.Term{Kind: archive.KindTopic, Name: all[0].Entry.Topic}
	w := always(true)
	for name, ask := range map[string]func() error{
		"Keys":   func() error { _, err := r.store.Keys(ctx, topic, w, 10); return err },
		"Words":  func() error { _, err := r.store.Words(ctx, []string{"the"}, w, 10); return err },
		"Heads":  func() error { _, err := r.store.Heads(ctx, w, 10); return err },
		"Among":  func() error { _, err := r.store.Among(ctx, topic, []archive.Key{all[0].Key}); return err },
		"Rows":   func() error { _, err := r.store.Rows(ctx, []archive.Key{all[0].Key}); return err },
		"ByID":   func() error { _, _, err := r.store.ByID(ctx, all[0].Entry.ID); return err },
		"Series": func() error { _, err := r.store.Series(ctx, seriesOf(archive.KindTopic, archive.Day)); return err },
	} {
		if err := ask(); !errors.Is(err, context.Canceled) {
			r.t.Errorf("%s for somebody who had gone gave %v, in which there is no context.Canceled", name, err)
		}
	}
	if rows := r.all(); len(rows) != 100 { // and the store is as it was
		r.t.Errorf("%d rows", len(rows))
	}
}
