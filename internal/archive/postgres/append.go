package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Append puts drafts into the database. The rows, all by which they are found, and the position are one transaction.
func (s *Store) Append(ctx context.Context, drafts []archive.Draft, at fedmsg.Position) (archive.Appended, error) {
	done, err := s.append(ctx, drafts, at)
	if errors.Is(err, errForgotten) { // another node erased the last message that had it; the memory is empty now
		done, err = s.append(ctx, drafts, at)
	}
	return done, err
}

func (s *Store) append(ctx context.Context, drafts []archive.Draft, at fedmsg.Position) (done archive.Appended, err error) {
	err = s.write(ctx, "put messages into the archive", func(ctx context.Context, tx pgx.Tx) error {
		fresh, err := unknown(ctx, tx, drafts)
		if err != nil {
			return err
		}
		b := &batch{tx: tx, rows: fresh, filler: filler{codec: s.codec, open: s.open}, memory: &s.memory}
		if len(fresh) > 0 {
			if err := b.write(ctx); err != nil {
				return err
			}
		}
		done = archive.Appended{Stored: len(fresh), Known: len(drafts) - len(fresh)}
		s.open = b.filler.open
		if at.IsZero() {
			return nil
		}
		_, err = tx.Exec(ctx, "INSERT INTO logs (log, seq) VALUES ($1, $2) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq", string(at.Log), int64(at.Seq))
		return err
	})
	if err != nil {
		return archive.Appended{}, err
	}
	return done, nil
}

// Position gives how far the log is in the database.
func (s *Store) Position(ctx context.Context, log fedmsg.LogID) (p fedmsg.Position, err error) {
	err = s.read(ctx, "read how far the archive is", func(ctx context.Context, c reader) error {
		seq, found, err := first[int64](ctx, c, "SELECT seq FROM logs WHERE log = $1", string(log))
		if found {
			p = fedmsg.Position{Log: log, Seq: uint64(seq)}
		}
		return err
	})
	return p, err
}

// fresh is a draft that becomes a row.
type fresh struct {
	*archive.Draft
	hash  digest // of the id
	key   int64
	block int64
	slot  int
}

// unknown gives the drafts whose ids no row has, each id once.
func unknown(ctx context.Context, tx pgx.Tx, drafts []archive.Draft) (all []fresh, err error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	hashes := make([]digest, len(drafts))
	for i := range drafts {
		hashes[i] = digestOf(drafts[i].Entry.ID)
	}
	known := make(map[digest]struct{})
	var hash digest
	if err := scan(ctx, tx, func() error {
		known[hash] = struct{}{}
		return nil
	}, []any{&hash}, "SELECT hash FROM ids WHERE hash = ANY($1)", hashes); err != nil {
		return nil, err
	}
	for i := range drafts {
		if _, is := known[hashes[i]]; !is {
			known[hashes[i]] = struct{}{}
			all = append(all, fresh{Draft: &drafts[i], hash: hashes[i]})
		}
	}
	return all, nil
}

// batch is the rows of one transaction.
type batch struct {
	tx      pgx.Tx
	rows    []fresh
	filler  filler
	memory  *memory
	terms   map[archive.Term]int32
	sources map[source]int32
}

// write writes rows, payloads and all by which they are found.
func (b *batch) write(ctx context.Context) error {
	if err := giveKeys(ctx, b.tx, b.rows); err != nil {
		return err
	}
	if err := b.makeMonths(ctx); err != nil {
		return err
	}
	// In the order of time, so that a block is of a short time, however they came.
	slices.SortFunc(b.rows, func(x, y fresh) int { return cmp.Compare(x.key, y.key) })
	if err := b.number(ctx); err != nil {
		return err
	}
	for i := range b.rows {
		r := &b.rows[i]
		r.block, r.slot = b.filler.add(r.key, block.Payload{Envelope: r.Entry.Envelope, Signatures: r.Entry.Signatures}, r.Words)
	}
	// What the server has no part in is done while it works.
	index := newChanges()
	var counting sync.WaitGroup
	counting.Go(func() { b.count(index) })
	defer counting.Wait()
	defer b.filler.wait()
	if err := b.filler.pack(ctx, b.tx); err != nil {
		return err
	}
	if err := b.copy(ctx); err != nil {
		return err
	}
	if err := b.filler.finish(ctx, b.tx); err != nil {
		return err
	}
	counting.Wait()
	return index.apply(ctx, b.tx)
}

// count notes the rows in index.
func (b *batch) count(index *changes) {
	for i := range b.rows {
		for _, t := range b.rows[i].Terms {
			index.count(t.Kind, b.terms[t], b.rows[i].key, 1)
		}
	}
}

// makeMonths makes the months that are missing. A block of a month that somebody has taken out meanwhile is not gone on with.
func (b *batch) makeMonths(ctx context.Context) error {
	are, err := readPartitions(ctx, b.tx)
	if err != nil {
		return err
	}
	there := are.months
	if !slices.Contains(there, monthOf(b.filler.open.number)) {
		b.filler.open = openBlock{}
	}
	for i := range b.rows {
		m := monthOf(b.rows[i].key)
		if slices.Contains(there, m) {
			continue
		}
		if err := makeMonth(ctx, b.tx, m); err != nil {
			return err
		}
		there = append(there, m)
	}
	return nil
}

// number gives all terms and sources of the rows their numbers.
func (b *batch) number(ctx context.Context) (err error) {
	var terms []archive.Term
	sources := make([]source, 0, 1)
	for i := range b.rows {
		r := &b.rows[i]
		terms = append(terms, archive.Term{Kind: archive.KindTopic, Name: r.Entry.Topic})
		terms = append(terms, r.Terms...)
		sources = append(sources, sourceOf(&r.Entry))
	}
	if b.sources, err = b.memory.sourceNumbers(ctx, b.tx, sources); err != nil {
		return err
	}
	b.terms, err = b.memory.termNumbers(ctx, b.tx, terms)
	return err
}

// copy writes tables messages and ids.
func (b *batch) copy(ctx context.Context) error {
	messages := newCopier("messages", "key, seq, origin_seq, block, nanos, topic, source, slot, erased, id, terms")
	ids := newCopier("ids", "hash, key")
	var terms []int32
	for i := range b.rows {
		r := &b.rows[i]
		messages.row(11)
		messages.int64(r.key)
		messages.seq(r.Entry.Position)
		messages.seq(r.Entry.Origin)
		messages.int64(r.block)
		messages.int64(nanos(r.Entry.Received, r.key))
		messages.int32(b.terms[archive.Term{Kind: archive.KindTopic, Name: r.Entry.Topic}])
		messages.int32(b.sources[sourceOf(&r.Entry)])
		messages.int16(int16(r.slot))
		messages.bool(r.Entry.Redacted)
		messages.text(text(r.Entry.ID))
		terms = terms[:0]
		for _, t := range r.Terms {
			terms = append(terms, b.terms[t])
		}
		messages.int32s(terms)
		ids.row(2)
		ids.bytes(r.hash[:])
		ids.int64(r.key)
	}
	if err := messages.run(ctx, b.tx); err != nil {
		return err
	}
	return ids.run(ctx, b.tx)
}

// seq writes a position's number, or NULL.
func (c *copier) seq(p fedmsg.Position) {
	if p.Log == "" {
		c.null()
		return
	}
	c.int64(int64(p.Seq))
}
