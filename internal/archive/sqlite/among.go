package sqlite

import (
	"context"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// togetherKeys is how many rows of a term are read at once for each key that is looked for. To look for a key takes as long as to read
// many rows that stand together.
const togetherKeys = 4

// Among gives those of the keys whose rows have the term.
func (s *Store) Among(ctx context.Context, term archive.Term, keys []archive.Key) (have []archive.Key, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	err = s.snapshot(ctx, "find messages in the archive", func(c *sqlite.Conn) error {
		n, found, err := termNumber(c, term)
		if err != nil || !found {
			return err
		}
		most := togetherKeys * len(keys)
		near, err := columnKeys(c, "SELECT key FROM postings WHERE term = ? AND key >= ? AND key <= ? ORDER BY key LIMIT +?",
			n, int64(slices.Min(keys)), int64(slices.Max(keys)), int64(most))
		if err != nil {
			return err
		}
		for _, key := range keys {
			_, found := slices.BinarySearch(near, key)
			if !found && len(near) == most && key > near[most-1] { // what is read ends before
				if _, found, err = number(c, "SELECT 1 FROM postings WHERE term = ? AND key = ?", n, int64(key)); err != nil {
					return err
				}
			}
			if found {
				have = append(have, key)
			}
		}
		return nil
	})
	return have, err
}
