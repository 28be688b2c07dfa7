package postgres

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// bucket is a row of table days.
type bucket struct {
	kind archive.Kind
	day  int32
	term int32
}

func (b bucket) compare(other bucket) int {
	return cmp.Or(cmp.Compare(b.kind, other.kind), cmp.Compare(b.day, other.day), cmp.Compare(b.term, other.term))
}

// changes are those of one transaction to the numbers of rows.
type changes struct {
	rows map[int32]int64   // by term
	days map[bucket]*hours // numbers that are added
}

func newChanges() *changes {
	return &changes{rows: make(map[int32]int64), days: make(map[bucket]*hours)}
}

const (
	microsPerHour = 3600 * 1_000_000
	hoursPerDay   = 24
)

// count notes that n rows more have a term, in the hour of a key. Pairs are not counted.
func (x *changes) count(kind archive.Kind, term int32, key, n int64) {
	if kind == archive.KindBoth {
		return
	}
	x.rows[term] += n
	hour := key / microsPerHour
	b := bucket{kind, int32(hour / hoursPerDay), term}
	if x.days[b] == nil {
		x.days[b] = new(hours)
	}
	x.days[b].add(int(hour%hoursPerDay), n)
}

// errForgotten is what a number says that was remembered for a term, and which no row had any more.
var errForgotten = errors.New("a term that was remembered is not there any more")

// apply writes the changes, and forgets terms that no row has any more: their names may be what was to be erased. Topics are kept, as
// what reads remembers their numbers.
func (x *changes) apply(ctx context.Context, tx pgx.Tx) error {
	var terms []int32
	var rows []int64
	fewer := false
	for _, term := range slices.Sorted(maps.Keys(x.rows)) {
		if n := x.rows[term]; n != 0 {
			terms, rows, fewer = append(terms, term), append(rows, n), fewer || n < 0
		}
	}
	if len(terms) == 0 {
		return x.applyDays(ctx, tx)
	}
	said, err := tx.Exec(ctx, `UPDATE terms SET count = terms.count + new.count FROM unnest($1::integer[], $2::bigint[]) AS new (term, count)
		WHERE terms.term = new.term`, terms, rows)
	if err != nil {
		return err
	}
	if said.RowsAffected() != int64(len(terms)) {
		return errForgotten
	}
	if fewer {
		if _, err := tx.Exec(ctx, "DELETE FROM terms WHERE term = ANY($1) AND count <= 0 AND kind <> $2", terms, int16(archive.KindTopic)); err != nil {
			return err
		}
	}
	return x.applyDays(ctx, tx)
}

// applyDays adds the numbers to those that are there, in the order of the table. As nobody else writes, what was read holds: rows that
// are new can be copied, which is much cheaper than having the server look for each whether it is there.
func (x *changes) applyDays(ctx context.Context, tx pgx.Tx) error {
	maps.DeleteFunc(x.days, func(_ bucket, h *hours) bool { return *h == hours{} })
	if len(x.days) == 0 {
		return nil
	}
	order := slices.SortedFunc(maps.Keys(x.days), bucket.compare)
	newest, _, err := first[int32](ctx, tx, "SELECT day FROM days WHERE kind = $1 ORDER BY day DESC LIMIT 1", int16(archive.KindTopic))
	if err != nil {
		return err
	}
	var asked dayRows
	for _, b := range order {
		if b.day <= newest { // every row has a topic
			asked.add(b, 0, nil)
		}
	}
	there := make(map[bucket]struct{})
	var b bucket
	var kind int16
	var before []int64
	if err := scan(ctx, tx, func() error {
		b.kind = archive.Kind(kind)
		there[b] = struct{}{}
		return x.days[b].addAll(before)
	}, []any{&kind, &b.day, &b.term, &before}, `SELECT kind, day, term, hours FROM days
		JOIN unnest($1::smallint[], $2::integer[], $3::integer[]) AS n (kind, day, term) USING (kind, day, term)`,
		asked.kinds, asked.days, asked.terms); err != nil {
		return err
	}
	fresh := newCopier("days", "kind, day, term, count, hours")
	var changed, gone dayRows
	for _, b := range order {
		count, numbers := x.days[b].numbers()
		_, is := there[b]
		switch {
		case is && count > 0:
			changed.add(b, count, numbers)
		case is:
			gone.add(b, 0, nil)
		case count > 0:
			fresh.row(5)
			fresh.int16(int16(b.kind))
			fresh.int32(b.day)
			fresh.int32(b.term)
			fresh.int32(count)
			fresh.int64s(numbers)
		}
	}
	if err := fresh.run(ctx, tx); err != nil {
		return err
	}
	if err := changed.update(ctx, tx); err != nil {
		return err
	}
	return gone.delete(ctx, tx)
}
