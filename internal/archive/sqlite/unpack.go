package sqlite

import (
	"bytes"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// openBlocks is how many blocks are kept decompressed: rows that stand together are often in the same few.
const openBlocks = 8

// aheadRows is how many rows may wait for their payloads.
const aheadRows = 32

// packedBlock is a block as it is in the file.
type packedBlock struct {
	number, size int64
	slots        int
	data         []byte
}

// packed reads a block.
func packed(c *sqlite.Conn, number int64) (b packedBlock, err error) {
	err = exec(c, "SELECT slots, size, data FROM blocks WHERE block = ?", func(st *sqlite.Stmt) error {
		b = packedBlock{number: number, size: st.ColumnInt64(1), slots: st.ColumnInt(0), data: columnBytes(st, 2)}
		return nil
	}, number)
	if err == nil && b.number == 0 {
		err = fmt.Errorf("%w: there is no block %d", block.ErrDamaged, number)
	}
	return b, err
}

// openBlock is a block that was decompressed.
type openBlock struct {
	data  []byte
	slots []block.Payload
}

// unpack decompresses a block into the room of another.
func (o *openBlock) unpack(codec *block.Codec, b *packedBlock) (err error) {
	if o.data, err = codec.Unpack(b.data, b.size, o.data); err == nil {
		o.slots, err = block.Split(o.slots[:0], o.data, b.slots)
	}
	return err
}

// unpacker decompresses blocks in a goroutine of its own and fills what they hold into entries. It belongs to the goroutine that
// made it, which calls end and uses no entry before.
type unpacker struct {
	numbers [openBlocks]int64 // of the blocks that are open once what waits was done; 0 is none
	next    int               // the place that is given up next
	work    chan unpacking
	done    chan error // gets the first error
}

// unpacking is something to be done: a block to be opened at a place, or an entry to be filled from the block that is open there.
type unpacking struct {
	at     int
	opened *packedBlock
	entry  *fedmsg.Entry
	number int64
	slot   int64
}

// keptRoom is how large the room of a block may be that is kept for later ones: nearly all need less.
const keptRoom = 2 * block.Bytes

func (s *Store) newUnpacker() *unpacker {
	u := &unpacker{work: make(chan unpacking, aheadRows), done: make(chan error, 1)}
	go u.run(s)
	return u
}

func (u *unpacker) run(s *Store) {
	blocks, found := s.rooms.Get().(*[openBlocks]openBlock)
	if !found {
		blocks = new([openBlocks]openBlock)
	}
	var first error
	for w := range u.work {
		if first != nil {
			continue // nobody will see the rest
		}
		if w.opened != nil {
			first = blocks[w.at].unpack(s.codec, w.opened)
		} else {
			first = blocks[w.at].fill(w.entry, w.number, w.slot)
		}
	}
	for i := range blocks {
		if cap(blocks[i].data) > keptRoom {
			blocks[i] = openBlock{}
		}
	}
	s.rooms.Put(blocks)
	u.done <- first
}

// fill copies a payload into an entry.
func (o *openBlock) fill(e *fedmsg.Entry, number, slot int64) error {
	if slot < 0 || slot >= int64(len(o.slots)) {
		return fmt.Errorf("%w: slot %d of block %d, which has %d", block.ErrDamaged, slot, number, len(o.slots))
	}
	p := o.slots[slot]
	e.Envelope = bytes.Clone(p.Envelope)
	if len(p.Signatures) > 0 {
		e.Signatures = bytes.Clone(p.Signatures)
	}
	return nil
}

// has reports whether a block is open.
func (u *unpacker) has(number int64) bool { return u.place(number) >= 0 }

func (u *unpacker) place(number int64) int {
	for at, n := range u.numbers {
		if n == number {
			return at
		}
	}
	return -1
}

// open has a block decompressed, and gives up the one that has been open for longest.
func (u *unpacker) open(b packedBlock) {
	u.work <- unpacking{at: u.next, opened: &b}
	u.numbers[u.next], u.next = b.number, (u.next+1)%openBlocks
}

// fill has an entry filled from a slot of a block that is open.
func (u *unpacker) fill(e *fedmsg.Entry, number, slot int64) {
	u.work <- unpacking{at: u.place(number), entry: e, number: number, slot: slot}
}

// end waits until everything is done and gives the first error.
func (u *unpacker) end() error {
	close(u.work)
	return <-u.done
}
