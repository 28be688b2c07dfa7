package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Rows gives the rows of keys.
func (s *Store) Rows(ctx context.Context, keys []archive.Key) (rows []archive.Row, err error) {
	err = s.snapshot(ctx, "read messages of the archive", func(c *sqlite.Conn) error {
		r := rowReader{s: s, c: c}
		for _, key := range keys {
			row, found, err := r.row(key)
			if err != nil {
				return err
			}
			if found {
				rows = append(rows, row)
			}
		}
		return nil
	})
	return rows, err
}

// ByID gives the row of the message.
func (s *Store) ByID(ctx context.Context, id string) (row archive.Row, found bool, err error) {
	err = s.snapshot(ctx, "read a message of the archive", func(c *sqlite.Conn) error {
		key, known, err := number(c, "SELECT key FROM messages WHERE id = ?", id)
		if err != nil || !known {
			return err
		}
		r := rowReader{s: s, c: c}
		row, found, err = r.row(archive.Key(key))
		return err
	})
	return row, found, err
}

// openBlocks is how many decompressed blocks a rowReader keeps: rows that stand together are often in the same few.
const openBlocks = 8

// rowReader reads rows in one transaction.
type rowReader struct {
	s      *Store
	c      *sqlite.Conn
	blocks [openBlocks]openBlock
	next   int    // the place of blocks that is given up next
	packed []byte // a block as it is in the file
}

type openBlock struct {
	number int64  // 0 is none
	data   []byte // decompressed
	slots  []block.Payload
}

// row reads one row. What it gives shares nothing.
func (r *rowReader) row(key archive.Key) (row archive.Row, found bool, err error) {
	var number, slot int64
	row.Key = key
	err = exec(r.c, `SELECT id, nanos, log, seq, topic, sender, signer, verdict, origin_log, origin_seq, not_ijson, block, slot FROM messages
		WHERE key = ?`, func(st *sqlite.Stmt) error {
		found = true
		number, slot = st.ColumnInt64(11), st.ColumnInt64(12)
		return r.entry(&row.Entry, st, int64(key))
	}, int64(key))
	if err != nil || !found {
		return row, false, err
	}
	if number == 0 {
		row.Entry.Redacted = true
		row.Redaction, err = r.redaction(int64(key), row.Entry.ID)
		return row, true, err
	}
	p, err := r.payload(number, slot)
	row.Entry.Envelope = bytes.Clone(p.Envelope)
	if len(p.Signatures) > 0 {
		row.Entry.Signatures = bytes.Clone(p.Signatures)
	}
	return row, true, err
}

// entry fills an entry from the columns of a row.
func (r *rowReader) entry(e *fedmsg.Entry, st *sqlite.Stmt, key int64) (err error) {
	text := func(column int) (t string) {
		if err == nil {
			t, err = r.s.names.column(r.c, st, column)
		}
		return t
	}
	e.ID = st.ColumnText(0)
	e.Received = time.UnixMicro(key).Add(time.Duration(st.ColumnInt64(1))).UTC()
	e.Position = fedmsg.Position{Log: fedmsg.LogID(text(2)), Seq: uint64(st.ColumnInt64(3))}
	e.Sender, e.Signer, e.Verdict = text(5), text(6), fedmsg.Verdict(text(7))
	e.Origin = fedmsg.Position{Log: fedmsg.LogID(text(8)), Seq: uint64(st.ColumnInt64(9))}
	e.NotIJSON = st.ColumnBool(10)
	if err != nil {
		return err
	}
	e.Topic, err = r.s.topics.column(r.c, st, 4)
	return err
}

// payload reads what a slot of a block holds. It is valid until eight other blocks were read.
func (r *rowReader) payload(number, slot int64) (block.Payload, error) {
	at := -1
	for i := range r.blocks {
		if r.blocks[i].number == number {
			at = i
		}
	}
	if at < 0 {
		at = r.next
		r.next = (r.next + 1) % openBlocks
		if err := r.open(&r.blocks[at], number); err != nil {
			return block.Payload{}, err
		}
	}
	slots := r.blocks[at].slots
	if slot < 0 || slot >= int64(len(slots)) {
		return block.Payload{}, fmt.Errorf("%w: slot %d of block %d, which has %d", block.ErrDamaged, slot, number, len(slots))
	}
	return slots[slot], nil
}

// open reads a block into the room of another.
func (r *rowReader) open(b *openBlock, number int64) (err error) {
	b.number = 0
	err = fmt.Errorf("%w: there is no block %d", block.ErrDamaged, number)
	if fault := exec(r.c, "SELECT slots, size, data FROM blocks WHERE block = ?", func(st *sqlite.Stmt) error {
		r.packed = appendColumn(r.packed[:0], st, 2)
		if b.data, err = r.s.codec.Unpack(r.packed, st.ColumnInt64(1), b.data); err == nil {
			b.slots, err = block.Split(b.slots[:0], b.data, st.ColumnInt(0))
		}
		return nil
	}, number); fault != nil {
		return fault
	}
	if err == nil {
		b.number = number
	}
	return err
}

// redaction reads who erased a payload; nil where that is not known yet.
func (r *rowReader) redaction(key int64, id string) (found *archive.Redaction, err error) {
	err = exec(r.c, "SELECT sha256, reason, actor, at FROM redactions WHERE key = ?", func(st *sqlite.Stmt) error {
		found = &archive.Redaction{
			ID: id, SHA256: st.ColumnText(0), Reason: st.ColumnText(1), By: st.ColumnText(2), At: time.Unix(0, st.ColumnInt64(3)).UTC(),
		}
		return nil
	}, key)
	return found, err
}
