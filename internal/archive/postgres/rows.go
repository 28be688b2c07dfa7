package postgres

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Among gives those of the keys whose rows have the term.
func (s *Store) Among(ctx context.Context, term archive.Term, keys []archive.Key) (have []archive.Key, err error) {
	err = s.outlined(ctx, "find messages in the archive", func(ctx context.Context, c reader, is *outline) error {
		have = nil
		n, _, found, err := lookup(ctx, c, term)
		if err != nil || !found {
			return err
		}
		all := is.byMonth(numbers(keys))
		for i := range all {
			all[i].args = append(all[i].args, n)
		}
		with := make(map[archive.Key]bool, len(keys))
		var key archive.Key
		err = ask(ctx, c, &is.partitions, "SELECT key FROM messages_MONTH WHERE key = ANY($1) AND $2 = ANY(terms)", all, func() error {
			with[key] = true
			return nil
		}, []any{&key})
		for _, key := range keys {
			if with[key] {
				have = append(have, key)
			}
		}
		return err
	})
	return have, err
}

func numbers(keys []archive.Key) []int64 {
	all := make([]int64, len(keys))
	for i, key := range keys {
		all[i] = int64(key)
	}
	return all
}

// Rows gives the rows of keys.
func (s *Store) Rows(ctx context.Context, keys []archive.Key) (rows []archive.Row, err error) {
	err = s.outlined(ctx, "read messages of the archive", func(ctx context.Context, c reader, is *outline) error {
		rows = nil
		found, err := s.load(ctx, c, is, numbers(keys))
		for _, key := range keys {
			if row, ok := found[int64(key)]; ok {
				rows = append(rows, row)
			}
		}
		return err
	})
	return rows, err
}

// ByID gives the row of the message.
func (s *Store) ByID(ctx context.Context, id string) (row archive.Row, found bool, err error) {
	err = s.outlined(ctx, "read a message of the archive", func(ctx context.Context, c reader, is *outline) error {
		key, known, err := first[int64](ctx, c, "SELECT key FROM ids WHERE hash = $1", digestOf(id))
		if err != nil || !known {
			return err
		}
		rows, err := s.load(ctx, c, is, []int64{key})
		row, found = rows[key]
		return err
	})
	return row, found, err
}

// head is a row of table messages.
type head struct {
	key, nanos, block int64
	seq, origin       *int64
	topic, source     int32
	slot              int16
	erased            bool
	id                string
	terms             []int32 // where they were asked for
}

// headsOf reads rows of table messages, with their terms.
func headsOf(ctx context.Context, c reader, where string, args ...any) (all []head, err error) {
	var h head
	err = scan(ctx, c, func() error {
		all = append(all, h)
		h.terms, h.seq = nil, nil
		return nil
	}, []any{&h.key, &h.block, &h.seq, &h.source, &h.slot, &h.erased, &h.terms}, "SELECT key, block, seq, source, slot, erased, terms FROM messages "+where, args...)
	return all, err
}

// selectRows reads rows with their blocks in one statement. What a block has is given once only, with the first of its rows. A row whose
// block is gone is given with the part -1.
const selectRows = `SELECT m.key, m.nanos, m.seq, m.origin_seq, m.topic, m.source, m.slot, m.erased, m.id, m.block,
	coalesce(b.part, -1::smallint), coalesce(b.slots, 0::smallint), coalesce(b.size, 0),
	CASE WHEN row_number() OVER (PARTITION BY b.block, b.part ORDER BY m.key) = 1 THEN b.data END
	FROM messages_MONTH m LEFT JOIN blocks_MONTH b ON b.block = m.block AND b.part <= m.slot AND m.slot < b.part + b.slots
	WHERE m.key = ANY($1) ORDER BY b.block, b.part, m.key`

// loaded is a row while what it shares with others is not there.
type loaded struct {
	head
	block.Payload
}

// load reads rows. What it gives shares nothing.
func (s *Store) load(ctx context.Context, c reader, is *outline, keys []int64) (map[int64]archive.Row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	all := make([]loaded, 0, len(keys))
	var l loaded
	var part, count int16
	var size int32
	var data []byte
	var now openedPart
	err := ask(ctx, c, &is.partitions, selectRows, is.byMonth(keys), func() (err error) {
		if data != nil {
			if now, err = s.unpack(l.head.block, part, data, size, count); err != nil {
				return err
			}
		}
		at := int(l.slot - part)
		if part < 0 || now.block != l.head.block || now.part != part || at >= len(now.slots) {
			return fmt.Errorf("%w: a row is at slot %d of block %d, which is not there", block.ErrDamaged, l.slot, l.head.block)
		}
		l.Payload = now.slots[at]
		all = append(all, l)
		l.seq, l.origin = nil, nil
		return nil
	}, []any{
		&l.key, &l.nanos, &l.seq, &l.origin, &l.topic, &l.source, &l.slot, &l.erased, &l.id, &l.head.block, &part, &count, &size, &data,
	})
	if err != nil {
		return nil, err
	}
	return s.complete(ctx, c, all)
}

// openedPart is a row of table blocks whose payloads can be read.
type openedPart struct {
	block int64
	part  int16
	slots []block.Payload
}

func (s *Store) unpack(number int64, part int16, data []byte, size int32, slots int16) (openedPart, error) {
	unpacked, err := s.codec.Unpack(data, int64(size), nil)
	if err != nil {
		return openedPart{}, err
	}
	payloads, err := block.Split(nil, unpacked, int(slots))
	return openedPart{number, part, payloads}, err
}

// complete makes rows of what was read of them.
func (s *Store) complete(ctx context.Context, c reader, all []loaded) (map[int64]archive.Row, error) {
	var topics, sources []int32
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
	rows := make(map[int64]archive.Row, len(all))
	for i := range all {
		l := &all[i]
		row := archive.Row{Key: archive.Key(l.key), Entry: l.entry(nameOf[l.topic], sourceOf[l.source])}
		if !l.erased {
			row.Entry.Envelope = bytes.Clone(l.Envelope)
			if len(l.Signatures) > 0 {
				row.Entry.Signatures = bytes.Clone(l.Signatures)
			}
		} else if r, known := said[l.key]; known {
			r.ID = row.Entry.ID
			row.Redaction = &r
		}
		rows[l.key] = row
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
