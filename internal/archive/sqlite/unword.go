package sqlite

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// secureDelete has the text index take words out of what is written, and not only note that they are gone. It is switched on for as
// long as that is wanted: writing is slower with it.
func secureDelete(c *sqlite.Conn, on bool) error {
	return exec(c, "INSERT INTO text (text, rank) VALUES ('secure-delete', ?)", nil, boolean(on))
}

// unwordRounds bounds how often a word is taken out of the text index: it may be there once for each time that the row was indexed.
const unwordRounds = 1000

// unword takes tokens of a row out of the text index, so that nothing of them is left that no other row has. Tokens that the row is not
// found by may be among them.
func unword(c *sqlite.Conn, key int64, all []string) error {
	there, err := tokensOf(c, key, all)
	if err != nil || len(there) == 0 {
		return err
	}
	if err := secureDelete(c, true); err != nil {
		return err
	}
	for some := range slices.Chunk(there, 64) {
		if err := unwordSome(c, key, some); err != nil {
			return err
		}
	}
	if err := clearSeparators(c, there); err != nil {
		return err
	}
	return secureDelete(c, false)
}

// tokensOf gives those tokens that the row is found by: taking others out may damage the index.
func tokensOf(c *sqlite.Conn, key int64, all []string) (there []string, err error) {
	found := func(tokens ...string) (bool, error) {
		_, found, err := number(c, "SELECT rowid FROM text WHERE text MATCH ? AND rowid = ?", matchAny(tokens), key)
		return found, err
	}
	for some := range slices.Chunk(all, 64) {
		if some, err := found(some...); err != nil {
			return nil, err
		} else if !some {
			continue
		}
		for _, token := range some {
			is, err := found(token)
			if err != nil {
				return nil, err
			}
			if is {
				there = append(there, token)
			}
		}
	}
	return there, nil
}

// matchAny asks for rows that have any of the tokens.
func matchAny(some []string) string { return `"` + strings.Join(some, `" OR "`) + `"` }

// unwordSome takes tokens out until the row is not found by them.
func unwordSome(c *sqlite.Conn, key int64, some []string) error {
	match := matchAny(some)
	for range unwordRounds {
		_, found, err := number(c, "SELECT rowid FROM text WHERE text MATCH ? AND rowid = ?", match, key)
		if err != nil || !found {
			return err
		}
		// SQLite takes one from its number of rows each time, and says that the file is damaged where there is none left.
		if err := exec(c, "INSERT INTO text (rowid, words) VALUES (?, '')", nil, key); err != nil {
			return err
		}
		if err := exec(c, "INSERT INTO text (text, rowid, words) VALUES ('delete', ?, ?)", nil, key, strings.Join(some, " ")); err != nil {
			return err
		}
		if err := exec(c, "INSERT INTO text (text) VALUES ('flush')", nil); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: words cannot be taken out of the text index", block.ErrDamaged)
}

// clearSeparators takes words out of text_idx, that are in the index no more. For each page of a segment it has the beginning of the
// page's first word, so much of it that it is behind the words of the page before; it stays when that word is taken out. In its place comes
// the next word that is in the index: it is not behind the page's first word now, and behind those of the page before.
func clearSeparators(c *sqlite.Conn, tokens []string) error {
	if err := exec(c, "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, 'text', 'instance')", nil); err != nil {
		return err
	}
	segments, err := columnKeys(c, "SELECT DISTINCT segid FROM text_idx")
	if err != nil {
		return err
	}
	for _, token := range tokens {
		for _, segment := range segments {
			if err := clearSeparator(c, int64(segment), "0"+token); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearSeparator does it for one segment. Words stand in the index behind a 0 there.
func clearSeparator(c *sqlite.Conn, segment int64, word string) error {
	separator, err := term(c, "SELECT term FROM text_idx WHERE segid = ? AND term <= ? ORDER BY term DESC LIMIT 1", segment, []byte(word))
	if err != nil {
		return err
	}
	if len(separator) < 2 || !strings.HasPrefix(word, string(separator)) {
		return nil
	}
	next, err := term(c, "SELECT CAST('0' || term AS BLOB) FROM temp.vocabulary WHERE term >= ? LIMIT 1", string(separator[1:]))
	if err != nil || bytes.HasPrefix(next, separator) {
		return err // where it is so another row has a word with this beginning
	}
	behind, err := term(c, "SELECT term FROM text_idx WHERE segid = ? AND term > ? ORDER BY term LIMIT 1", segment, separator)
	if err != nil {
		return err
	}
	if next == nil || behind != nil && bytes.Compare(next, behind) >= 0 { // the page has no first word any more
		return exec(c, "DELETE FROM text_idx WHERE segid = ? AND term = ?", nil, segment, separator)
	}
	return exec(c, "UPDATE text_idx SET term = ? WHERE segid = ? AND term = ?", nil, next, segment, separator)
}

// term gives the first column of a result; nil where there is none.
func term(c *sqlite.Conn, query string, args ...any) (t []byte, err error) {
	err = exec(c, query, func(st *sqlite.Stmt) error {
		t = columnBytes(st, 0)
		return nil
	}, args...)
	return t, err
}
