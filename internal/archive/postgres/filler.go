package postgres

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// blockSlots is how many messages a block has. Of more, every message that is found is dearer to read: mostly nobody wants the others.
// In older databases there are 32.
const blockSlots = 8

// openBlock is the block that the next rows go on with. It is remembered by who writes and nobody else: one that is forgotten stays in
// pieces, which takes a little more room.
type openBlock struct {
	number int64 // the key of its first row; 0 is none
	slots  int
	bytes  int // about, of its payloads
	parts  int // rows of table blocks that it is in
}

// part is a row of table blocks.
type part struct {
	block  int64
	from   int // its first slot
	keys   []int64
	data   []byte
	added  [][]string // words of the slots that came now, behind those in places
	places []place    // of the words, by slots of the part

	// Made by pack: the columns words, places and data.
	words         []int32
	slots, packed []byte
}

// filler puts payloads into blocks.
type filler struct {
	codec *block.Codec
	open  openBlock
	parts []part
	full  []int64 // blocks that are in pieces and were filled

	packing sync.WaitGroup
}

// add puts a row's payload and words in, behind those that were added before, and says where it is.
func (f *filler) add(key int64, p block.Payload, words []string) (number int64, slot int) {
	size := len(p.Envelope) + len(p.Signatures)
	if f.open.slots >= blockSlots || f.open.bytes+size > block.Bytes || monthOf(key) != monthOf(f.open.number) {
		f.close()
	}
	if f.open.number == 0 {
		f.open.number = key
	}
	n := len(f.parts) - 1
	if n < 0 || f.parts[n].block != f.open.number {
		f.parts = append(f.parts, part{block: f.open.number, from: f.open.slots})
		f.open.parts++
		n++
	}
	row := &f.parts[n]
	row.keys, row.data, row.added = append(row.keys, key), block.Append(row.data, p), append(row.added, words)
	slot = f.open.slots
	f.open.slots, f.open.bytes = f.open.slots+1, f.open.bytes+size
	return f.open.number, slot
}

// close begins another block with the next row.
func (f *filler) close() {
	if f.open.parts > 1 {
		f.full = append(f.full, f.open.number)
	}
	f.open = openBlock{}
}

// pack makes what finish writes, beside what else is done: blocks that are full become one row each. Who has called it calls wait.
func (f *filler) pack(ctx context.Context, tx pgx.Tx) error {
	if f.open.slots >= blockSlots {
		f.close()
	}
	for _, number := range f.full {
		if err := f.merge(ctx, tx, number); err != nil {
			return err
		}
	}
	next := make(chan *part, len(f.parts))
	for i := range f.parts {
		next <- &f.parts[i]
	}
	close(next)
	for range min(runtime.GOMAXPROCS(0), len(f.parts)) {
		f.packing.Go(func() {
			for p := range next {
				p.settle()
				p.words, p.slots = index(p.places)
				p.packed = f.codec.Pack(p.data)
			}
		})
	}
	return nil
}

// settle puts the words that came now to the others.
func (p *part) settle() {
	first := len(p.keys) - len(p.added)
	for i, words := range p.added {
		for _, w := range words {
			p.places = append(p.places, placeOf(wordNumber(w), first+i))
		}
	}
	p.added = nil
}

// wait returns when nothing is done any more.
func (f *filler) wait() { f.packing.Wait() }

// finish writes the parts.
func (f *filler) finish(ctx context.Context, tx pgx.Tx) error {
	f.wait()
	c := newCopier("blocks", "block, part, slots, size, first, last, keys, words, places, data")
	for i := range f.parts {
		f.parts[i].write(c)
	}
	return c.run(ctx, tx)
}

func (p *part) write(c *copier) {
	c.row(10)
	c.int64(p.block)
	c.int16(int16(p.from))
	c.int16(int16(len(p.keys)))
	c.int32(int32(len(p.data)))
	c.int64(slices.Min(p.keys))
	c.int64(slices.Max(p.keys))
	c.int64s(p.keys)
	c.int32s(p.words)
	c.bytes(p.slots)
	c.bytes(p.packed)
}

// merge puts what is in the database of a block before the part of it that is to be written, if there is one: the row that filled the
// block may belong to the next.
func (f *filler) merge(ctx context.Context, tx pgx.Tx, number int64) error {
	stored, err := readParts(ctx, tx, f.codec, []int64{number})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM blocks WHERE block = $1", number); err != nil {
		return err
	}
	last := slices.IndexFunc(f.parts, func(p part) bool { return p.block == number })
	if last < 0 {
		last, f.parts = len(f.parts), append(f.parts, part{})
	} else {
		f.parts[last].settle()
		stored = append(stored, f.parts[last])
	}
	whole := part{block: number}
	for _, p := range stored {
		for _, at := range p.places {
			whole.places = append(whole.places, placeOf(at.word(), p.from+at.slot()))
		}
		whole.keys, whole.data = append(whole.keys, p.keys...), append(whole.data, p.data...)
	}
	f.parts[last] = whole
	return nil
}

// readParts reads all parts of blocks, in order.
func readParts(ctx context.Context, c reader, codec *block.Codec, numbers []int64) (all []part, err error) {
	var p part
	var from int16
	var size int32
	var words []int32
	var places, data []byte
	err = scan(ctx, c, func() error {
		all = append(all, part{block: p.block, from: int(from), keys: slices.Clone(p.keys)})
		p := &all[len(all)-1]
		var err error
		if p.places, err = unindex(words, places, 0); err == nil {
			p.data, err = codec.Unpack(data, int64(size), nil)
		}
		return err
	}, []any{&p.block, &from, &size, &p.keys, &words, &places, &data},
		"SELECT block, part, size, keys, words, places, data FROM blocks WHERE block = ANY($1) ORDER BY block, part", numbers)
	return all, err
}
