package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Series gives numbers of rows by the hour or the day, sorted by time, then by name. There may be tens of thousands: they come as they
// stand in the table, and names once for each term.
func (s *Store) Series(ctx context.Context, q archive.Series) (points []archive.Point, err error) {
	err = s.read(ctx, "count messages of the archive over time", func(ctx context.Context, c reader) error {
		var only []int32
		if len(q.Names) > 0 {
			if only, err = termsNamed(ctx, c, q.By, q.Names); err != nil || len(only) == 0 {
				return err
			}
		}
		periods, err := periodsOf(ctx, c, &q, only)
		if err != nil {
			return err
		}
		ranks, names, err := ranked(ctx, c, periods)
		if err != nil {
			return err
		}
		points = pointsOf(periods, ranks, names)
		return nil
	})
	return points, err
}

// termsNamed gives the numbers of those terms that some row has.
func termsNamed(ctx context.Context, c reader, by archive.Kind, names []string) ([]int32, error) {
	hashes := make([]digest, len(names))
	for i, name := range names {
		hashes[i] = termDigest(archive.Term{Kind: by, Name: name})
	}
	return column[int32](ctx, c, "SELECT term FROM terms WHERE hash = ANY($1)", hashes)
}

// period is the numbers of an hour or a day.
type period struct {
	at     time.Time
	counts []count
}

// count is how many rows have a term.
type count struct{ term, rows int32 }

// periodsOf reads the numbers, in the order of time; of the terms of only where that is set.
func periodsOf(ctx context.Context, c reader, q *archive.Series, only []int32) (found []period, err error) {
	table, unit, seconds := "hours", "hour", int64(3600)
	if q.Bucket == archive.Day {
		table, unit, seconds = "days", "day", 24*3600
	}
	from, to := span(q, seconds)
	where := "kind = $1 AND " + unit + " >= $2 AND " + unit + " < $3"
	if q.Bucket == archive.Hour { // which is worked out, and not in an index
		where += " AND day >= $2 / 24 AND day <= $3 / 24"
	}
	args := []any{int16(q.By), from, to, q.MostPoints + 1}
	if only != nil {
		where += " AND term = ANY($5)"
		args = append(args, only)
	}
	rows, err := c.Query(ctx, "SELECT "+unit+", term, count FROM "+table+" WHERE "+where+" LIMIT $4", args...)
	if err != nil {
		return nil, err
	}
	left := q.MostPoints
	places := make(map[int32]int) // of buckets in found
	last, place := int32(-1), 0   // the rows of a bucket often stand together
	err = eachRow(rows, func(row *columns) error {
		if left--; left < 0 {
			return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer has more than %d numbers; ask for a shorter time, for days, or for fewer names", q.MostPoints)
		}
		if bucket := row.int32(); bucket != last {
			var there bool
			if place, there = places[bucket]; !there {
				place = len(found)
				places[bucket] = place
				found = append(found, period{at: time.Unix(int64(bucket)*seconds, 0).UTC()})
			}
			last = bucket
		}
		found[place].counts = append(found[place].counts, count{row.int32(), row.int32()})
		return nil
	})
	slices.SortFunc(found, func(a, b period) int { return a.at.Compare(b.at) })
	return found, err
}

// ranked gives the names of all terms of the periods, sorted, and where in them each term's is. Those whose last row was erased
// meanwhile have rank -1 and no name.
func ranked(ctx context.Context, c reader, periods []period) (ranks map[int32]int32, names []string, err error) {
	ranks = make(map[int32]int32)
	var terms []int32
	for i := range periods {
		for _, n := range periods[i].counts {
			if _, seen := ranks[n.term]; !seen {
				ranks[n.term] = -1
				terms = append(terms, n.term)
			}
		}
	}
	type named struct {
		term int32
		name string
	}
	all := make([]named, 0, len(terms))
	var one named
	err = scan(ctx, c, func() error {
		all = append(all, named{one.term, plain(one.name)})
		return nil
	}, []any{&one.term, &one.name}, "SELECT term, name FROM terms WHERE term = ANY($1)", terms)
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.name, b.name) })
	names = make([]string, len(all))
	for i, n := range all {
		names[i], ranks[n.term] = n.name, int32(i)
	}
	return ranks, names, err
}

// pointsOf gives the numbers in the order of time, then of names.
func pointsOf(periods []period, ranks map[int32]int32, names []string) []archive.Point {
	all := 0
	for _, b := range periods {
		all += len(b.counts)
	}
	if all == 0 {
		return nil
	}
	points := make([]archive.Point, 0, all)
	for _, b := range periods {
		for i := range b.counts {
			b.counts[i].term = ranks[b.counts[i].term]
		}
		slices.SortFunc(b.counts, func(a, b count) int { return cmp.Compare(a.term, b.term) })
		for _, n := range b.counts {
			if n.term >= 0 {
				points = append(points, archive.Point{At: b.at, Name: names[n.term], Count: int64(n.rows)})
			}
		}
	}
	return points
}

// span gives the buckets that the time touches, the second not included.
func span(q *archive.Series, seconds int64) (from, to int32) {
	to = 1<<31 - 1 // behind all time
	if !q.From.IsZero() {
		from = bucketOf(q.From.Unix(), seconds)
	}
	if !q.To.IsZero() {
		to = bucketOf(q.To.Add(time.Duration(seconds)*time.Second-1).Unix(), seconds)
	}
	return from, to
}

// bucketOf divides towards the past, and gives what the tables can have.
func bucketOf(n, by int64) int32 {
	d := n / by
	if n%by < 0 {
		d--
	}
	return int32(min(max(d, -1), 1<<31-1))
}
