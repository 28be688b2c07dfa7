package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// outline is about how many rows there are, and when.
type outline struct {
	rows           int64
	oldest, newest archive.Key
	partitions
}

// outlineTime is how old an outline may be.
const outlineTime = time.Second

func readOutline(ctx context.Context, c reader) (is outline, err error) {
	err = scan(ctx, c, func() error { return nil }, []any{&is.rows, &is.oldest, &is.newest}, `SELECT
		(SELECT coalesce(sum(count), 0)::bigint FROM terms WHERE kind = 1),
		coalesce((SELECT key FROM messages ORDER BY key LIMIT 1), 0), coalesce((SELECT key FROM messages ORDER BY key DESC LIMIT 1), 0)`)
	if err == nil {
		is.partitions, err = readPartitions(ctx, c)
	}
	return is, err
}

// outlined runs f with an outline, and again with one of now where the months are others by then.
func (s *Store) outlined(ctx context.Context, what string, f func(ctx context.Context, c reader, is *outline) error) error {
	return s.read(ctx, what, func(ctx context.Context, c reader) error {
		is, err := s.outline.get(ctx, c, outlineTime, readOutline)
		if err != nil {
			return err
		}
		for range mostOutlines {
			if err = f(ctx, c, &is); !othersThere(err) {
				return err
			}
			if is, err = s.outline.get(ctx, c, 0, readOutline); err != nil {
				return err
			}
		}
		return f(ctx, c, &is)
	})
}

// mostOutlines bounds how often the months may change under one question.
const mostOutlines = 8

// othersThere reports whether an error is that of months which have come or gone.
func othersThere(err error) bool {
	said, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, errMonths) || ok && said.Code == codeNoTable
}

// pieces cuts a window into pieces, in its order, each longer than the one before: so that what is common is found without looking at
// all time, and what is rare with few questions. What nobody knew of when the outline was made is in the pieces too.
type pieces struct {
	left   archive.Window
	is     *outline
	length archive.Key // of the next piece
}

// piecesOf begins with a piece in which there are about so many rows.
func piecesOf(w archive.Window, is *outline, rows float64) *pieces {
	span := float64(is.newest-is.oldest) + 1
	length := span * rows / float64(max(1, is.rows))
	return &pieces{left: w, is: is, length: archive.Key(min(max(length, float64(time.Second/time.Microsecond)), span))}
}

// next gives the next piece; false where there is none.
func (s *pieces) next() (piece archive.Window, more bool) {
	piece = s.left
	if s.left.From >= s.left.To {
		return piece, false
	}
	if s.left.Newest {
		if from := min(s.left.To, s.is.newest+1) - s.length; from > max(s.left.From, s.is.oldest) {
			piece.From = from
		}
		s.left.To = piece.From
	} else {
		if to := max(s.left.From, s.is.oldest) + s.length; to < min(s.left.To, s.is.newest) {
			piece.To = to
		}
		s.left.From = piece.To
	}
	s.length *= growth
	return piece, true
}

// growth is by how much a piece is longer than the one before.
const growth = 4

// found tells how many rows were found in the last piece, of those that are wanted. Where some were, the next piece is as long as will
// do, by all that is known.
func (s *pieces) found(rows, wanted int) {
	if rows > 0 && rows < wanted {
		enough := float64(s.length) / growth * 1.5 * float64(wanted-rows) / float64(rows)
		s.length = archive.Key(min(max(enough, float64(time.Second/time.Microsecond)), float64(s.length)))
	}
}
