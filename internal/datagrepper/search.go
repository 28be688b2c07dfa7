package datagrepper

import (
	"context"
	"strconv"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// mostCounted bounds the rows that are counted behind a page.
const mostCounted = 10_000

// found is a page and what is known of the rest.
type found struct {
	rows    []archive.Row
	before  int            // rows of the pages before, and behind
	behind  int            // those that were counted
	more    bool           // there are more behind
	partial bool           // the deadline came before the page was whole
	next    archive.Cursor // goes on behind the page; empty where nothing can be there
}

// answerSearch answers /raw and /v2/search.
func (h *Handler) answerSearch(ctx context.Context, s *archive.Searcher, q *request, scope []fedmsg.Pattern) ([]byte, error) {
	query, err := q.query(scope)
	if err != nil {
		return nil, err
	}
	f, err := h.search(ctx, s, query, (q.page-1)*q.rows, q.rows)
	if err != nil {
		return nil, err
	}
	total := f.before + len(f.rows) + f.behind
	b := q.appendArguments([]byte(`{"arguments":`))
	b = strconv.AppendInt(append(b, `,"count":`...), int64(len(f.rows)), 10)
	b = strconv.AppendInt(append(b, `,"pages":`...), int64((total+q.rows-1)/q.rows), 10)
	b = append(b, `,"raw_messages":[`...)
	for i := range f.rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = q.appendMessage(b, &f.rows[i])
	}
	b = strconv.AppendInt(append(b, `],"total":`...), int64(total), 10)
	if f.more {
		b = append(b, `,"approximate":true`...)
	}
	if f.partial {
		b = append(b, `,"partial":true`...)
	}
	if f.next != "" {
		b = fedmsg.AppendJSONString(append(b, `,"cursor":`...), string(f.next))
	}
	return append(b, '}'), nil
}

// search passes over the pages before, gets the page, and counts what lies behind.
func (h *Handler) search(ctx context.Context, s *archive.Searcher, q archive.Query, skip, rows int) (f found, err error) {
	for f.before < skip || len(f.rows) < rows {
		q.Limit = min(skip-f.before, archive.MaxLimit)
		if f.before == skip {
			q.Limit = rows - len(f.rows)
		}
		page, err := s.Search(ctx, &q)
		if err != nil {
			return f, err
		}
		if f.before < skip {
			f.before += len(page.Rows)
		} else {
			f.rows = append(f.rows, page.Rows...)
		}
		if q.After, f.next = page.Next, page.Next; page.Partial {
			f.partial, f.more = true, true
			return f, nil
		}
		if f.next == "" {
			return f, nil
		}
	}
	counting, cancel := context.WithTimeout(ctx, h.CountTime)
	defer cancel()
	q.Limit = archive.MaxLimit
	f.behind, f.more, err = s.Count(counting, &q, mostCounted)
	return f, err
}

// answerID answers /id and /v2/id.
func answerID(ctx context.Context, s *archive.Searcher, q *request, scope []fedmsg.Pattern) ([]byte, error) {
	query := archive.Query{IDs: []string{q.id}, Limit: 1}
	query.Filter.Scope = scope
	page, err := s.Search(ctx, &query)
	switch {
	case err != nil:
		return nil, err
	case len(page.Rows) > 0:
		return q.appendMessage(nil, &page.Rows[0]), nil
	case page.Partial:
		return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "the archive did not answer in time whether it has the message")
	}
	return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "not_found") // the very word that clients know
}
