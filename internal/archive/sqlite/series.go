package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Up to so many names are looked up in each bucket, and up to so many times in all. Where it were more all numbers of the time are read.
const (
	fewNames  = 16
	manyLooks = 200_000
)

// Series gives numbers of rows by the hour or the day, sorted by time, then by name.
func (s *Store) Series(ctx context.Context, q archive.Series) (points []archive.Point, err error) {
	err = s.snapshot(ctx, "count messages of the archive over time", func(c *sqlite.Conn) error {
		r := seriesReader{c: c, q: q, seconds: 3600, column: "hour", names: make(map[int64]string)}
		if q.Bucket == archive.Day {
			r.seconds, r.column = 24*3600, "day"
		}
		err := r.read()
		r.flush()
		points = r.points
		return err
	})
	if err != nil {
		return nil, err
	}
	return points, nil
}

// seriesReader reads the numbers of one question.
type seriesReader struct {
	c       *sqlite.Conn
	q       archive.Series
	seconds int64            // length of a bucket
	column  string           // that has the bucket; the table is called so with an s
	names   map[int64]string // of terms that are wanted; where only some are, all of them
	bucket  int64            // that is being read
	at      time.Time        // its beginning
	begun   int              // points before it
	points  []archive.Point  // those of earlier buckets are sorted
}

// read reads the numbers.
func (r *seriesReader) read() error {
	if err := r.want(); err != nil {
		return err
	}
	from, to, err := r.span()
	if err != nil {
		return err
	}
	looks := (to - from) * int64(len(r.names))
	if len(r.q.Names) == 0 || len(r.names) > fewNames || looks > manyLooks {
		return exec(r.c, fmt.Sprintf("SELECT %[1]s, term, count FROM %[1]ss WHERE kind = ? AND %[1]s >= ? AND %[1]s < ?", r.column),
			r.take, int64(r.q.By), from, to)
	}
	if looks <= 0 {
		return nil
	}
	args := []any{from, to, int64(r.q.By)}
	terms := slices.Sorted(maps.Keys(r.names))
	for i := range fewNames { // the statement is the same for any number of names
		args = append(args, terms[min(i, len(terms)-1)])
	}
	return exec(r.c, fmt.Sprintf("WITH RECURSIVE span(at) AS (SELECT ? UNION ALL SELECT at + 1 FROM span WHERE at + 1 < ?) "+
		"SELECT %[1]s, term, count FROM span CROSS JOIN %[1]ss ON kind = ? AND %[1]s = at AND term IN (?%[2]s)", r.column, strings.Repeat(", ?", fewNames-1)),
		r.take, args...)
}

// want finds the terms that are asked for by name.
func (r *seriesReader) want() error {
	for _, name := range r.q.Names {
		n, found, err := termNumber(r.c, archive.Term{Kind: r.q.By, Name: name})
		if err != nil {
			return err
		}
		if found {
			r.names[n] = name
		}
	}
	return nil
}

// span gives the buckets that the time touches and that rows can be in, the second not included.
func (r *seriesReader) span() (from, to int64, err error) {
	oldest, _, err := number(r.c, "SELECT min(key) FROM messages")
	if err != nil {
		return 0, 0, err
	}
	newest, _, err := number(r.c, "SELECT max(key) FROM messages")
	if err != nil {
		return 0, 0, err
	}
	from, to = floor(oldest, r.seconds*1_000_000), floor(newest, r.seconds*1_000_000)+1
	if !r.q.From.IsZero() {
		from = max(from, floor(r.q.From.Unix(), r.seconds))
	}
	if !r.q.To.IsZero() {
		to = min(to, floor(r.q.To.Add(time.Duration(r.seconds)*time.Second-1).Unix(), r.seconds))
	}
	return from, to, nil
}

// floor divides towards the past.
func floor(n, by int64) int64 {
	if n%by < 0 {
		return n/by - 1
	}
	return n / by
}

// take takes a row of the result, in which buckets follow one another.
func (r *seriesReader) take(st *sqlite.Stmt) (err error) {
	bucket, term := st.ColumnInt64(0), st.ColumnInt64(1)
	name, found := r.names[term]
	if !found {
		if len(r.q.Names) > 0 {
			return nil
		}
		if name, err = nameOf(r.c, term); err != nil {
			return err
		}
		r.names[term] = name
	}
	if len(r.points) >= r.q.MostPoints {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer has more than %d numbers; ask for a shorter time, for days, or for fewer names", r.q.MostPoints)
	}
	if len(r.points) == 0 || bucket != r.bucket {
		r.flush()
		r.bucket, r.at = bucket, time.Unix(bucket*r.seconds, 0).UTC()
	}
	if len(r.points) == cap(r.points) {
		r.points = slices.Grow(r.points, max(256, len(r.points))) // append alone makes room for a quarter more, and copies more often
	}
	r.points = append(r.points, archive.Point{At: r.at, Name: name, Count: st.ColumnInt64(2)})
	return nil
}

// flush ends a bucket: its names are sorted.
func (r *seriesReader) flush() {
	slices.SortFunc(r.points[r.begun:], func(a, b archive.Point) int { return cmp.Compare(a.Name, b.Name) })
	r.begun = len(r.points)
}
