package postgres

import (
	"context"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Among gives those of the keys whose rows have the term.
func (s *Store) Among(ctx context.Context, term archive.Term, keys []archive.Key) (have []archive.Key, err error) {
	err = s.outlined(ctx, "find messages in the archive", func(ctx context.Context, c reader, is *outline) error {
		have = nil
		n, _, found, err := lookup(ctx, c, term)
		if err != nil || !found {
			return err
		}
		all, _ := is.byMonth(numbers(keys))
		for i := range all {
			all[i].args = append(all[i].args, n)
		}
		with := make(map[archive.Key]bool, len(keys))
		err = ask(ctx, c, &is.partitions, "SELECT key FROM messages_MONTH WHERE key = ANY($1) AND $2 = ANY(terms)", all, func(row *columns) error {
			with[archive.Key(row.int64())] = true
			return nil
		})
		for _, key := range keys {
			if with[key] {
				have = append(have, key)
			}
		}
		return err
	})
	return have, err
}

func numbers(keys []archive.Key) []int64 {
	all := make([]int64, len(keys))
	for i, key := range keys {
		all[i] = int64(key)
	}
	return all
}

// Rows gives the rows of keys.
func (s *Store) Rows(ctx context.Context, keys []archive.Key) (rows []archive.Row, err error) {
	err = s.outlined(ctx, "read messages of the archive", func(ctx context.Context, c reader, is *outline) (err error) {
		rows, err = s.load(ctx, c, is, numbers(keys))
		return err
	})
	return rows, err
}

// ByID gives the row of the message.
func (s *Store) ByID(ctx context.Context, id string) (row archive.Row, found bool, err error) {
	err = s.outlined(ctx, "read a message of the archive", func(ctx context.Context, c reader, is *outline) error {
		key, known, err := first[int64](ctx, c, "SELECT key FROM ids WHERE hash = $1", digestOf(id))
		if err != nil || !known {
			return err
		}
		rows, err := s.load(ctx, c, is, []int64{key})
		if found = len(rows) > 0; found {
			row = rows[0]
		}
		return err
	})
	return row, found, err
}

// head is a row of table messages.
type head struct {
	key, nanos, block int64
	seq, origin       *int64
	topic, source     int32
	slot              int16
	erased            bool
	id                string
	terms             []int32 // where they were asked for
}

// headsOf reads rows of table messages, with their terms.
func headsOf(ctx context.Context, c reader, where string, args ...any) (all []head, err error) {
	var h head
	err = scan(ctx, c, func() error {
		all = append(all, h)
		h.terms, h.seq = nil, nil
		return nil
	}, []any{&h.key, &h.block, &h.seq, &h.source, &h.slot, &h.erased, &h.terms}, "SELECT key, block, seq, source, slot, erased, terms FROM messages "+where, args...)
	return all, err
}
