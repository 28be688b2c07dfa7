package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// hours are the numbers of rows of a day, by hour.
type hours [hoursPerDay]int32

func (h *hours) add(hour int, n int64) { h[hour] += int32(n) }

// hourBits is how far left of a number its hour stands in the database.
const hourBits = 32

// addAll adds numbers as the database has them: those that are not zero, each with its hour.
func (h *hours) addAll(numbers []int64) error {
	for _, n := range numbers {
		hour := n >> hourBits
		if hour < 0 || hour >= hoursPerDay {
			return fmt.Errorf("%w: a day has an hour %d", block.ErrDamaged, hour)
		}
		h[hour] += int32(n)
	}
	return nil
}

// numbers gives the sum, and what addAll reads.
func (h *hours) numbers() (sum int32, all []int64) {
	for hour, n := range h {
		if n > 0 {
			sum += n
			all = append(all, int64(hour)<<hourBits|int64(n))
		}
	}
	return sum, all
}

// dayRows are rows of table days by their columns, as statements take them.
type dayRows struct {
	kinds        []int16
	days, terms  []int32
	counts       []int32
	first, hours []int64 // where the hours of each row begin, from one; and those of all rows
}

func (r *dayRows) add(b bucket, count int32, numbers []int64) {
	r.kinds, r.days, r.terms, r.counts = append(r.kinds, int16(b.kind)), append(r.days, b.day), append(r.terms, b.term), append(r.counts, count)
	r.first, r.hours = append(r.first, int64(len(r.hours))+1), append(r.hours, numbers...)
}

// update writes the rows, which are there.
func (r *dayRows) update(ctx context.Context, tx pgx.Tx) error {
	if len(r.kinds) == 0 {
		return nil
	}
	behind := append(r.first[1:len(r.first):len(r.first)], int64(len(r.hours))+1)
	_, err := tx.Exec(ctx, `UPDATE days d SET count = n.count, hours = ($7::bigint[])[n.first:n.behind - 1]
		FROM unnest($1::smallint[], $2::integer[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[]) AS n (kind, day, term, count, first, behind)
		WHERE d.kind = n.kind AND d.day = n.day AND d.term = n.term`, r.kinds, r.days, r.terms, r.counts, r.first, behind, r.hours)
	return err
}

// delete takes the rows away.
func (r *dayRows) delete(ctx context.Context, tx pgx.Tx) error {
	if len(r.kinds) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM days d USING unnest($1::smallint[], $2::integer[], $3::integer[]) AS n (kind, day, term)
		WHERE d.kind = n.kind AND d.day = n.day AND d.term = n.term`, r.kinds, r.days, r.terms)
	return err
}
