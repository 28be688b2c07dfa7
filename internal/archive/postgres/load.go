package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// selectRows reads rows and then the parts of blocks that may have their payloads, which have data. Each is read once, also where it has
// many of the rows: a join would look for it once for each.
const selectRows = `WITH found AS MATERIALIZED (
		SELECT block, slot, key, nanos, seq, origin_seq, topic, source, erased, id FROM messages_MONTH WHERE key = ANY($1))
	SELECT found.*, NULL::integer, NULL::integer, NULL::bytea FROM found
	UNION ALL
	SELECT block, part, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, slots, size, data FROM blocks_MONTH WHERE block IN (SELECT block FROM found)`

// selectApart is selectRows for rows that stand apart, in many months: the server looks for each in its own.
const selectApart = `WITH found AS MATERIALIZED (
		SELECT m.* FROM unnest($1::bigint[]) k CROSS JOIN LATERAL
			(SELECT block, slot, key, nanos, seq, origin_seq, topic, source, erased, id FROM messages WHERE key = k) m)
	SELECT found.*, NULL::integer, NULL::integer, NULL::bytea FROM found
	UNION ALL
	SELECT b.block, b.part, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, b.slots, b.size, b.data
		FROM (SELECT DISTINCT block FROM found) f CROSS JOIN LATERAL (SELECT block, part, slots, size, data FROM blocks WHERE block = f.block) b`

// rowColumns is how many columns stand before those of blocks that have no meaning there.
const rowColumns = 8

// loaded is a row while what it shares with others is not there. Its payload is its own.
type loaded struct {
	head
	block.Payload
	whole bool // its block was there
}

// loading reads rows and their blocks. It is one goroutine's.
type loading struct {
	codec  *block.Codec
	rows   []loaded
	blocks map[int64][]int // those of rows that have their payload in a block

	data     []byte // buffers of the part that was unpacked last
	payloads []block.Payload
}

// load reads rows, in the order of keys; those that are not there are left out. What it gives shares nothing.
func (s *Store) load(ctx context.Context, c reader, is *outline, keys []int64) ([]archive.Row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	l := loading{codec: s.codec, rows: make([]loaded, 0, len(keys)), blocks: make(map[int64][]int)}
	if err := l.ask(ctx, c, is, keys); err != nil {
		return nil, err
	}
	for i := range l.rows {
		if h := &l.rows[i]; !h.whole {
			return nil, fmt.Errorf("%w: a row is at slot %d of block %d, which is not there", block.ErrDamaged, h.slot, h.block)
		}
	}
	rows, err := s.complete(ctx, c, l.rows)
	if err != nil {
		return nil, err
	}
	return inOrder(rows, keys), nil
}

// ask reads the rows of keys, and their blocks.
func (l *loading) ask(ctx context.Context, c reader, is *outline, keys []int64) error {
	months, whole := is.byMonth(keys)
	switch {
	case len(months) > fewMonths:
		return askAll(ctx, c, selectApart, l.read, keys)
	case whole: // none is in a month that has come since
		return ask(ctx, c, nil, selectRows, months, l.read)
	}
	return ask(ctx, c, &is.partitions, selectRows, months, l.read)
}

// inOrder gives the rows of keys.
func inOrder(rows []archive.Row, keys []int64) []archive.Row {
	at := make(map[int64]int, len(rows))
	for i := range rows {
		at[int64(rows[i].Key)] = i
	}
	ordered := make([]archive.Row, 0, len(rows))
	for _, key := range keys {
		if i, is := at[key]; is {
			ordered = append(ordered, rows[i])
		}
	}
	return ordered
}

// read takes one row of what selectRows gives.
func (l *loading) read(row *columns) error {
	number, slot := row.int64(), row.int16()
	if row.null() { // no row has it so: it is the part of a block
		row.skip(rowColumns)
		slots, size, data := row.int32(), row.int32(), row.bytes()
		if row.err != nil {
			return row.err
		}
		return l.unpack(l.blocks[number], slot, int(slots), int64(size), data)
	}
	l.blocks[number] = append(l.blocks[number], len(l.rows))
	l.rows = append(l.rows, loaded{head: head{
		block: number, slot: slot, key: row.int64(), nanos: row.int64(), seq: row.orNull(), origin: row.orNull(),
		topic: row.int32(), source: row.int32(), erased: row.bool(), id: row.text(),
	}})
	return nil
}

// unpack gives those of the rows their payloads that a part of their block has.
func (l *loading) unpack(rows []int, part int16, slots int, size int64, data []byte) error {
	if !slices.ContainsFunc(rows, func(i int) bool { return inPart(l.rows[i].slot, part, slots) }) {
		return nil
	}
	var err error
	if l.data, err = l.codec.Unpack(data, size, l.data); err != nil {
		return err
	}
	if l.payloads, err = block.Split(l.payloads[:0], l.data, slots); err != nil {
		return err
	}
	for _, i := range rows {
		if row := &l.rows[i]; inPart(row.slot, part, slots) {
			row.whole = true
			if !row.erased {
				row.Payload = copied(l.payloads[row.slot-part])
			}
		}
	}
	return nil
}

func inPart(slot, part int16, slots int) bool { return slot >= part && int(slot-part) < slots }

// copied gives a payload of its own memory.
func copied(p block.Payload) block.Payload {
	own := append(make([]byte, 0, len(p.Envelope)+len(p.Signatures)), p.Envelope...)
	n := len(own)
	own = append(own, p.Signatures...)
	return block.Payload{Envelope: own[:n:n], Signatures: own[n:]}
}

// complete makes rows of what was read of them, in their order.
func (s *Store) complete(ctx context.Context, c reader, all []loaded) ([]archive.Row, error) {
	topics, sources := make([]int32, 0, len(all)), make([]int32, 0, len(all))
	var erased []int64
	for i := range all {
		topics, sources = append(topics, all[i].topic), append(sources, all[i].source)
		if all[i].erased {
			erased = append(erased, all[i].key)
		}
	}
	nameOf, err := s.topics.get(ctx, c, topics, name)
	if err != nil {
		return nil, err
	}
	sourceOf, err := s.sources.get(ctx, c, sources, readSource)
	if err != nil {
		return nil, err
	}
	said, err := redactions(ctx, c, erased)
	if err != nil {
		return nil, err
	}
	rows := make([]archive.Row, 0, len(all))
	for i := range all {
		l := &all[i]
		row := archive.Row{Key: archive.Key(l.key), Entry: l.entry(nameOf[l.topic], sourceOf[l.source])}
		if !l.erased {
			row.Entry.Envelope = l.Envelope
			if len(l.Signatures) > 0 {
				row.Entry.Signatures = l.Signatures
			}
		} else if r, known := said[l.key]; known {
			r.ID = row.Entry.ID
			row.Redaction = &r
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (h *head) entry(topic string, from source) fedmsg.Entry {
	e := fedmsg.Entry{
		ID: plain(h.id), Topic: topic, Received: received(h.key, h.nanos), Sender: from.sender, Signer: from.signer, Verdict: from.verdict,
		NotIJSON: from.notIJSON, Redacted: h.erased,
	}
	if h.seq != nil {
		e.Position = fedmsg.Position{Log: from.log, Seq: uint64(*h.seq)}
	}
	if h.origin != nil {
		e.Origin = fedmsg.Position{Log: from.originLog, Seq: uint64(*h.origin)}
	}
	return e
}

// redactions reads who erased the payloads of rows, without their ids.
func redactions(ctx context.Context, c reader, keys []int64) (map[int64]archive.Redaction, error) {
	all := make(map[int64]archive.Redaction, len(keys))
	if len(keys) == 0 {
		return all, nil
	}
	var key, at int64
	var r archive.Redaction
	err := scan(ctx, c, func() error {
		all[key] = archive.Redaction{SHA256: plain(r.SHA256), Reason: plain(r.Reason), By: plain(r.By), At: time.Unix(0, at).UTC()}
		return nil
	}, []any{&key, &r.SHA256, &r.Reason, &r.By, &at}, "SELECT key, sha256, reason, actor, at FROM redactions WHERE key = ANY($1)", keys)
	return all, err
}
