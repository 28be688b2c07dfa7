package sqlite

import (
	"cmp"
	"maps"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// posting is a row of table postings.
type posting struct {
	term, key int64
}

// bucket is what a row of table hours is for.
type bucket struct {
	kind       archive.Kind
	hour, term int64
}

// passage is the words of a row in the text index, as tokens with spaces between.
type passage struct {
	key    int64
	tokens string
}

// changes are those of one transaction to the indexes. They are put together first and written in the order of the tables, which is
// several times faster than as they come.
type changes struct {
	added, removed    []posting
	counts            map[int64]int64  // by term
	hours             map[bucket]int64 // by hour and term
	written, unwanted []passage
}

func newChanges() *changes {
	return &changes{counts: make(map[int64]int64), hours: make(map[bucket]int64)}
}

// add gives a row a term.
func (x *changes) add(key int64, kind archive.Kind, term int64) {
	x.added = append(x.added, posting{term, key})
	x.count(key, kind, term, 1)
}

// remove takes a term from a row.
func (x *changes) remove(key int64, kind archive.Kind, term int64) {
	x.removed = append(x.removed, posting{term, key})
	x.count(key, kind, term, -1)
}

func (x *changes) count(key int64, kind archive.Kind, term, n int64) {
	if kind == archive.KindBoth {
		return
	}
	x.counts[term] += n
	x.hours[bucket{kind, key / microsPerHour, term}] += n
}

const microsPerHour = 3600 * 1_000_000

// apply writes the changes.
func (x *changes) apply(c *sqlite.Conn) error {
	for _, step := range []func(*sqlite.Conn) error{x.applyPostings, x.applyCounts, x.applyHours, x.applyDays, x.applyWords} {
		if err := step(c); err != nil {
			return err
		}
	}
	return nil
}

func (x *changes) applyPostings(c *sqlite.Conn) error {
	order := func(a, b posting) int { return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.key, b.key)) }
	slices.SortFunc(x.removed, order)
	for _, p := range x.removed {
		if err := exec(c, "DELETE FROM postings WHERE term = ? AND key = ?", nil, p.term, p.key); err != nil {
			return err
		}
	}
	slices.SortFunc(x.added, order)
	for _, p := range x.added {
		if err := exec(c, "INSERT OR IGNORE INTO postings (term, key) VALUES (?, ?)", nil, p.term, p.key); err != nil {
			return err
		}
	}
	return nil
}

// applyCounts also forgets terms that no row has any more: their names may be what was to be erased. Topics are kept, as what reads
// remembers their numbers.
func (x *changes) applyCounts(c *sqlite.Conn) error {
	for _, term := range slices.Sorted(maps.Keys(x.counts)) {
		n := x.counts[term]
		if n == 0 {
			continue
		}
		if err := exec(c, "UPDATE terms SET count = count + ? WHERE term = ?", nil, n, term); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := exec(c, "DELETE FROM terms WHERE term = ? AND count <= 0 AND kind <> ?", nil, term, int64(archive.KindTopic)); err != nil {
			return err
		}
	}
	return nil
}

func (x *changes) applyHours(c *sqlite.Conn) error {
	return applyBuckets(c, x.hours,
		"INSERT INTO hours (kind, hour, term, count) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
		"DELETE FROM hours WHERE kind = ? AND hour = ? AND term = ? AND count <= 0")
}

func (x *changes) applyDays(c *sqlite.Conn) error {
	days := make(map[bucket]int64)
	for b, n := range x.hours {
		b.hour /= 24
		days[b] += n
	}
	return applyBuckets(c, days,
		"INSERT INTO days (kind, day, term, count) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
		"DELETE FROM days WHERE kind = ? AND day = ? AND term = ? AND count <= 0")
}

func applyBuckets(c *sqlite.Conn, buckets map[bucket]int64, raise, clear string) error {
	for _, b := range slices.SortedFunc(maps.Keys(buckets), func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.hour, b.hour), cmp.Compare(a.term, b.term))
	}) {
		n := buckets[b]
		if n == 0 {
			continue
		}
		if err := exec(c, raise, nil, int64(b.kind), b.hour, b.term, n); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := exec(c, clear, nil, int64(b.kind), b.hour, b.term); err != nil {
			return err
		}
	}
	return nil
}

// applyWords writes the text index by ascending keys, as it wants them: else it makes a piece of its own for each row.
func (x *changes) applyWords(c *sqlite.Conn) error {
	order := func(a, b passage) int { return cmp.Compare(a.key, b.key) }
	slices.SortFunc(x.unwanted, order)
	for _, p := range x.unwanted {
		if err := exec(c, "INSERT INTO text (text, rowid, words) VALUES ('delete', ?, ?)", nil, p.key, p.tokens); err != nil {
			return err
		}
	}
	slices.SortFunc(x.written, order)
	for _, p := range x.written {
		if err := exec(c, "INSERT INTO text (rowid, words) VALUES (?, ?)", nil, p.key, p.tokens); err != nil {
			return err
		}
	}
	return nil
}
