package postgres

import (
	"cmp"
	"context"
	"math/bits"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// maxQueryWords bounds the words that one question looks for in the index. Rows that have these and lack others are given too.
const maxQueryWords = 32

// Keys gives the keys of the rows that have the term. Of a pair of a user and a package it may give a row that has another pair with
// the same hash.
func (s *Store) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) (keys []archive.Key, err error) {
	err = s.outlined(ctx, "find messages in the archive", func(ctx context.Context, c reader, is *outline) error {
		keys = nil
		n, count, found, err := lookup(ctx, c, term)
		if err != nil || !found {
			return err
		}
		t := search{c: c, is: is, term: n, count: max(1, count), window: w, most: most}
		if err := t.common(ctx); err != nil {
			return err
		}
		err = t.rare(ctx)
		keys = t.keys
		return err
	})
	return keys, err
}

// firstWordRows is how many rows the first piece has in which words are looked for.
const firstWordRows = 2048

// Words gives the keys of rows that have all the words, as far as their numbers tell. There is at least one word.
func (s *Store) Words(ctx context.Context, words []string, w archive.Window, most int) (keys []archive.Key, err error) {
	words = words[:min(len(words), maxQueryWords)]
	numbers := make([]int32, len(words))
	for i, word := range words {
		numbers[i] = wordNumber(word)
	}
	err = s.outlined(ctx, "find words in the archive", func(ctx context.Context, c reader, is *outline) error {
		keys = nil
		left := piecesOf(w, is, firstWordRows)
		for piece, more := left.next(); more && len(keys) < most; piece, more = left.next() {
			some, err := wordsWithin(ctx, c, is, numbers, piece)
			if err != nil {
				return err
			}
			left.found(len(some), most-len(keys))
			keys = append(keys, some[:min(len(some), most-len(keys))]...)
		}
		return nil
	})
	return keys, err
}

// wordsWithin gives all rows of a window that have the words, in its order.
func wordsWithin(ctx context.Context, c reader, is *outline, words []int32, w archive.Window) (keys []archive.Key, err error) {
	var at []int64
	var indexes []int32
	err = ask(ctx, c, &is.partitions, `SELECT keys, places, ARRAY(SELECT array_position(words, w) FROM unnest($3::integer[]) AS w) FROM blocks_MONTH
		WHERE last >= $1 AND first < $2 AND words @> $3::integer[]`, within(is.through(w), w, words), func(row *columns) error {
		at = row.bigints(at[:0])
		sets, err := slots(row.bytes())
		indexes = row.integers(indexes[:0])
		if err = cmp.Or(row.err, err); err != nil {
			return err
		}
		all := ^uint32(0)
		for _, i := range indexes {
			if i < 1 || int(i) > len(sets) {
				return errPlaces
			}
			all &= sets[i-1]
		}
		for ; all != 0; all &= all - 1 {
			slot := bits.TrailingZeros32(all)
			if slot >= len(at) {
				return errPlaces
			}
			if key := archive.Key(at[slot]); key >= w.From && key < w.To {
				keys = append(keys, key)
			}
		}
		return nil
	})
	slices.SortFunc(keys, func(a, b archive.Key) int {
		if w.Newest {
			a, b = b, a
		}
		return cmp.Compare(a, b)
	})
	return keys, err
}

// Heads gives all rows of the window.
func (s *Store) Heads(ctx context.Context, w archive.Window, most int) (heads []archive.Head, err error) {
	err = s.outlined(ctx, "read the archive", func(ctx context.Context, c reader, is *outline) error {
		heads = nil
		var numbers []int32
		query := "SELECT key, topic FROM messages_MONTH WHERE key >= $1 AND key < $2 ORDER BY key" + direction(w) + " LIMIT $3"
		months := is.through(w)
		for at := 1 + int64(most)*int64(len(is.months))/max(1, is.rows); len(heads) < most; at *= growth {
			n := min(at, int64(len(months)))
			if err := ask(ctx, c, &is.partitions, query, within(months[:n], w, most-len(heads)), func(row *columns) error {
				if len(heads) < most {
					heads, numbers = append(heads, archive.Head{Key: archive.Key(row.int64())}), append(numbers, row.int32())
				}
				return nil
			}); err != nil { // also of none, which may be wrong
				return err
			}
			if months = months[n:]; len(months) == 0 {
				break
			}
		}
		topics, err := s.topics.get(ctx, c, numbers, name)
		for i := range heads {
			heads[i].Topic = topics[numbers[i]]
		}
		return err
	})
	return heads, err
}

// direction ends ORDER BY key as a window has it.
func direction(w archive.Window) string {
	if w.Newest {
		return " DESC"
	}
	return ""
}
