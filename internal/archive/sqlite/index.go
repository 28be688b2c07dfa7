package sqlite

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// posting is a row of table postings.
type posting struct {
	term, key int64
}

// tally is how many rows more, or fewer, have a term.
type tally struct {
	kind  archive.Kind
	term  int64
	rows  int64
	hours []hourly // by hour, few as a transaction is of a short time
}

type hourly struct {
	hour, rows int64
}

func (t *tally) count(key, n int64) {
	t.rows += n
	hour := key / microsPerHour
	for i := len(t.hours) - 1; i >= 0; i-- {
		if t.hours[i].hour == hour {
			t.hours[i].rows += n
			return
		}
	}
	t.hours = append(t.hours, hourly{hour, n})
}

const microsPerHour = 3600 * 1_000_000

// passage is the words of a row in the text index, as tokens with spaces between.
type passage struct {
	key    int64
	tokens string
}

// changes are those of one transaction to the indexes. They are put together first and written in the order of the tables, which is
// several times faster than as they come.
type changes struct {
	added, removed []posting
	tallies        map[int64]*tally // by term
	written        []passage
}

func newChanges() *changes { return &changes{tallies: make(map[int64]*tally)} }

// tally gives that of a term.
func (x *changes) tally(kind archive.Kind, term int64) *tally {
	t := x.tallies[term]
	if t == nil {
		t = &tally{kind: kind, term: term}
		x.tallies[term] = t
	}
	return t
}

// add gives a row a term.
func (x *changes) add(key int64, t *tally) {
	x.added = append(x.added, posting{t.term, key})
	t.count(key, 1)
}

// remove takes a term from a row.
func (x *changes) remove(key int64, t *tally) {
	x.removed = append(x.removed, posting{t.term, key})
	t.count(key, -1)
}

// write gives a row words, as tokens.
func (x *changes) write(key int64, tokens string) {
	if tokens != "" {
		x.written = append(x.written, passage{key, tokens})
	}
}

// apply writes the changes.
func (x *changes) apply(c *sqlite.Conn) error {
	for _, step := range []func(*sqlite.Conn) error{x.applyPostings, x.applyCounts, x.applyHours, x.applyWords} {
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
	return insertPostings(c, x.added)
}

// togetherPostings is how many postings one statement writes: that is a third faster than one by one.
const togetherPostings = 32

func insertPostings(c *sqlite.Conn, all []posting) error {
	const one = "INSERT OR IGNORE INTO postings (term, key) VALUES (?, ?)"
	many := one + strings.Repeat(", (?, ?)", togetherPostings-1)
	args := make([]any, 0, 2*togetherPostings)
	for ; len(all) >= togetherPostings; all = all[togetherPostings:] {
		args = args[:0]
		for _, p := range all[:togetherPostings] {
			args = append(args, p.term, p.key)
		}
		if err := exec(c, many, nil, args...); err != nil {
			return err
		}
	}
	for _, p := range all {
		if err := exec(c, one, nil, p.term, p.key); err != nil {
			return err
		}
	}
	return nil
}

// counted gives the tallies of listed terms whose rows are more or fewer, in the order of the table.
func (x *changes) counted() []*tally {
	all := slices.Collect(maps.Values(x.tallies))
	all = slices.DeleteFunc(all, func(t *tally) bool { return t.kind == archive.KindBoth })
	slices.SortFunc(all, func(a, b *tally) int { return cmp.Compare(a.term, b.term) })
	return all
}

// applyCounts also forgets terms that no row has any more: their names may be what was to be erased. Topics are kept, as what reads
// remembers their numbers.
func (x *changes) applyCounts(c *sqlite.Conn) error {
	for _, t := range x.counted() {
		if t.rows == 0 {
			continue
		}
		if err := exec(c, "UPDATE terms SET count = count + ? WHERE term = ?", nil, t.rows, t.term); err != nil {
			return err
		}
		if t.rows > 0 || t.kind == archive.KindTopic {
			continue
		}
		if err := exec(c, "DELETE FROM terms WHERE term = ? AND count <= 0", nil, t.term); err != nil {
			return err
		}
	}
	return nil
}

// bucket is a row of table hours or days.
type bucket struct {
	kind, time, term, rows int64
}

func (x *changes) applyHours(c *sqlite.Conn) error {
	var hours []bucket
	for _, t := range x.counted() {
		for _, h := range t.hours {
			hours = append(hours, bucket{int64(t.kind), h.hour, t.term, h.rows})
		}
	}
	if err := applyBuckets(c, hours,
		"INSERT INTO hours (kind, hour, term, count) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
		"DELETE FROM hours WHERE kind = ? AND hour = ? AND term = ? AND count <= 0"); err != nil {
		return err
	}
	for i := range hours {
		hours[i].time /= 24
	}
	return applyBuckets(c, hours,
		"INSERT INTO days (kind, day, term, count) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
		"DELETE FROM days WHERE kind = ? AND day = ? AND term = ? AND count <= 0")
}

// applyBuckets adds rows to those that are there, in the order of the table.
func applyBuckets(c *sqlite.Conn, all []bucket, raise, clear string) error {
	slices.SortFunc(all, func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.time, b.time), cmp.Compare(a.term, b.term))
	})
	for i := 0; i < len(all); {
		b, n := all[i], int64(0)
		for ; i < len(all) && all[i].kind == b.kind && all[i].time == b.time && all[i].term == b.term; i++ {
			n += all[i].rows
		}
		if n == 0 {
			continue
		}
		if err := exec(c, raise, nil, b.kind, b.time, b.term, n); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := exec(c, clear, nil, b.kind, b.time, b.term); err != nil {
			return err
		}
	}
	return nil
}

// applyWords writes the text index by ascending keys, as it wants them: else it makes a piece of its own for each row.
func (x *changes) applyWords(c *sqlite.Conn) error {
	slices.SortFunc(x.written, func(a, b passage) int { return cmp.Compare(a.key, b.key) })
	for _, p := range x.written {
		if err := exec(c, "INSERT INTO text (rowid, words) VALUES (?, ?)", nil, p.key, p.tokens); err != nil {
			return err
		}
	}
	return nil
}
