package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// bucket is a row of table hours.
type bucket struct {
	kind archive.Kind
	time int32
	term int32
}

// changes are those of one transaction to the numbers of rows.
type changes struct {
	kinds map[int32]archive.Kind
	rows  map[int32]int64 // by term
	hours map[bucket]int64
}

func newChanges() *changes {
	return &changes{kinds: make(map[int32]archive.Kind), rows: make(map[int32]int64), hours: make(map[bucket]int64)}
}

const microsPerHour = 3600 * 1_000_000

// count notes that n rows more have a term, in the hour of a key. Pairs are not counted.
func (x *changes) count(kind archive.Kind, term int32, key, n int64) {
	if kind == archive.KindBoth {
		return
	}
	x.kinds[term] = kind
	x.rows[term] += n
	x.hours[bucket{kind, int32(key / microsPerHour), term}] += n
}

// apply writes the changes, and forgets terms that no row has any more: their names may be what was to be erased. Topics are kept, as
// what reads remembers their numbers.
func (x *changes) apply(ctx context.Context, tx pgx.Tx) error {
	terms := slices.Sorted(maps.Keys(x.rows))
	var numbers []int32
	var rows []int64
	fewer := false
	for _, term := range terms {
		if n := x.rows[term]; n != 0 {
			numbers, rows, fewer = append(numbers, term), append(rows, n), fewer || n < 0
		}
	}
	if len(numbers) > 0 {
		if _, err := tx.Exec(ctx, `UPDATE terms SET count = terms.count + new.count FROM unnest($1::integer[], $2::bigint[]) AS new (term, count)
			WHERE terms.term = new.term`, numbers, rows); err != nil {
			return err
		}
	}
	if fewer {
		if _, err := tx.Exec(ctx, "DELETE FROM terms WHERE term = ANY($1) AND count <= 0 AND kind <> $2", numbers, int16(archive.KindTopic)); err != nil {
			return err
		}
	}
	if err := applyBuckets(ctx, tx, "hours", "hour", x.hours); err != nil {
		return err
	}
	days := make(map[bucket]int64, len(x.hours))
	for b, n := range x.hours {
		b.time /= 24
		days[b] += n
	}
	return applyBuckets(ctx, tx, "days", "day", days)
}

// applyBuckets adds numbers to those that are there, in the order of the table.
func applyBuckets(ctx context.Context, tx pgx.Tx, table, unit string, all map[bucket]int64) error {
	order := slices.SortedFunc(maps.Keys(all), func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.time, b.time), cmp.Compare(a.term, b.term))
	})
	var kinds []int16
	var times, terms, counts []int32
	fewer := false
	for _, b := range order {
		if n := all[b]; n != 0 {
			kinds, times, terms = append(kinds, int16(b.kind)), append(times, b.time), append(terms, b.term)
			counts, fewer = append(counts, int32(n)), fewer || n < 0
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	const columns = "unnest($1::smallint[], $2::integer[], $3::integer[], $4::integer[])"
	if _, err := tx.Exec(ctx, "INSERT INTO "+table+" (kind, "+unit+", term, count) SELECT * FROM "+columns+
		" ON CONFLICT (kind, "+unit+", term) DO UPDATE SET count = "+table+".count + excluded.count", kinds, times, terms, counts); err != nil || !fewer {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM "+table+" t USING "+columns+" AS n (kind, time, term, count) WHERE t.kind = n.kind AND t."+unit+
		" = n.time AND t.term = n.term AND t.count <= 0", kinds, times, terms, counts)
	return err
}
