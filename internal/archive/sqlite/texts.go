package sqlite

import (
	"fmt"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// maxTexts bounds what texts remembers.
const maxTexts = 1 << 16

// texts remembers the texts of numbers that rows have in their place. A number that a row has never gets another text. It may be
// used by many goroutines; what a transaction has not committed yet is not asked of it.
type texts struct {
	query string // gives the text of a number

	mu sync.RWMutex
	of map[int64]string // guarded by mu
}

// get gives the text of a number that stands in a row.
func (t *texts) get(c *sqlite.Conn, n int64) (string, error) {
	t.mu.RLock()
	text, found := t.of[n]
	t.mu.RUnlock()
	if found {
		return text, nil
	}
	if err := exec(c, t.query, func(st *sqlite.Stmt) error {
		text, found = st.ColumnText(0), true
		return nil
	}, n); err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("%w: a row has the text of number %d, which has none", block.ErrDamaged, n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil || len(t.of) >= maxTexts {
		t.of = make(map[int64]string)
	}
	t.of[n] = text
	return text, nil
}

// column gives the text of the number in a column of a result, and nothing for NULL.
func (t *texts) column(c *sqlite.Conn, st *sqlite.Stmt, column int) (string, error) {
	if st.ColumnIsNull(column) {
		return "", nil
	}
	return t.get(c, st.ColumnInt64(column))
}
