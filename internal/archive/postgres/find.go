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
	err = s.read(ctx, "find messages in the archive", func(ctx context.Context, c reader) error {
		n, count, found, err := lookup(ctx, c, term)
		if err != nil || !found {
			return err
		}
		is, err := s.outline.get(ctx, c, outlineTime, readOutline)
		if err != nil {
			return err
		}
		// The inner SELECT is all that is planned: else the server may think that it finds enough soon by going through all rows.
		query := ordered("SELECT key FROM (SELECT key FROM messages WHERE key >= $1 AND key < $2 AND terms @> ARRAY[$3::integer] OFFSET 0) found", w)
		left := piecesOf(w, is, 2*float64(most)*float64(is.rows)/float64(max(1, count)))
		for piece, more := left.next(); more && len(keys) < most; piece, more = left.next() {
			some, err := column[archive.Key](ctx, c, query, int64(piece.From), int64(piece.To), n, most-len(keys))
			if err != nil {
				return err
			}
			left.found(len(some), most-len(keys))
			keys = append(keys, some...)
		}
		return nil
	})
	return keys, err
}

// ordered ends a statement that gives keys, in the order of the window. The last argument is how many.
func ordered(statement string, w archive.Window) string {
	if w.Newest {
		return statement + " ORDER BY key DESC LIMIT $4"
	}
	return statement + " ORDER BY key LIMIT $4"
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
	err = s.read(ctx, "find words in the archive", func(ctx context.Context, c reader) error {
		is, err := s.outline.get(ctx, c, outlineTime, readOutline)
		if err != nil {
			return err
		}
		left := piecesOf(w, is, firstWordRows)
		for piece, more := left.next(); more && len(keys) < most; piece, more = left.next() {
			some, err := wordsWithin(ctx, c, numbers, piece)
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
func wordsWithin(ctx context.Context, c reader, words []int32, w archive.Window) (keys []archive.Key, err error) {
	var at []int64
	var places []byte
	var indexes []int32
	err = scan(ctx, c, func() error {
		sets, err := slots(places)
		if err != nil {
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
	}, []any{&at, &places, &indexes}, `SELECT keys, places, ARRAY(SELECT array_position(words, w) FROM unnest($3::integer[]) AS w) FROM blocks
		WHERE last >= $1 AND first < $2 AND words @> $3::integer[] AND block < $4 AND block >= $5`,
		int64(w.From), int64(w.To), words, (monthOf(int64(w.To)) + 1).begin(), monthOf(int64(w.From)).begin())
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
	err = s.read(ctx, "read the archive", func(ctx context.Context, c reader) error {
		is, err := s.outline.get(ctx, c, outlineTime, readOutline)
		if err != nil {
			return err
		}
		query := "SELECT key, topic FROM messages WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3"
		if w.Newest {
			query = "SELECT key, topic FROM messages WHERE key >= $1 AND key < $2 ORDER BY key DESC LIMIT $3"
		}
		var key int64
		var topic int32
		var numbers []int32
		left := piecesOf(w, is, 2*float64(most))
		for piece, more := left.next(); more && len(heads) < most; piece, more = left.next() {
			if err := scan(ctx, c, func() error {
				heads, numbers = append(heads, archive.Head{Key: archive.Key(key)}), append(numbers, topic)
				return nil
			}, []any{&key, &topic}, query, int64(piece.From), int64(piece.To), most-len(heads)); err != nil {
				return err
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
