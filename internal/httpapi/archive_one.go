package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// handleLatest answers GET /v1/latest with the newest message of those that are asked for.
func (s *Server) handleLatest(w http.ResponseWriter, r *http.Request, id identity) {
	row, err := s.latest(r, &id)
	if err == nil {
		err = writeRow(w, &row)
	}
	if err != nil {
		s.refuseQuestion(w, r, err)
	}
}

func (s *Server) latest(r *http.Request, id *identity) (row archive.Row, err error) {
	p := newQuestion(r.URL.RawQuery, time.Now())
	q, timeout, upTo := p.wanted(id.nobody()), p.timeout(), p.position("min_position")
	if err := p.end(); err != nil {
		return row, err
	}
	q.Filter.Scope, q.Limit = id.read, 1
	if err := q.Validate(); err != nil {
		return row, err
	}
	ctx, cancel := s.asking(r, timeout)
	defer cancel()
	page, err := s.askArchive(ctx, &q, upTo)
	switch {
	case err != nil:
		return row, err
	case len(page.Rows) > 0:
		return page.Rows[0], nil
	case page.Partial:
		return row, fedmsg.Errorf(fedmsg.CodeTimeout, "no such message was found in the time there was, and not all were looked at; ask for less, or page through GET /v1/messages")
	}
	return row, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no such message here, or you may not read its topic")
}

// askArchive gets one page.
func (s *Server) askArchive(ctx context.Context, q *archive.Query, upTo fedmsg.Position) (archive.Page, error) {
	searcher, done, err := s.searcher(ctx, upTo)
	if err != nil {
		return archive.Page{}, err
	}
	defer done()
	page, err := searcher.Search(ctx, q)
	if err != nil {
		err = s.givenUp(ctx, err)
	}
	return page, err
}

// findArchived looks in the archive for a message that the log does not have. Without an archive there is none.
func (s *Server) findArchived(r *http.Request, want string, id *identity) (row archive.Row, found bool, err error) {
	if s.deps.Archive == nil {
		return row, false, nil
	}
	ctx, cancel := s.asking(r, archiveTime)
	defer cancel()
	page, err := s.askArchive(ctx, &archive.Query{Filter: filter.Filter{Scope: id.read}, IDs: []string{want}, Limit: 1}, fedmsg.Position{})
	switch {
	case err != nil:
		return row, false, err
	case len(page.Rows) > 0:
		return page.Rows[0], true, nil
	case page.Partial:
		return row, false, fedmsg.Errorf(fedmsg.CodeTimeout, "the archive did not answer in time whether it has the message")
	}
	return row, false, nil
}

// writeRow answers with one row.
func writeRow(w http.ResponseWriter, row *archive.Row) error {
	b, err := appendRow(make([]byte, 0, len(row.Entry.Envelope)+512), row)
	if err == nil {
		writeJSON(w, http.StatusOK, append(b, '\n'))
	}
	return err
}
