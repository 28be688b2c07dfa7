package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/tools/bench/history"
)

// barePostgres fills the tables of an archive by COPY and nothing else: messages, ids, payloads with their words, and the terms that are
// new, in one transaction for each batch. It looks for nothing, and leaves out the numbers of messages by hour and day, which no COPY
// can raise.
type barePostgres struct {
	c       *pgx.Conn
	encoder *zstd.Encoder
	terms   map[archive.Term]int32
}

// copiedSlots is how many payloads a row of blocks has, as in the store.
const copiedSlots = 8

func (k *postgresKind) bare(ctx context.Context, b *bench, name string) (bareArchive, error) {
	store, err := k.open(ctx, b, name) // makes the tables
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		return nil, err
	}
	p := &barePostgres{terms: make(map[archive.Term]int32)}
	if p.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	if p.c, err = k.connect(ctx, database(name)); err != nil {
		return nil, err
	}
	if _, err = p.c.Exec(ctx, "SET search_path = fedmsg"); err != nil {
		return p, err
	}
	for at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(history.End); at = at.AddDate(0, 1, 0) {
		for _, table := range []string{"messages", "blocks"} {
			if _, err := p.c.Exec(ctx, fmt.Sprintf("CREATE TABLE %s_%s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)", table, at.Format("200601"), table,
				at.UnixMicro(), at.AddDate(0, 1, 0).UnixMicro())); err != nil {
				return p, err
			}
		}
	}
	_, err = p.c.Exec(ctx, "INSERT INTO sources (hash, log, sender, signer, verdict, origin_log, not_ijson) VALUES (gen_random_uuid(), '', '', '', '', '', false)")
	return p, err
}

func (p *barePostgres) close() error { return p.c.Close(context.Background()) }

func (p *barePostgres) append(ctx context.Context, _ int, drafts []archive.Draft) error {
	return pgx.BeginFunc(ctx, p.c, func(tx pgx.Tx) error {
		var messages, ids, blocks, terms [][]any
		for all := range slices.Chunk(drafts, copiedSlots) {
			first := all[0].Entry.Received.UnixMicro()
			blocks = append(blocks, p.block(first, all))
			for slot := range all {
				d := &all[slot]
				var numbers []int32
				for _, t := range d.Terms {
					n, known := p.terms[t]
					if !known {
						n = int32(len(p.terms) + 1)
						p.terms[t] = n
						terms = append(terms, []any{n, int16(t.Kind), int64(1), digest(string(rune(t.Kind)) + t.Name), printable(t.Name)})
					}
					numbers = append(numbers, n)
				}
				e, key := &d.Entry, d.Entry.Received.UnixMicro()
				messages = append(messages, []any{key, int64(e.Position.Seq), nil, first, int64(0), numbers[0], int32(1), int16(slot), false, e.ID, numbers})
				ids = append(ids, []any{digest(e.ID), key})
			}
		}
		at := drafts[len(drafts)-1].Entry.Position
		for _, t := range []struct {
			table   string
			columns []string
			rows    [][]any
		}{
			{"terms", []string{"term", "kind", "count", "hash", "name"}, terms},
			{"messages", []string{"key", "seq", "origin_seq", "block", "nanos", "topic", "source", "slot", "erased", "id", "terms"}, messages},
			{"ids", []string{"hash", "key"}, ids},
			{"blocks", []string{"block", "part", "slots", "size", "first", "last", "keys", "words", "places", "data"}, blocks},
		} {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return fmt.Errorf("COPY %s: %w", t.table, err)
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO logs (log, seq) VALUES ($1, $2) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq", string(at.Log), int64(at.Seq))
		return err
	})
}

func digest(text string) [16]byte {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:16])
}

// printable is a name without the NUL that is between a user and a package, which no text in PostgreSQL has.
func printable(name string) string {
	b := []byte(name)
	for i := range b {
		if b[i] == 0 {
			b[i] = ' '
		}
	}
	return string(b)
}

// block is a row of table blocks.
func (p *barePostgres) block(number int64, all []archive.Draft) []any {
	var data, places []byte
	var keys []int64
	slots := make(map[int32]uint32) // by word
	for slot := range all {
		e := &all[slot].Entry
		data = append(binary.AppendUvarint(data, uint64(len(e.Envelope))), e.Envelope...)
		data = append(binary.AppendUvarint(data, uint64(len(e.Signatures))), e.Signatures...)
		keys = append(keys, e.Received.UnixMicro())
		for _, w := range all[slot].Words {
			h := fnv.New32a()
			_, _ = h.Write([]byte(w))
			slots[int32(h.Sum32())] |= 1 << slot
		}
	}
	words := slices.Sorted(maps.Keys(slots))
	for _, w := range words {
		if set := slots[w]; bits.OnesCount32(set) == 1 {
			places = append(places, byte(bits.TrailingZeros32(set)))
		} else {
			places = binary.LittleEndian.AppendUint32(append(places, 255), set)
		}
	}
	return []any{number, int16(0), int16(len(all)), int32(len(data)), keys[0], keys[len(keys)-1], keys, words, places, p.encoder.EncodeAll(data, nil)}
}
