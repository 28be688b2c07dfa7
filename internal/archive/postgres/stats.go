package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// maxPairs is how far the rows of a pair of a user and a package are counted: nobody keeps their number.
const maxPairs = 4096

// Counts gives how many rows have each of the terms; of pairs of a user and a package at most maxPairs.
func (s *Store) Counts(ctx context.Context, terms []archive.Term) ([]int64, error) {
	counts := make([]int64, len(terms))
	err := s.read(ctx, "count messages of the archive", func(ctx context.Context, c reader) error {
		at := make(map[digest][]int)
		var hashes []digest
		for i, t := range terms {
			if t.Kind == archive.KindBoth {
				n, _, err := first[int64](ctx, c, "SELECT count(*) FROM (SELECT 1 FROM messages WHERE terms @> ARRAY[$1::integer] LIMIT $2) found", pairNumber(t.Name), maxPairs)
				if err != nil {
					return err
				}
				counts[i] = n
				continue
			}
			hash := termDigest(t)
			hashes, at[hash] = append(hashes, hash), append(at[hash], i)
		}
		if len(hashes) == 0 {
			return nil
		}
		var hash digest
		var n int64
		return scan(ctx, c, func() error {
			for _, i := range at[hash] {
				counts[i] = n
			}
			return nil
		}, []any{&hash, &n}, "SELECT hash, count FROM terms WHERE hash = ANY($1)", hashes)
	})
	return counts, err
}

// topicTime is how old the numbers of rows of topics may be. What is new is looked for each time.
const topicTime = 10 * time.Second

// topicCache keeps the topics. It may be used by many goroutines.
type topicCache struct {
	mu   sync.Mutex
	at   time.Time       // when all were read; guarded by mu
	last int32           // the largest number of a term that was looked at; guarded by mu
	all  *archive.Topics // guarded by mu
}

// Topics gives all topics and about how many rows each has.
func (s *Store) Topics(ctx context.Context) (topics *archive.Topics, err error) {
	s.known.mu.Lock()
	topics, last := s.known.all, s.known.last
	if topics == nil || time.Since(s.known.at) > topicTime {
		topics, last = nil, 0
	}
	s.known.mu.Unlock()
	began := time.Now()
	fresh := make(map[string]int64)
	newest := last
	err = s.read(ctx, "read the archive's topics", func(ctx context.Context, c reader) error {
		var n int32
		var name string
		var count int64
		return scan(ctx, c, func() error {
			newest = max(newest, n)
			fresh[plain(name)] = count
			return nil
		}, []any{&n, &name, &count}, "SELECT term, name, count FROM terms WHERE kind = 1 AND term > $1", last)
	})
	if err != nil || last > 0 && len(fresh) == 0 {
		return topics, err
	}
	for topic, n := range topics.All() {
		if _, is := fresh[topic]; !is {
			fresh[topic] = n
		}
	}
	topics = archive.NewTopics(fresh)
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	if last == 0 {
		s.known.at = began
	}
	if newest >= s.known.last || last == 0 {
		s.known.all, s.known.last = topics, newest
	}
	return topics, nil
}

// Extent tells what the database holds.
func (s *Store) Extent(ctx context.Context) (x archive.Extent, err error) {
	err = s.read(ctx, "read how much the archive holds", func(ctx context.Context, c reader) error {
		is, err := s.outline.get(ctx, c, outlineTime, readOutline)
		if err != nil {
			return err
		}
		x = archive.Extent{Rows: is.rows, Oldest: is.oldest, Newest: is.newest}
		x.Bytes, err = s.size.get(ctx, c, sizeTime, readSize)
		return err
	})
	return x, err
}

// sizeTime is how old a size may be: to learn it the server looks at all its files.
const sizeTime = time.Minute

// readSize reads the bytes of all tables and their indexes.
func readSize(ctx context.Context, c reader) (int64, error) {
	bytes, _, err := first[int64](ctx, c, `SELECT coalesce(sum(pg_table_size(oid) + pg_indexes_size(oid)), 0)::bigint FROM pg_class
		WHERE relnamespace = 'fedmsg'::regnamespace AND relkind = 'r'`)
	return bytes, err
}
