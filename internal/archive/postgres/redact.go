package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// Redact erases what a message said from the tables. What PostgreSQL keeps of it besides, in its write-ahead log and in rows that nobody
// sees any more, it overwrites in its own time.
func (s *Store) Redact(ctx context.Context, r archive.Redaction) (found bool, err error) {
	err = s.write(ctx, "erase a message from the archive", func(ctx context.Context, tx pgx.Tx) error {
		heads, err := headsOf(ctx, tx, "WHERE key = (SELECT key FROM ids WHERE hash = $1)", digestOf(r.ID))
		if err != nil || len(heads) == 0 {
			return err
		}
		found = true
		if !heads[0].erased {
			if err := s.erase(ctx, tx, &heads[0]); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "INSERT INTO redactions (key, sha256, reason, actor, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
			heads[0].key, text(r.SHA256), text(r.Reason), text(r.By), r.At.UnixNano())
		return err
	})
	return found && err == nil, err
}

// erase takes away the payload of a row, and all by which it is found but topic and category.
func (s *Store) erase(ctx context.Context, tx pgx.Tx, h *head) error {
	var log fedmsg.LogID
	if h.seq != nil {
		text, _, err := first[string](ctx, tx, "SELECT log FROM sources WHERE source = $1", h.source)
		if err != nil {
			return err
		}
		log = fedmsg.LogID(plain(text))
	}
	bare, err := sourceNumber(ctx, tx, source{log: log})
	if err != nil {
		return err
	}
	kinds, err := kindsOf(ctx, tx, h.terms)
	if err != nil {
		return err
	}
	index, kept := newChanges(), []int32{}
	for _, term := range h.terms {
		switch kind := kinds[term]; kind {
		case archive.KindTopic, archive.KindCategory:
			kept = append(kept, term)
		default:
			index.count(kind, term, h.key, -1)
		}
	}
	if _, err := tx.Exec(ctx, "UPDATE messages SET source = $2, origin_seq = NULL, erased = true, terms = $3 WHERE key = $1", h.key, bare, kept); err != nil {
		return err
	}
	if err := s.rewrite(ctx, tx, h.block, map[int]rewritten{int(h.slot): {erased: true}}); err != nil {
		return err
	}
	return index.apply(ctx, tx)
}

// kindsOf gives the kinds of terms that rows have.
func kindsOf(ctx context.Context, c reader, terms []int32) (map[int32]archive.Kind, error) {
	kinds := make(map[int32]archive.Kind, len(terms))
	for _, term := range terms {
		if term < 0 {
			kinds[term] = archive.KindBoth
		}
	}
	var term int32
	var kind int16
	err := scan(ctx, c, func() error {
		kinds[term] = archive.Kind(kind)
		return nil
	}, []any{&term, &kind}, "SELECT term, kind FROM terms WHERE term = ANY($1)", terms)
	return kinds, err
}

// rewritten is what becomes of a slot.
type rewritten struct {
	erased bool     // its payload is taken away
	words  []string // that it has now
}

// rewrite changes slots of a block.
func (s *Store) rewrite(ctx context.Context, tx pgx.Tx, number int64, by map[int]rewritten) error {
	parts, err := readParts(ctx, tx, s.codec, []int64{number})
	if err != nil {
		return err
	}
	for i := range parts {
		p := &parts[i]
		changed, err := p.rewrite(by)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		words, places := index(p.places)
		if _, err := tx.Exec(ctx, "UPDATE blocks SET size = $3, words = $4, places = $5, data = $6 WHERE block = $1 AND part = $2",
			p.block, int16(p.from), int32(len(p.data)), orEmpty(words), orEmpty(places), s.codec.Pack(p.data)); err != nil {
			return err
		}
	}
	return nil
}

// orEmpty is what stands for nothing where NULL must not.
func orEmpty[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// rewrite changes slots of the part, and tells whether it has any of them.
func (p *part) rewrite(by map[int]rewritten) (changed bool, err error) {
	payloads, err := block.Split(nil, p.data, len(p.keys))
	if err != nil {
		return false, err
	}
	var places []place
	var data []byte
	for _, at := range p.places {
		if _, is := by[p.from+at.slot()]; !is {
			places = append(places, at)
		}
	}
	for slot, payload := range payloads {
		now, is := by[p.from+slot]
		if changed = changed || is; is && now.erased {
			payload = block.Payload{}
		}
		for _, word := range now.words {
			places = append(places, placeOf(wordNumber(word), slot))
		}
		data = block.Append(data, payload)
	}
	p.places, p.data = places, data
	return changed, nil
}
