package sqlite

import (
	"context"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// LIMIT has a + before its argument here and beside: for a plain one SQLite makes a prepared statement anew each time it is bound, as
// the plan could depend on the number.

// maxQueryWords bounds the words that one question looks for in the index. Rows that have these and lack others are given too.
const maxQueryWords = 32

// Keys gives the keys of the rows that have the term. Of a pair of a user and a package it may give a row that has another pair with
// the same hash.
func (s *Store) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) (keys []archive.Key, err error) {
	err = s.read(ctx, "find messages in the archive", func(c *sqlite.Conn) error {
		n, found, err := termNumber(c, term)
		if err != nil || !found {
			return err
		}
		query := "SELECT key FROM postings WHERE term = ? AND key >= ? AND key < ? ORDER BY key LIMIT +?"
		if w.Newest {
			query = "SELECT key FROM postings WHERE term = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT +?"
		}
		keys, err = columnKeys(c, query, n, int64(w.From), int64(w.To), int64(most))
		return err
	})
	return keys, err
}

// Words gives the keys of rows that have all the words, as the index writes them. There is at least one word.
func (s *Store) Words(ctx context.Context, words []string, w archive.Window, most int) (keys []archive.Key, err error) {
	if len(words) > maxQueryWords {
		words = words[:maxQueryWords]
	}
	var match strings.Builder
	for i, word := range words {
		if i > 0 {
			match.WriteString(" AND ")
		}
		match.WriteString(`"` + token(word) + `"`)
	}
	err = s.read(ctx, "find words in the archive", func(c *sqlite.Conn) error {
		query := "SELECT rowid FROM text WHERE text MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid LIMIT +?"
		if w.Newest {
			query = "SELECT rowid FROM text WHERE text MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT +?"
		}
		keys, err = columnKeys(c, query, match.String(), int64(w.From), int64(w.To), int64(most))
		return err
	})
	return keys, err
}

// Heads gives all rows of the window.
func (s *Store) Heads(ctx context.Context, w archive.Window, most int) (heads []archive.Head, err error) {
	err = s.read(ctx, "read the archive", func(c *sqlite.Conn) error {
		query := "SELECT key, topic FROM messages WHERE key >= ? AND key < ? ORDER BY key LIMIT +?"
		if w.Newest {
			query = "SELECT key, topic FROM messages WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT +?"
		}
		return exec(c, query, func(st *sqlite.Stmt) error {
			topic, err := s.topics.column(c, st, 1)
			heads = append(heads, archive.Head{Key: archive.Key(st.ColumnInt64(0)), Topic: topic})
			return err
		}, int64(w.From), int64(w.To), int64(most))
	})
	return heads, err
}

// columnKeys gives the first column of a result.
func columnKeys(c *sqlite.Conn, query string, args ...any) (keys []archive.Key, err error) {
	err = exec(c, query, func(st *sqlite.Stmt) error {
		keys = append(keys, archive.Key(st.ColumnInt64(0)))
		return nil
	}, args...)
	return keys, err
}
