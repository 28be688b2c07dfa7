package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// scrubbed gives the trees of the file in which bytes of messages stand. Those of the others hold numbers and ids.
const scrubbed = "'messages', 'blocks', 'terms', 'sqlite_autoindex_terms_1', 'text_data', 'text_idx'"

// scrub overwrites what pages hold that no row has. SQLite overwrites rows that are deleted (secure_delete), but where it moves rows
// from one page to another, as it does when a page is full, it leaves them in the part of the old page that is in no use.
func scrub(c *sqlite.Conn) error {
	var pages []int64
	if err := exec(c, "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0 AND name IN ("+scrubbed+")", func(st *sqlite.Stmt) error {
		pages = append(pages, st.ColumnInt64(0))
		return nil
	}); err != nil {
		return err
	}
	for len(pages) > 0 {
		number := pages[len(pages)-1]
		pages = pages[:len(pages)-1]
		data, err := page(c, number)
		if err != nil {
			return err
		}
		p, err := parsePage(data)
		if err != nil {
			return fmt.Errorf("page %d: %w", number, err)
		}
		pages = append(pages, p.children...)
		unused := data[p.gap:p.content]
		if len(bytes.Trim(unused, "\x00")) == 0 {
			continue
		}
		clear(unused)
		if err := exec(c, "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", nil, data, number); err != nil {
			return err
		}
	}
	return nil
}

// page reads a page of the file as it is in the transaction.
func page(c *sqlite.Conn, number int64) (data []byte, err error) {
	err = exec(c, "SELECT data FROM sqlite_dbpage WHERE pgno = ?", func(st *sqlite.Stmt) error {
		data = columnBytes(st, 0)
		return nil
	}, number)
	return data, err
}

// treePage is a page of a tree, as https://www.sqlite.org/fileformat.html says. None of the trees that are scrubbed begins on the
// first page, which is the schema's.
type treePage struct {
	gap, content int     // the part in no use, and the end of it
	children     []int64 // pages
}

func parsePage(data []byte) (p treePage, err error) {
	const leafHeader, innerHeader = 8, 12
	if len(data) < 512 {
		return p, fmt.Errorf("%w: it is not there", block.ErrDamaged)
	}
	header := leafHeader
	switch data[0] {
	case 0x0a, 0x0d:
	case 0x02, 0x05:
		header = innerHeader
	default:
		return p, fmt.Errorf("%w: a page of no kind that belongs into a tree", block.ErrDamaged)
	}
	cells := int(binary.BigEndian.Uint16(data[3:]))
	p.gap = header + 2*cells
	if p.content = int(binary.BigEndian.Uint16(data[5:])); p.content == 0 {
		p.content = 1 << 16
	}
	if p.gap > p.content || p.content > len(data) {
		return p, fmt.Errorf("%w: a page whose parts overlap", block.ErrDamaged)
	}
	if header == leafHeader {
		return p, nil
	}
	p.children = append(p.children, int64(binary.BigEndian.Uint32(data[8:])))
	for i := range cells {
		at := int(binary.BigEndian.Uint16(data[header+2*i:]))
		if at+4 > len(data) {
			return p, fmt.Errorf("%w: a page whose cells lie outside", block.ErrDamaged)
		}
		p.children = append(p.children, int64(binary.BigEndian.Uint32(data[at:])))
	}
	return p, nil
}
