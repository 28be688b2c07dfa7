package archive

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg"
)

// Searcher answers questions over a store. It may be used by many goroutines.
type Searcher struct {
	store Reader
}

// NewSearcher makes one.
func NewSearcher(s Reader) *Searcher { return &Searcher{store: s} }

// Search answers a question by the deadline of ctx. An error is that of a bad question (CodeBadRequest) or of the store
// (CodeUnavailable); running out of time is neither.
func (s *Searcher) Search(ctx context.Context, q *Query) (Page, error) {
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	r, err := s.begin(ctx, q)
	if r == nil {
		return Page{}, err
	}
	var page Page
	bytes := 0
	r.page = q.Limit
	for err == nil && len(page.Rows) < q.Limit && bytes < MaxPageBytes {
		var row *Row
		if row, err = r.next(ctx); row == nil {
			break
		}
		page.Rows = append(page.Rows, *row)
		bytes += len(row.Entry.Envelope) + len(row.Entry.Signatures)
	}
	if err != nil && !outOfTime(ctx, err) {
		return Page{}, ended(ctx, err)
	}
	page.Partial = err != nil
	if page.Partial || !r.ended() {
		page.Next = CursorBehind(r.seen, r.window.Newest)
	}
	return page, nil
}

// Each gives all rows of a question without its Limit, until yield says no; for exports and streams. A row is the callee's. A
// deadline ends it with an error.
func (s *Searcher) Each(ctx context.Context, q *Query, yield func(*Row) bool) error {
	all := *q
	all.Limit = MaxLimit
	if err := all.Validate(); err != nil {
		return err
	}
	r, err := s.begin(ctx, &all)
	if err != nil {
		return ended(ctx, err)
	}
	for {
		row, err := r.next(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		if row == nil || !yield(row) {
			return nil
		}
	}
}

// Count counts the rows of a question up to a bound, and says whether there are more. There may be more also where the deadline
// of ctx came first.
func (s *Searcher) Count(ctx context.Context, q *Query, most int) (n int, more bool, err error) {
	err = s.Each(ctx, q, func(*Row) bool {
		if n == most {
			more = true
			return false
		}
		n++
		return true
	})
	if outOfTime(ctx, err) {
		return n, true, nil
	}
	return n, more, err
}

// outOfTime reports whether an error is that of the deadline.
func outOfTime(ctx context.Context, err error) bool {
	return err != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded))
}

// ended gives the deadline and the caller's end their codes.
func ended(ctx context.Context, err error) error {
	switch {
	case outOfTime(ctx, err):
		return fedmsg.WrapError(fedmsg.CodeTimeout, err, "the archive did not give all messages in time; ask for less, or for a shorter time")
	case errors.Is(ctx.Err(), context.Canceled):
		return fedmsg.WrapError(fedmsg.CodeInterrupted, err, "the question to the archive was given up")
	}
	return err
}
