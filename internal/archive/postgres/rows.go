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
	err = s.read(ctx, "find messages in the archive", func(ctx context.Context, c reader) error {
		n, _, found, err := lookup(ctx, c, term)
		if err != nil || !found {
			return err
		}
		with := make(map[int64]bool, len(keys))
		all, err := column[int64](ctx, c, "SELECT key FROM messages WHERE key = ANY($1) AND $2 = ANY(terms)", numbers(keys), n)
		for _, key := range all {
			with[key] = true
		}
		for _, key := range keys {
			if with[int64(key)] {
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
	err = s.snapshot(ctx, "read messages of the archive", func(ctx context.Context, c reader) error {
		found, err := s.load(ctx, c, numbers(keys))
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
	err = s.snapshot(ctx, "read a message of the archive", func(ctx context.Context, c reader) error {
		key, known, err := first[int64](ctx, c, "SELECT key FROM ids WHERE hash = $1", digestOf(id))
		if err != nil || !known {
			return err
		}
		rows, err := s.load(ctx, c, []int64{key})
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
	terms             []int32
}

const selectHeads = "SELECT key, nanos, block, seq, origin_seq, topic, source, slot, erased, id, terms FROM messages "

// headsOf reads rows of table messages.
func headsOf(ctx context.Context, c reader, where string, args ...any) (all []head, err error) {
	var h head
	err = scan(ctx, c, func() error {
		all = append(all, h)
		h.terms, h.seq, h.origin = nil, nil, nil
		return nil
	}, []any{&h.key, &h.nanos, &h.block, &h.seq, &h.origin, &h.topic, &h.source, &h.slot, &h.erased, &h.id, &h.terms}, selectHeads+where, args...)
	return all, err
}

// load reads rows. What it gives shares nothing.
func (s *Store) load(ctx context.Context, c reader, keys []int64) (map[int64]archive.Row, error) {
	heads, err := headsOf(ctx, c, "WHERE key = ANY($1)", keys)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	return s.complete(ctx, c, heads)
}

// complete makes rows of what table messages has of them.
func (s *Store) complete(ctx context.Context, c reader, heads []head) (map[int64]archive.Row, error) {
	var topics, sources []int32
	var blocks, erased []int64
	for i := range heads {
		h := &heads[i]
		topics, sources = append(topics, h.topic), append(sources, h.source)
		if h.erased {
			erased = append(erased, h.key)
		} else if n := len(blocks); n == 0 || blocks[n-1] != h.block {
			blocks = append(blocks, h.block)
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
	payloads, err := s.payloads(ctx, c, blocks)
	if err != nil {
		return nil, err
	}
	rows := make(map[int64]archive.Row, len(heads))
	for i := range heads {
		h := &heads[i]
		row := archive.Row{Key: archive.Key(h.key), Entry: h.entry(nameOf[h.topic], sourceOf[h.source])}
		if h.erased {
			row.Entry.Redacted = true
			if r, known := said[h.key]; known {
				r.ID = row.Entry.ID
				row.Redaction = &r
			}
		} else if err := payloads.fill(&row.Entry, h.block, int(h.slot)); err != nil {
			return nil, err
		}
		rows[h.key] = row
	}
	return rows, nil
}

func (h *head) entry(topic string, from source) fedmsg.Entry {
	e := fedmsg.Entry{
		ID: plain(h.id), Topic: topic, Received: received(h.key, h.nanos), Sender: from.sender, Signer: from.signer, Verdict: from.verdict,
		NotIJSON: from.notIJSON,
	}
	if h.seq != nil {
		e.Position = fedmsg.Position{Log: from.log, Seq: uint64(*h.seq)}
	}
	if h.origin != nil {
		e.Origin = fedmsg.Position{Log: from.originLog, Seq: uint64(*h.origin)}
	}
	return e
}

// loaded is payloads by the blocks and slots that they stand in.
type loaded map[int64][]block.Payload

// payloads reads blocks.
func (s *Store) payloads(ctx context.Context, c reader, blocks []int64) (loaded, error) {
	all := make(loaded, len(blocks))
	if len(blocks) == 0 {
		return all, nil
	}
	var number int64
	var from, slots int16
	var size int32
	var data []byte
	err := scan(ctx, c, func() error {
		if len(all[number]) != int(from) {
			return fmt.Errorf("%w: slot %d of block %d is missing", block.ErrDamaged, len(all[number]), number)
		}
		unpacked, err := s.codec.Unpack(data, int64(size))
		if err != nil {
			return err
		}
		part, err := block.Split(unpacked, int(slots))
		all[number] = append(all[number], part...)
		return err
	}, []any{&number, &from, &slots, &size, &data}, "SELECT block, part, slots, size, data FROM blocks WHERE block = ANY($1) ORDER BY block, part", blocks)
	return all, err
}

// fill gives an entry what stands in a slot.
func (l loaded) fill(e *fedmsg.Entry, number int64, slot int) error {
	slots := l[number]
	if slot < 0 || slot >= len(slots) {
		return fmt.Errorf("%w: slot %d of block %d, which has %d", block.ErrDamaged, slot, number, len(slots))
	}
	e.Envelope = bytes.Clone(slots[slot].Envelope)
	if signatures := slots[slot].Signatures; len(signatures) > 0 {
		e.Signatures = bytes.Clone(signatures)
	}
	return nil
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
