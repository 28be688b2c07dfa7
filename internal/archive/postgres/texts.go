package postgres

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// maxTexts bounds what texts remembers.
const maxTexts = 1 << 16

// texts remembers what numbers stand for that rows have in their place. A number that a row has never gets another meaning. It may be
// used by many goroutines; what a transaction has not committed yet is not asked of it.
type texts[T any] struct {
	query string // gives numbers and what they stand for

	mu sync.RWMutex
	of map[int32]T // guarded by mu
}

// get gives what numbers stand for; read reads it from a result whose first column is the number.
func (t *texts[T]) get(ctx context.Context, c reader, numbers []int32, read func(pgx.CollectableRow) (int32, T, error)) (map[int32]T, error) {
	found := make(map[int32]T)
	var missing []int32
	t.mu.RLock()
	for _, n := range numbers {
		if _, done := found[n]; done {
			continue
		}
		if v, ok := t.of[n]; ok {
			found[n] = v
		} else {
			missing = append(missing, n)
		}
	}
	t.mu.RUnlock()
	if len(missing) == 0 {
		return found, nil
	}
	asked, err := t.ask(ctx, c, missing, read)
	if err != nil {
		return nil, err
	}
	for _, n := range missing {
		v, ok := asked[n]
		if !ok {
			return nil, fmt.Errorf("%w: a row has the number %d, which stands for nothing", block.ErrDamaged, n)
		}
		found[n] = v
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of)+len(asked) > maxTexts {
		t.of = make(map[int32]T)
	}
	maps.Copy(t.of, asked)
	return found, nil
}

// ask reads from the database. Nobody waits for the network meanwhile but the caller.
func (t *texts[T]) ask(ctx context.Context, c reader, numbers []int32, read func(pgx.CollectableRow) (int32, T, error)) (map[int32]T, error) {
	rows, err := c.Query(ctx, t.query, numbers)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[int32]T, len(numbers))
	for rows.Next() {
		n, v, err := read(rows)
		if err != nil {
			return nil, err
		}
		all[n] = v
	}
	return all, rows.Err()
}

// name reads the name of a term.
func name(row pgx.CollectableRow) (n int32, text string, err error) {
	err = row.Scan(&n, &text)
	return n, plain(text), err
}
