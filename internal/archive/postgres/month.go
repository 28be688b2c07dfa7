package postgres

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// month counts months since 1970. Messages of one are in one partition.
type month int64

func monthOf(key int64) month {
	t := time.UnixMicro(key).UTC()
	return month((t.Year()-1970)*12 + int(t.Month()) - 1)
}

// begin is the first key of a month. No key is before 1970, nor behind the largest number: months without keys begin there.
func (m month) begin() int64 {
	if m < 0 {
		return 0
	}
	if m > monthOf(math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Date(1970, time.Month(m)+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// suffix is that of the names of partitions.
func (m month) suffix() string {
	t := time.UnixMicro(m.begin()).UTC()
	return fmt.Sprintf("%04d%02d", t.Year(), int(t.Month()))
}

// makeMonths makes the partitions that are missing. Who reads does not wait for that: they are made apart and then attached.
func makeMonths(ctx context.Context, tx pgx.Tx, wanted map[month]struct{}) error {
	if len(wanted) == 0 {
		return nil
	}
	months := slices.Sorted(maps.Keys(wanted))
	names := make([]string, len(months))
	for i, m := range months {
		names[i] = "messages_" + m.suffix()
	}
	there, err := column[string](ctx, tx, "SELECT relname FROM pg_class WHERE relnamespace = 'fedmsg'::regnamespace AND relname = ANY($1)", names)
	if err != nil {
		return err
	}
	for i, m := range months {
		if slices.Contains(there, names[i]) {
			continue
		}
		for _, table := range []string{"messages", "blocks"} {
			part := table + "_" + m.suffix()
			statements := fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMMENTS); "+
				"ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", part, table, table, part, m.begin(), (m + 1).begin())
			if _, err := tx.Exec(ctx, statements); err != nil {
				return err
			}
		}
	}
	return nil
}
