package sqlite

import (
	"maps"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"
)

// indexed is by what a row is found, as the file says.
type indexed struct {
	key         int64
	topic       int64
	block, slot int64 // 0 where the payload was erased
	terms       []int64
	extra       string
	name        string // of the topic
}

const selectIndexed = "SELECT m.key, m.topic, m.block, m.slot, m.terms, m.extra, t.name FROM messages m JOIN terms t ON t.term = m.topic "

// indexedByID reads it for a message; false where there is none.
func indexedByID(c *sqlite.Conn, id string) (row indexed, found bool, err error) {
	err = exec(c, selectIndexed+"WHERE m.id = ?", func(st *sqlite.Stmt) error {
		found = true
		row, err = columnIndexed(st)
		return err
	}, id)
	return row, found, err
}

// indexedBehind reads it for the rows behind a key.
func indexedBehind(c *sqlite.Conn, key int64, most int) (rows []indexed, err error) {
	err = exec(c, selectIndexed+"WHERE m.key > ? ORDER BY m.key LIMIT +?", func(st *sqlite.Stmt) error {
		row, err := columnIndexed(st)
		rows = append(rows, row)
		return err
	}, key, int64(most))
	return rows, err
}

func columnIndexed(st *sqlite.Stmt) (row indexed, err error) {
	row = indexed{
		key: st.ColumnInt64(0), topic: st.ColumnInt64(1), block: st.ColumnInt64(2), slot: st.ColumnInt64(3),
		extra: st.ColumnText(5), name: st.ColumnText(6),
	}
	row.terms, err = numbers(columnBytes(st, 4))
	return row, err
}

// words gives all tokens that the text index may have for the row, each once; see unseen.
func (r *indexed) words(envelope []byte) []string {
	all := make(map[string]struct{})
	add := func(word []byte) { all[string(word)] = struct{}{} }
	seen([]byte(r.name), add)
	seen(envelope, add)
	for token := range strings.FieldsSeq(r.extra) {
		all[token] = struct{}{}
	}
	return slices.Sorted(maps.Keys(all))
}
