package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Reindex works out anew by what rows are found. What is asked meanwhile is answered by what rows had before, or have now.
func (s *Store) Reindex(ctx context.Context, behind archive.Key, most int, derive func(*fedmsg.Entry) archive.Draft) (last archive.Key, err error) {
	err = s.write(ctx, "index the archive anew", func(ctx context.Context, tx pgx.Tx) error {
		heads, err := headsOf(ctx, tx, "WHERE key > $1 ORDER BY key LIMIT $2", int64(behind), most)
		if err != nil || len(heads) == 0 {
			return err
		}
		keys := make([]int64, len(heads))
		for i := range heads {
			keys[i] = heads[i].key
		}
		is, err := readOutline(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := s.load(ctx, tx, &is, keys)
		if err == nil && len(rows) != len(heads) {
			err = fmt.Errorf("%w: %d of %d rows can be read", block.ErrDamaged, len(rows), len(heads))
		}
		if err != nil {
			return err
		}
		last = archive.Key(heads[len(heads)-1].key)
		return s.reindex(ctx, tx, heads, rows, derive)
	})
	if err != nil {
		return 0, err
	}
	return last, nil
}

// reindex writes anew what the rows of heads are found by.
func (s *Store) reindex(ctx context.Context, tx pgx.Tx, heads []head, rows []archive.Row, derive func(*fedmsg.Entry) archive.Draft) error {
	drafts := make([]archive.Draft, len(heads))
	var terms []archive.Term
	var had []int32
	for i := range heads {
		drafts[i] = derive(&rows[i].Entry)
		terms, had = append(terms, drafts[i].Terms...), append(had, heads[i].terms...)
	}
	slices.Sort(had)
	kinds, err := kindsOf(ctx, tx, slices.Compact(had))
	if err != nil {
		return err
	}
	numbers, err := numbered(ctx, tx, terms)
	if err != nil {
		return err
	}
	index, words := newChanges(), make(map[int64]map[int]rewritten)
	var updates pgx.Batch
	for i := range heads {
		h, d := &heads[i], &drafts[i]
		now := make([]int32, 0, len(d.Terms))
		for _, t := range d.Terms {
			now = append(now, numbers[t])
			index.count(t.Kind, numbers[t], h.key, 1)
		}
		for _, term := range h.terms {
			index.count(kinds[term], term, h.key, -1)
		}
		if !slices.Equal(now, h.terms) {
			updates.Queue("UPDATE messages SET terms = $2 WHERE key = $1", h.key, now)
		}
		if words[h.block] == nil {
			words[h.block] = make(map[int]rewritten)
		}
		words[h.block][int(h.slot)] = rewritten{words: d.Words}
	}
	if err := tx.SendBatch(ctx, &updates).Close(); err != nil {
		return err
	}
	for number, by := range words {
		if err := s.rewrite(ctx, tx, number, by); err != nil {
			return err
		}
	}
	return index.apply(ctx, tx)
}
