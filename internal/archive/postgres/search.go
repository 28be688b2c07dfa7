package postgres

import (
	"context"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// search finds the rows that have a term.
type search struct {
	c      reader
	is     *outline
	term   int32
	count  int64          // rows that have it, about
	window archive.Window // where rows were not looked for yet
	most   int            // keys that are wanted
	keys   []archive.Key
}

// What a row costs that is looked at by its key, and one that is found by the index of terms, which stands somewhere in its month: by
// measurements.
const (
	costPassed = 1
	costFound  = 5
)

// common goes through the rows at the beginning of the window, if the term is so common that it should be found there soon enough.
func (t *search) common(ctx context.Context) error {
	months := int64(max(1, len(t.is.months)))
	passed := t.is.rows / t.count * int64(t.most)
	if passed*costPassed > t.count/months*costFound {
		return nil
	}
	// Where it is rarer than elsewhere it is not looked for without end.
	head := piecesOf(t.window, t.is, 4*float64(passed))
	w, more := head.next()
	if !more {
		return nil
	}
	query := "SELECT key FROM messages_MONTH WHERE key >= $1 AND key < $2 AND terms @> ARRAY[$3::integer] ORDER BY key" + direction(w) + " LIMIT $4"
	for _, m := range t.is.through(w) {
		if len(t.keys) >= t.most {
			return nil
		}
		if err := t.find(ctx, query, w, []month{m}); err != nil {
			return err
		}
	}
	t.window = head.left
	return nil
}

// rare finds rows by the index of terms, in as many months at once as should be enough.
func (t *search) rare(ctx context.Context) error {
	// The sum hides the key from the primary key: the server does not know which way is shorter. All that stands behind OFFSET is planned
	// apart: else it might go through all rows for the order.
	query := `SELECT key FROM (SELECT key FROM messages_MONTH WHERE key + 0 >= $1 AND key + 0 < $2 AND terms @> ARRAY[$3::integer] OFFSET 0) found
		ORDER BY key` + direction(t.window) + " LIMIT $4"
	before := len(t.keys)
	months := t.is.through(t.window)
	for at := 1 + 3*int64(t.most)*int64(len(t.is.months))/(2*t.count); len(t.keys) < t.most; at *= growth {
		n := min(at, int64(len(months)))
		if n > fewMonths {
			t.keys = t.keys[:before] // it finds them again
			return t.take(ctx, query)
		}
		if err := t.find(ctx, query, t.window, months[:n]); err != nil { // also of none, which may be wrong
			return err
		}
		if months = months[n:]; len(months) == 0 {
			return nil
		}
	}
	return nil
}

// take adds what a statement finds in all of the window.
func (t *search) take(ctx context.Context, query string) error {
	return askAll(ctx, t.c, query, func(row *columns) error {
		t.keys = append(t.keys, archive.Key(row.int64()))
		return nil
	}, int64(t.window.From), int64(t.window.To), t.term, t.most-len(t.keys))
}

// find adds what a statement finds in months of a window.
func (t *search) find(ctx context.Context, query string, w archive.Window, months []month) error {
	return ask(ctx, t.c, &t.is.partitions, query, within(months, w, t.term, t.most-len(t.keys)), func(row *columns) error {
		if key := row.int64(); len(t.keys) < t.most {
			t.keys = append(t.keys, archive.Key(key))
		}
		return nil
	})
}
