package postgres

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestColumns: what the server sends is read as what it is, and anything else is an error and zero.
func TestColumns(t *testing.T) {
	t.Parallel()
	three := unhex(t, "0000000100000000000000170000000300000001000000040000000500000004000000070000000400000009")
	c := columns{left: [][]byte{{0, 0, 0, 0, 0, 0, 1, 2}, nil, {0xff, 0xff}, {1}, []byte("ä"), three, unhex(t, "000000000000000000000017"), nil}}
	if n, none, short, yes, text := c.int64(), c.orNull(), c.int16(), c.bool(), c.text(); n != 258 || none != nil || short != -1 || !yes || text != "ä" {
		t.Errorf("read %d, %v, %d, %t, %q", n, none, short, yes, text)
	}
	if all, none := c.integers(nil), c.integers(nil); !slices.Equal(all, []int32{5, 7, 9}) || len(none) != 0 || !c.null() || c.err != nil {
		t.Errorf("read %v and %v, %v", all, none, c.err)
	}
	for name, read := range map[string]func(c *columns){
		"no column":      func(c *columns) { c.left = nil; c.int64() },
		"NULL":           func(c *columns) { c.left[0] = nil; c.int32() },
		"text of number": func(c *columns) { c.left[0] = []byte("258"); c.int64() },
		"short number":   func(c *columns) { c.left[0] = c.left[0][:2]; c.orNull() },
		"cut array":      func(c *columns) { c.left[0] = c.left[0][:len(three)-1]; c.integers(nil) },
		"cut header":     func(c *columns) { c.left[0] = c.left[0][:arrayHeader-1]; c.integers(nil) },
		"NULL in array":  func(c *columns) { copy(c.left[0][arrayHeader:], "\xff\xff\xff\xff"); c.integers(nil) },
		"other elements": func(c *columns) { c.bigints(nil) },
	} {
		c := columns{left: [][]byte{slices.Clone(three)}}
		if read(&c); !errors.Is(c.err, block.ErrDamaged) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// TestQueryMode: an address may ask for another way of asking, and rows are read all the same.
func TestQueryMode(t *testing.T) {
	t.Parallel()
	s := open(t, database(t)+"&default_query_exec_mode=simple_protocol&statement_cache_capacity=0", Options{Log: ourLog})
	all := drafts(1, 10)
	appendAll(t, s, all)
	heads, err := s.Heads(t.Context(), archive.Window{From: 1, To: 1 << 60}, 100)
	if err != nil || len(heads) != 10 {
		t.Fatal(len(heads), err)
	}
	rows, err := s.Rows(t.Context(), []archive.Key{heads[9].Key, 7, heads[2].Key})
	if err != nil || len(rows) != 2 || rows[0].Entry.ID != all[9].Entry.ID || rows[1].Entry.ID != all[2].Entry.ID {
		t.Errorf("read %+v, %v", rows, err)
	}
}
