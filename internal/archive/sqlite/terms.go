package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// pairNumber is the number of a pair of a user and a package: below zero, and made of its text alone. Two pairs with one number are
// one in 2^62; what is found by the number is looked at again by package archive.
func pairNumber(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return -1 - int64(binary.BigEndian.Uint64(sum[:])>>2)
}

// termNumber gives the number of a term that some row has; false where none has it.
func termNumber(c *sqlite.Conn, t archive.Term) (n int64, found bool, err error) {
	if t.Kind == archive.KindBoth {
		return pairNumber(t.Name), true, nil
	}
	return number(c, "SELECT term FROM terms WHERE kind = ? AND name = ?", int64(t.Kind), t.Name)
}

// appendNumbers writes the numbers of a row's terms.
func appendNumbers(b []byte, terms []int64) []byte {
	for _, n := range terms {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// numbers reads what appendNumbers wrote.
func numbers(b []byte) (terms []int64, err error) {
	for len(b) > 0 {
		n, w := binary.Varint(b)
		if w <= 0 {
			return nil, fmt.Errorf("%w: a row's list of terms cannot be read", block.ErrDamaged)
		}
		terms, b = append(terms, n), b[w:]
	}
	return terms, nil
}

// nameOf gives the name of a term that stands in a table.
func nameOf(c *sqlite.Conn, term int64) (name string, err error) {
	err = fmt.Errorf("%w: there is no term %d", block.ErrDamaged, term)
	if fault := exec(c, "SELECT name FROM terms WHERE term = ?", func(st *sqlite.Stmt) error {
		name, err = st.ColumnText(0), nil
		return nil
	}, term); fault != nil {
		return "", fault
	}
	return name, err
}

// kindOf gives the kind of a term that stands in a table.
func kindOf(c *sqlite.Conn, term int64) (archive.Kind, error) {
	if term < 0 {
		return archive.KindBoth, nil
	}
	kind, found, err := number(c, "SELECT kind FROM terms WHERE term = ?", term)
	if err == nil && !found {
		err = fmt.Errorf("%w: there is no term %d", block.ErrDamaged, term)
	}
	return archive.Kind(kind), err
}
