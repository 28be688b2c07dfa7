package poll

import (
	"context"

	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Preview is what one question came to.
type Preview struct {
	Rows   int                 // in the answer
	Before int                 // rows that were kept
	First  bool                // none were that it can be compared with
	Quiet  bool                // and therefore nothing is published of it
	Count  map[rowset.Kind]int // messages, by what became of the row
}

// Preview asks once, and gives tell each message that would be published now, in order. Nothing is published or kept: it compares in a
// directory of its own, which must be empty. With all, every row is told, as if none had been kept.
func (s *Source) Preview(ctx context.Context, scratch string, all bool, tell func(wire.Carried) error) (Preview, error) {
	store := rowset.Open(scratch, s.c.shape())
	if !all {
		if err := s.store.CopyTo(store); err != nil {
			return Preview{}, err
		}
	}
	kept, err := store.Kept()
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Before: kept.Rows, First: !kept.Known, Count: make(map[rowset.Kind]int)}
	asker := &Source{c: s.c, asker: s.asker, topics: s.topics, limits: s.limits, store: store}
	if all {
		asker.c.First = FirstPublish
	}
	p.Quiet = asker.quiet(kept)
	if _, err = asker.Look(ctx); err != nil {
		return p, err
	}
	p.Rows = asker.numbers.rows
	err = asker.Changes(func(kind rowset.Kind, m wire.Carried) error {
		p.Count[kind]++
		return tell(m)
	})
	return p, err
}
