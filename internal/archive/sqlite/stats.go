package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// maxPairs is how far the rows of a pair of a user and a package are counted: nobody keeps their number.
const maxPairs = 4096

// Counts gives how many rows have each of the terms; of pairs of a user and a package at most maxPairs.
func (s *Store) Counts(ctx context.Context, terms []archive.Term) ([]int64, error) {
	counts := make([]int64, len(terms))
	err := s.read(ctx, "count messages of the archive", func(c *sqlite.Conn) (err error) {
		for i, t := range terms {
			if t.Kind == archive.KindBoth {
				counts[i], _, err = number(c, "SELECT count(*) FROM (SELECT 1 FROM postings WHERE term = ? LIMIT +?)", pairNumber(t.Name), int64(maxPairs))
			} else {
				counts[i], _, err = number(c, "SELECT count FROM terms WHERE kind = ? AND name = ?", int64(t.Kind), t.Name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return counts, err
}

// Extent tells what the file holds.
func (s *Store) Extent(ctx context.Context) (x archive.Extent, err error) {
	err = s.read(ctx, "read how much the archive holds", func(c *sqlite.Conn) error {
		return exec(c, "SELECT (SELECT sum(count) FROM terms WHERE kind = ?), (SELECT min(key) FROM messages), (SELECT max(key) FROM messages)",
			func(st *sqlite.Stmt) error {
				x.Rows, x.Oldest, x.Newest = st.ColumnInt64(0), archive.Key(st.ColumnInt64(1)), archive.Key(st.ColumnInt64(2))
				return nil
			}, int64(archive.KindTopic))
	})
	if err != nil {
		return archive.Extent{}, err
	}
	x.Bytes, err = s.size()
	return x, s.fault(ctx, "read how much the archive holds", err)
}
