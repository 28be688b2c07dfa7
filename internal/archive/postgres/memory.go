package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// maxRemembered bounds the terms that memory has, and the sources.
const maxRemembered = 1 << 16

// memory is what who writes knows of the database, which most rows need and few rows change. It is emptied when a transaction fails: it
// may have learned what is not there then. Sources are never taken out of the database; a term is when no row has it any more, also by
// another node, which is noticed by who counts it. The store's lock for writing guards it.
type memory struct {
	terms   map[archive.Term]int32
	sources map[source]int32
}

// termNumbers gives terms their numbers; those that are new get one.
func (m *memory) termNumbers(ctx context.Context, tx pgx.Tx, terms []archive.Term) (map[archive.Term]int32, error) {
	numbers := make(map[archive.Term]int32, len(terms)/2)
	var unknown []archive.Term
	for _, t := range terms {
		if n, known := m.terms[t]; known {
			numbers[t] = n
		} else {
			unknown = append(unknown, t)
		}
	}
	learned, err := numbered(ctx, tx, unknown)
	if err != nil {
		return nil, err
	}
	if m.terms == nil || len(m.terms)+len(learned) > maxRemembered {
		m.terms = make(map[archive.Term]int32)
	}
	for t, n := range learned {
		numbers[t] = n
		if t.Kind != archive.KindBoth {
			m.terms[t] = n
		}
	}
	return numbers, nil
}

// sourceNumbers does the same for sources.
func (m *memory) sourceNumbers(ctx context.Context, tx pgx.Tx, sources []source) (map[source]int32, error) {
	numbers := make(map[source]int32, 1)
	for _, s := range sources {
		if _, done := numbers[s]; done {
			continue
		}
		n, known := m.sources[s]
		if !known {
			var err error
			if n, err = sourceNumber(ctx, tx, s); err != nil {
				return nil, err
			}
			if m.sources == nil || len(m.sources) >= maxRemembered {
				m.sources = make(map[source]int32)
			}
			m.sources[s] = n
		}
		numbers[s] = n
	}
	return numbers, nil
}
