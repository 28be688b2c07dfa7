package sqlite

import (
	"context"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Reindex works out anew by what rows are found. What is asked meanwhile is answered by what rows had before, or have now.
func (s *Store) Reindex(ctx context.Context, behind archive.Key, most int, derive func(*fedmsg.Entry) archive.Draft) (last archive.Key, err error) {
	err = s.write(ctx, "index the archive anew", func(c *sqlite.Conn) error {
		found, err := indexedBehind(c, int64(behind), most)
		if err != nil {
			return err
		}
		keys := make([]archive.Key, len(found))
		for i := range found {
			keys[i] = archive.Key(found[i].key)
		}
		rows, err := s.rows(c, keys)
		if err != nil {
			return err
		}
		b, err := s.newBatch(c)
		if err != nil {
			return err
		}
		for i := range rows { // found in the same transaction, so that they are all there
			d := derive(&rows[i].Entry)
			if err := b.reindex(&found[i], &d); err != nil {
				return err
			}
			last = rows[i].Key
		}
		return b.index.apply(c)
	})
	if err != nil {
		return 0, err
	}
	return last, nil
}

// reindex changes by what one row is found.
func (b *batch) reindex(row *indexed, d *archive.Draft) error {
	var terms []int64
	for _, t := range d.Terms {
		tally, err := b.term(t)
		if err != nil {
			return err
		}
		terms = append(terms, tally.term)
		if !slices.Contains(row.terms, tally.term) {
			b.index.add(row.key, tally)
		}
	}
	for _, n := range row.terms {
		if slices.Contains(terms, n) {
			continue
		}
		kind, err := kindOf(b.c, n)
		if err != nil {
			return err
		}
		b.index.remove(row.key, b.index.tally(kind, n))
	}
	w := wordingOf(d)
	if err := b.reword(row, d, w.tokens); err != nil {
		return err
	}
	return exec(b.c, "UPDATE messages SET terms = ?, extra = ? WHERE key = ?", nil, appendNumbers(nil, terms), null(w.extra), row.key)
}

// reword puts the words of a row into the text index again, of which some may be there already, and takes out those that it has no
// more.
func (b *batch) reword(row *indexed, d *archive.Draft, written string) error {
	now := make(map[string]struct{}, len(d.Words))
	for token := range strings.FieldsSeq(written) {
		now[token] = struct{}{}
	}
	gone := slices.DeleteFunc(row.words(d.Entry.Envelope), func(t string) bool {
		_, stays := now[t]
		return stays
	})
	b.index.write(row.key, written)
	return unword(b.c, row.key, gone)
}
