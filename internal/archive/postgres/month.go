package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// month counts months since 1970. Messages of one are in one partition.
type month int64

func monthOf(key int64) month {
	t := time.UnixMicro(key).UTC()
	return month((t.Year()-1970)*12 + int(t.Month()) - 1)
}

// lastMonth is that of the largest key, January 294247.
const lastMonth month = (294247 - 1970) * 12

// begin is the first key of a month. No key is before 1970, nor behind the largest number: months without keys begin there.
func (m month) begin() int64 {
	if m < 0 {
		return 0
	}
	if m > lastMonth {
		return math.MaxInt64
	}
	return time.Date(1970, time.Month(m)+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// suffix is that of the names of partitions.
func (m month) suffix() string {
	m = min(max(m, 0), lastMonth)
	return strconv.Itoa((1970+int(m)/12)*100 + int(m)%12 + 1)
}

// monthNamed reads a suffix; false where it is none.
func monthNamed(suffix string) (month, bool) {
	n, err := strconv.Atoi(suffix)
	m := month((n/100-1970)*12 + n%100 - 1)
	return m, err == nil && m >= 0 && m.suffix() == suffix
}

// partitions is which months the tables have.
type partitions struct {
	months []month // sorted
	sum    int64   // of the numbers of their tables: another one tells that these are others
}

const selectSum = "SELECT coalesce(sum(inhrelid::bigint), 0)::bigint FROM pg_inherits WHERE inhparent = 'fedmsg.messages'::regclass"

// readPartitions reads which months there are. People may take out months, and put them back.
func readPartitions(ctx context.Context, c reader) (p partitions, err error) {
	var name string
	var sum int64
	err = scan(ctx, c, func() error {
		p.sum = sum
		if m, ok := monthNamed(strings.TrimPrefix(name, "messages_")); ok {
			p.months = append(p.months, m)
		}
		return nil
	}, []any{&name, &sum}, `SELECT c.relname, (sum(c.oid::bigint) OVER ())::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'fedmsg.messages'::regclass`)
	slices.Sort(p.months)
	return p, err
}

// through gives the months that a window touches, in its order.
func (p *partitions) through(w archive.Window) []month {
	if w.From >= w.To {
		return nil
	}
	from, _ := slices.BinarySearch(p.months, monthOf(int64(w.From)))
	to, is := slices.BinarySearch(p.months, monthOf(int64(w.To)-1))
	if is {
		to++
	}
	touched := slices.Clone(p.months[from:to])
	if w.Newest {
		slices.Reverse(touched)
	}
	return touched
}

// makeMonth makes the partitions of a month. Who reads does not wait for that: they are made apart and then attached.
func makeMonth(ctx context.Context, tx pgx.Tx, m month) error {
	for _, table := range []string{"messages", "blocks"} {
		part := table + "_" + m.suffix()
		detached, _, err := first[bool](ctx, tx, "SELECT to_regclass($1) IS NOT NULL", schema+"."+part)
		if err != nil {
			return err
		}
		if detached {
			return fedmsg.Errorf(fedmsg.CodeUnavailable,
				"cannot put messages of %s into the archive: its table %s is there and was detached; attach it again, give it another name, or drop it", m.suffix(), part)
		}
		statements := fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMMENTS); "+
			"ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", part, table, table, part, m.begin(), (m + 1).begin())
		if _, err := tx.Exec(ctx, statements); err != nil {
			return err
		}
	}
	return nil
}

// monthly is what one statement asks of one month.
type monthly struct {
	month month
	args  []any
}

// within asks months about a window. The bounds are the first arguments.
func within(months []month, w archive.Window, args ...any) []monthly {
	all := make([]monthly, len(months))
	for i, m := range months {
		all[i] = monthly{m, append([]any{int64(w.From), int64(w.To)}, args...)}
	}
	return all
}

// inMonth is what stands in statements for the suffix of a month's tables. They are named, as a statement to all months takes the
// server as long as there are months, and is planned by what it has counted.
const inMonth = "MONTH"

// errMonths is what the tables say whose months are others than was thought.
var errMonths = errors.New("the archive's months are others than before")

// ask sends a statement for each of the months at once, and calls row for each row of the results, in the order of all. All see the rows
// of one moment, in which the months were those that there are thought to be; where there is nil that is not looked at.
func ask(ctx context.Context, c reader, there *partitions, statement string, all []monthly, row func(*columns) error) (err error) {
	var b pgx.Batch
	if there != nil {
		b.Queue(selectSum)
	}
	for _, one := range all {
		b.Queue(strings.ReplaceAll(statement, inMonth, one.month.suffix()), one.args...)
	}
	results := c.SendBatch(ctx, &b)
	defer func() { err = cmp.Or(err, results.Close()) }()
	if there != nil {
		var sum int64
		if err := results.QueryRow().Scan(&sum); err != nil {
			return err
		}
		if sum != there.sum {
			return errMonths
		}
	}
	for range all {
		rows, err := results.Query()
		if err == nil {
			err = eachRow(rows, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fewMonths is how many months are asked one by one. Of more it is quicker to ask the table of all: the server needs some time for each
// month that there is, but more for each statement.
const fewMonths = 6

// askAll is ask for one statement to the tables of all months, which sees those that there are now.
func askAll(ctx context.Context, c reader, statement string, row func(*columns) error, args ...any) error {
	rows, err := c.Query(ctx, strings.ReplaceAll(statement, "_"+inMonth, ""), args...)
	if err != nil {
		return err
	}
	return eachRow(rows, row)
}

// eachRow calls row for each row of a result.
func eachRow(rows pgx.Rows, row func(*columns) error) error {
	defer rows.Close()
	var c columns
	for rows.Next() {
		c.left = rows.RawValues()
		if err := cmp.Or(row(&c), c.err); err != nil {
			return err
		}
	}
	return rows.Err()
}

// byMonth sorts keys by their months. What is in none is left out; whole tells that nothing was.
func (p *partitions) byMonth(keys []int64) (all []monthly, whole bool) {
	of := make(map[month][]int64)
	for _, key := range keys {
		m := monthOf(key)
		of[m] = append(of[m], key)
	}
	for _, m := range p.months {
		if len(of[m]) > 0 {
			all = append(all, monthly{m, []any{of[m]}})
		}
	}
	return all, len(all) == len(of)
}
