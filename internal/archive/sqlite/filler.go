package sqlite

import (
	"zombiezen.com/go/sqlite"
)

// filler puts payloads into blocks. It goes on with the newest block until that is full, so that messages that come one by one are
// packed as well as those that come together.
type filler struct {
	c     *sqlite.Conn
	codec *codec
	block int64  // its number
	slots int64  // payloads in it
	data  []byte // they
	dirty bool   // not written yet
}

// newFiller reads the newest block.
func newFiller(c *sqlite.Conn, codec *codec) (*filler, error) {
	f := &filler{c: c, codec: codec, block: 1}
	var size int64
	var packed []byte
	err := exec(c, "SELECT block, slots, size, data FROM blocks ORDER BY block DESC LIMIT 1", func(st *sqlite.Stmt) error {
		f.block, f.slots, size = st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2)
		if f.slots < blockSlots && size < blockBytes {
			packed = columnBytes(st, 3)
		}
		return nil
	})
	if err != nil || f.slots == 0 {
		return f, err
	}
	if packed == nil {
		f.block, f.slots = f.block+1, 0
		return f, nil
	}
	f.data, err = codec.unpack(packed, size)
	return f, err
}

// add puts a payload in and says where it is.
func (f *filler) add(p payload) (block, slot int64, err error) {
	if f.slots > 0 && (f.slots >= blockSlots || len(f.data)+len(p.envelope)+len(p.signatures) > blockBytes) {
		if err := f.flush(); err != nil {
			return 0, 0, err
		}
		f.block, f.slots, f.data = f.block+1, 0, f.data[:0]
	}
	slot = f.slots
	f.data, f.slots, f.dirty = appendPayload(f.data, p), f.slots+1, true
	return f.block, slot, nil
}

// flush writes the block.
func (f *filler) flush() error {
	if !f.dirty {
		return nil
	}
	f.dirty = false
	return exec(f.c, "INSERT INTO blocks (block, slots, size, data) VALUES (?, ?, ?, ?) "+
		"ON CONFLICT DO UPDATE SET slots = excluded.slots, size = excluded.size, data = excluded.data",
		nil, f.block, f.slots, int64(len(f.data)), f.codec.pack(f.data))
}
