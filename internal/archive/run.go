package archive

import (
	"cmp"
	"context"
)

const (
	firstKeys = 32   // keys that are asked for at first; twice as many each time
	mostKeys  = 1024 // and in the end
	firstRows = 32   // rows that are loaded at once at first; four times as many each time
	mostRows  = 512
	rowsBytes = 4 << 20 // about so many bytes of rows are loaded at once
)

// run is a question being answered. It is one goroutine's.
type run struct {
	store  Reader
	match  *matcher
	window Window
	source source

	keys    []Key // may be wanted, and are not loaded
	reached Key   // where the source stands: all wanted rows up to here are in rows and keys, or were decided
	done    bool  // the source has no more
	rows    []Row // loaded, not decided
	seen    Key   // the last key that was decided
	ask     int   // keys of the next piece
	load    int   // rows of the next piece
	page    int   // rows that the page has room for; 0 is any number
	missed  bool  // a row was loaded in vain
}

// next gives the next wanted row, or nil when there is none.
func (r *run) next(ctx context.Context) (*Row, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for len(r.rows) > 0 {
			row := &r.rows[0]
			r.rows, r.seen = r.rows[1:], row.Key
			if r.match.row(&row.Entry) {
				r.page = max(0, r.page-1)
				return row, nil
			}
			r.missed = true
		}
		switch {
		case len(r.keys) > 0:
			if err := r.fetch(ctx); err != nil {
				return nil, err
			}
		case r.done:
			r.seen = r.reached
			return nil, nil
		default:
			if err := r.find(ctx); err != nil {
				return nil, err
			}
		}
	}
}

// ended reports whether every row was decided.
func (r *run) ended() bool { return r.done && len(r.keys) == 0 && len(r.rows) == 0 }

// find asks the source for more keys.
func (r *run) find(ctx context.Context) error {
	r.seen = r.reached
	f, err := r.source.next(ctx, r.ask)
	if err != nil {
		return err
	}
	r.keys, r.reached, r.done = f.keys, f.reached, f.done
	r.ask = min(2*r.ask, mostKeys)
	return nil
}

// fetch loads rows: no more than the page has room for, while all that are loaded are wanted. However large they are, it keeps to a
// bounded memory.
func (r *run) fetch(ctx context.Context) error {
	n := min(r.load, len(r.keys))
	if r.page > 0 && !r.missed {
		n = min(n, r.page)
	}
	rows, err := r.loaded(ctx, r.keys[:n])
	if err != nil {
		return err
	}
	bytes := n
	for i := range rows {
		bytes += len(rows[i].Entry.Envelope) + len(rows[i].Entry.Signatures)
	}
	r.rows, r.keys = rows, r.keys[n:]
	r.load = max(1, min(4*r.load, mostRows, rowsBytes/(bytes/n)))
	return nil
}

// together is how many rows are worth being loaded by two at once: a store takes longer for them than both need to begin.
const together = 16

// loaded loads rows, many of them in two halves at once, as the store and this process take turns otherwise.
func (r *run) loaded(ctx context.Context, keys []Key) ([]Row, error) {
	if len(keys) < together {
		return r.store.Rows(ctx, keys)
	}
	half := len(keys) / 2
	var later []Row
	var fault error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		later, fault = r.store.Rows(ctx, keys[half:])
	}()
	rows, err := r.store.Rows(ctx, keys[:half])
	<-ended
	return append(rows, later...), cmp.Or(err, fault)
}

// begin plans a question. What it gives can be asked where a page would go on even when it failed.
func (s *Searcher) begin(ctx context.Context, q *Query) (*run, error) {
	w, err := q.window()
	if err != nil {
		return nil, err
	}
	r := &run{
		store: s.store, match: newMatcher(q), window: w, reached: w.start(), seen: w.start(),
		ask: min(max(firstKeys, q.Limit+1), mostKeys), load: firstRows,
	}
	p := planner{store: s.store, q: q, match: r.match}
	if q.Filter.Where != nil {
		p.needs = q.Filter.Where.Needs()
		w = within(p.needs, w)
	}
	n, err := p.plan(ctx)
	if err != nil {
		return r, err
	}
	if r.source = n.drive(w); w.Newest && alone(r.source) {
		return r, nil // what comes in meanwhile is newer than all that it finds
	}
	// What comes in meanwhile is left out: some of the sources would find it and others not, and the cursor would pass it over.
	newest, err := s.store.Heads(ctx, Window{From: w.From, To: w.To, Newest: true}, 1)
	if err != nil {
		return r, err
	}
	if len(newest) == 0 {
		r.done = true
		return r, nil
	}
	w.To = newest[0].Key + 1
	if err := p.count(ctx, n, w); err != nil {
		return r, err
	}
	r.source = n.drive(w)
	return r, nil
}

// alone reports whether a source finds rows by one question at a time to the store, each behind the last.
func alone(s source) bool {
	switch s.(type) {
	case *walk, *heads, *patient:
		return true
	}
	return false
}
