package sqlite

import (
	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// blockSlots is how many payloads a block gets. With twice as many the file is 2 % smaller, and whoever reads a message here and one
// there waits twice as long.
const blockSlots = 16

// filler puts payloads into blocks. It goes on with the newest block until that is full, so that messages that come one by one are
// packed as well as those that come together.
type filler struct {
	c     *sqlite.Conn
	codec *block.Codec
	block int64  // its number
	slots int64  // payloads in it
	data  []byte // they
	dirty bool   // not given to be compressed yet

	packing []packing // blocks that are being compressed beside what else is done
}

// packing is a block that is being compressed.
type packing struct {
	block, slots, size int64
	packed             chan []byte // gets it
}

// newFiller reads the newest block.
func newFiller(c *sqlite.Conn, codec *block.Codec) (*filler, error) {
	f := &filler{c: c, codec: codec, block: 1}
	var size int64
	var packed []byte
	err := exec(c, "SELECT block, slots, size, data FROM blocks ORDER BY block DESC LIMIT 1", func(st *sqlite.Stmt) error {
		f.block, f.slots, size = st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2)
		if f.slots < blockSlots && size < block.Bytes {
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
	f.data, err = codec.Unpack(packed, size, nil)
	return f, err
}

// add puts a payload in and says where it is.
func (f *filler) add(p block.Payload) (number, slot int64) {
	if f.slots > 0 && (f.slots >= blockSlots || len(f.data)+len(p.Envelope)+len(p.Signatures) > block.Bytes) {
		f.flush()
		f.block, f.slots, f.data = f.block+1, 0, make([]byte, 0, block.Bytes)
	}
	slot = f.slots
	f.data, f.slots, f.dirty = block.Append(f.data, p), f.slots+1, true
	return f.block, slot
}

// flush gives the block to be compressed.
func (f *filler) flush() {
	if !f.dirty {
		return
	}
	f.dirty = false
	p := packing{block: f.block, slots: f.slots, size: int64(len(f.data)), packed: make(chan []byte, 1)}
	data := f.data
	go func() { p.packed <- f.codec.Pack(data) }()
	f.packing = append(f.packing, p)
}

// finish writes the blocks.
func (f *filler) finish() error {
	f.flush()
	for len(f.packing) > 0 {
		p := f.packing[0]
		f.packing = f.packing[1:]
		if err := exec(f.c, "INSERT INTO blocks (block, slots, size, data) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT DO UPDATE SET slots = excluded.slots, size = excluded.size, data = excluded.data",
			nil, p.block, p.slots, p.size, <-p.packed); err != nil {
			return err
		}
	}
	return nil
}

// stop waits for blocks that are not wanted any more.
func (f *filler) stop() {
	for _, p := range f.packing {
		<-p.packed
	}
}
