package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// maxPairs is how far the rows of a pair of a user and a package are counted: nobody keeps their number.
const maxPairs = 4096

// Counts gives how many rows have each of the terms; of pairs of a user and a package at most maxPairs.
func (s *Store) Counts(ctx context.Context, terms []archive.Term) ([]int64, error) {
	counts := make([]int64, len(terms))
	err := s.read(ctx, "count messages of the archive", func(c *sqlite.Conn) (err error) {
		for i, t := range terms {
			if t.Kind == archive.KindBoth {
				counts[i], _, err = number(c, "SELECT count(*) FROM (SELECT 1 FROM postings WHERE term = ? LIMIT ?)", pairNumber(t.Name), int64(maxPairs))
			} else {
				counts[i], _, err = number(c, "SELECT count FROM terms WHERE kind = ? AND name = ?", int64(t.Kind), t.Name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return counts, err
}

// Topics gives all topics and how many rows each has.
func (s *Store) Topics(ctx context.Context) (topics map[string]int64, err error) {
	topics = make(map[string]int64)
	err = s.read(ctx, "read the archive's topics", func(c *sqlite.Conn) error {
		return exec(c, "SELECT name, count FROM terms WHERE kind = ?", func(st *sqlite.Stmt) error {
			topics[st.ColumnText(0)] = st.ColumnInt64(1)
			return nil
		}, int64(archive.KindTopic))
	})
	return topics, err
}

// Extent tells what the file holds.
func (s *Store) Extent(ctx context.Context) (x archive.Extent, err error) {
	err = s.read(ctx, "read how much the archive holds", func(c *sqlite.Conn) error {
		return exec(c, "SELECT (SELECT sum(count) FROM terms WHERE kind = ?), (SELECT min(key) FROM messages), (SELECT max(key) FROM messages)",
			func(st *sqlite.Stmt) error {
				x.Rows, x.Oldest, x.Newest = st.ColumnInt64(0), archive.Key(st.ColumnInt64(1)), archive.Key(st.ColumnInt64(2))
				return nil
			}, int64(archive.KindTopic))
	})
	if err != nil {
		return archive.Extent{}, err
	}
	x.Bytes, err = s.size()
	return x, s.fault(ctx, "read how much the archive holds", err)
}

// Series gives numbers of rows by the hour or the day, sorted by time, then by name.
func (s *Store) Series(ctx context.Context, q archive.Series) (points []archive.Point, err error) {
	err = s.snapshot(ctx, "count messages of the archive over time", func(c *sqlite.Conn) error {
		r := seriesReader{c: c, q: q, length: time.Hour, names: make(map[int64]string)}
		query := "SELECT hour, term, count FROM hours WHERE kind = ? AND hour >= ? AND hour < ?"
		if q.Bucket == archive.Day {
			r.length = 24 * time.Hour
			query = "SELECT day, term, count FROM days WHERE kind = ? AND day >= ? AND day < ?"
		}
		if err := r.want(); err != nil {
			return err
		}
		from, to := r.span()
		if err := exec(c, query, r.take, int64(q.By), from, to); err != nil {
			return err
		}
		points = r.points
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(points, func(a, b archive.Point) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name)) })
	return points, nil
}

// seriesReader reads the numbers of one question.
type seriesReader struct {
	c      *sqlite.Conn
	q      archive.Series
	length time.Duration    // of a bucket
	names  map[int64]string // of terms that are wanted; where only some are, all of them
	points []archive.Point
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

// span gives the buckets that the time touches, the second not included.
func (r *seriesReader) span() (from, to int64) {
	seconds := int64(r.length / time.Second)
	to = 1 << 40 // behind all time
	if !r.q.From.IsZero() {
		from = floor(r.q.From.Unix(), seconds)
	}
	if !r.q.To.IsZero() {
		to = floor(r.q.To.Add(time.Duration(seconds)*time.Second-1).Unix(), seconds)
	}
	return from, to
}

// floor divides towards the past.
func floor(n, by int64) int64 {
	if n%by < 0 {
		return n/by - 1
	}
	return n / by
}

// take takes a row of the result.
func (r *seriesReader) take(st *sqlite.Stmt) (err error) {
	term := st.ColumnInt64(1)
	name, found := r.names[term]
	if !found && len(r.q.Names) > 0 {
		return nil
	}
	if !found {
		if name, err = nameOf(r.c, term); err != nil {
			return err
		}
		r.names[term] = name
	}
	if len(r.points) >= r.q.MostPoints {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer has more than %d numbers; ask for a shorter time, for days, or for fewer names", r.q.MostPoints)
	}
	at := time.Unix(st.ColumnInt64(0)*int64(r.length/time.Second), 0).UTC()
	r.points = append(r.points, archive.Point{At: at, Name: name, Count: st.ColumnInt64(2)})
	return nil
}
