package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// nanos is what a time of receipt is behind the moment of its key.
func nanos(received time.Time, key int64) int64 {
	return (received.UnixMicro()-key)*1000 + int64(received.Nanosecond()%1000)
}

// received is the time of receipt that nanos was made of.
func received(key, nanos int64) time.Time {
	return time.UnixMicro(key).Add(time.Duration(nanos)).UTC()
}

// keyring gives keys that no row has.
type keyring struct {
	tx     pgx.Tx
	newest int64              // the largest key of all rows
	taken  map[int64]struct{} // keys that rows have, as far as was asked
	asked  map[int64]struct{} // keys that were asked about
	given  map[int64]int64    // by wanted key, the last that was given for it
}

// giveKeys gives each row its key: the first free one from its time of receipt on. Along a log times never decrease, so that keys grow.
func giveKeys(ctx context.Context, tx pgx.Tx, rows []fresh) error {
	k := keyring{tx: tx, taken: make(map[int64]struct{}), asked: make(map[int64]struct{}), given: make(map[int64]int64)}
	var err error
	if k.newest, _, err = first[int64](ctx, tx, "SELECT key FROM messages ORDER BY key DESC LIMIT 1"); err != nil {
		return err
	}
	var old []int64
	for i := range rows {
		rows[i].key = max(int64(archive.KeyOf(rows[i].Entry.Received)), 1)
		if rows[i].key <= k.newest {
			old = append(old, rows[i].key)
		}
	}
	if err := k.ask(ctx, old, "SELECT key FROM messages WHERE key = ANY($1)", old); err != nil {
		return err
	}
	for i := range rows {
		if rows[i].key, err = k.give(ctx, rows[i].key); err != nil {
			return err
		}
	}
	return nil
}

// ask learns which of keys are taken.
func (k *keyring) ask(ctx context.Context, keys []int64, sql string, args ...any) error {
	if len(keys) == 0 {
		return nil
	}
	taken, err := column[int64](ctx, k.tx, sql, args...)
	for _, key := range keys {
		k.asked[key] = struct{}{}
	}
	for _, key := range taken {
		k.taken[key] = struct{}{}
	}
	return err
}

// run is how many keys are asked about together where one was taken.
const run = 256

func (k *keyring) give(ctx context.Context, wanted int64) (int64, error) {
	key := wanted
	if last, found := k.given[wanted]; found {
		key = last + 1
	}
	for ; ; key++ {
		if _, known := k.asked[key]; !known && key <= k.newest {
			keys := make([]int64, run)
			for i := range keys {
				keys[i] = key + int64(i)
			}
			if err := k.ask(ctx, keys, "SELECT key FROM messages WHERE key >= $1 AND key < $2", key, key+run); err != nil {
				return 0, err
			}
		}
		if _, is := k.taken[key]; !is {
			break
		}
	}
	k.given[wanted], k.taken[key] = key, struct{}{}
	return key, nil
}
