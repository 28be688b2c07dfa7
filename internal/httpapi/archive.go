package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Archive is the searchable history; an *archiver.Archiver is one.
type Archive interface {
	// Searcher gives what answers questions, or an error (CodeUnavailable) while that cannot be used.
	Searcher() (*archive.Searcher, error)
	// Await returns nil when the archive has everything up to the position. It fails with CodeBadPosition where that is none of this
	// log, and with CodeTimeout or CodeUnavailable when ctx ends before.
	Await(ctx context.Context, p fedmsg.Position) error
	// Gaps gives the pieces of the log that the archive lacks, in the order of the log.
	Gaps() []fedmsg.Gap
}

// archiveTime bounds the answer to one question, and one page of an export.
const archiveTime = 5 * time.Second

// handleArchive answers GET /v1/messages: a page of what the archive has, or all of it.
func (s *Server) handleArchive(w http.ResponseWriter, r *http.Request, id identity) {
	q, err := parseArchiveRequest(r, id.nobody(), time.Now())
	if err == nil {
		q.query.Filter.Scope = id.read
		if q.export {
			err = s.export(w, r, &q)
		} else {
			err = s.answerPage(w, r, &q)
		}
	}
	if err != nil {
		s.refuseQuestion(w, r, err)
	}
}

// refuseQuestion answers with an error. That a reader has gone is of no concern to the operator.
func (s *Server) refuseQuestion(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.report(err)
	}
	writeError(w, err)
}

// answerPage answers with one page.
func (s *Server) answerPage(w http.ResponseWriter, r *http.Request, q *archiveRequest) error {
	b, err := s.page(r, q)
	if err == nil {
		writeJSON(w, http.StatusOK, b) // a reader who takes it slowly takes nobody's turn
	}
	return err
}

// page gives the answer that has one page.
func (s *Server) page(r *http.Request, q *archiveRequest) ([]byte, error) {
	ctx, cancel := s.asking(r, q.timeout)
	defer cancel()
	searcher, done, err := s.searcher(ctx, q.upTo)
	if err != nil {
		return nil, err
	}
	defer done()
	page, err := searcher.Search(ctx, &q.query)
	if err != nil {
		return nil, s.givenUp(ctx, err)
	}
	b := []byte(`{"messages":[`)
	for i := range page.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendRow(b, &page.Rows[i]); err != nil {
			return nil, err
		}
	}
	b = append(b, `],"next":`...)
	if page.Next == "" {
		b = append(b, "null"...)
	} else {
		b = fedmsg.AppendJSONString(b, string(page.Next))
	}
	b = strconv.AppendBool(append(b, `,"partial":`...), page.Partial)
	if q.count {
		if b, err = appendCount(ctx, b, searcher, &q.query); err != nil {
			return nil, s.givenUp(ctx, err)
		}
	}
	return append(b, '}', '\n'), nil
}

// mostCounted bounds what count=approximate counts.
const mostCounted = 10_000

// appendCount appends how many messages the question has in all.
func appendCount(ctx context.Context, b []byte, searcher *archive.Searcher, q *archive.Query) ([]byte, error) {
	whole := *q
	whole.After = ""
	n, more, err := searcher.Count(ctx, &whole, mostCounted)
	if err != nil {
		return b, err
	}
	count, err := json.Marshal(struct {
		Approximate int  `json:"approximate"`
		More        bool `json:"more"`
	}{n, more})
	return append(append(b, `,"count":`...), count...), err
}

// appendRow appends a row as JSON: its entry, and of a redacted one who erased it and why.
func appendRow(b []byte, row *archive.Row) ([]byte, error) {
	b = row.Entry.AppendJSON(b)
	if row.Redaction == nil {
		return b, nil
	}
	redaction, err := json.Marshal(row.Redaction)
	b = append(b[:len(b)-1], `,"redaction":`...)
	return append(append(b, redaction...), '}'), err
}

// asking is the context of one question. It ends with the request, with its time, and when the server stops.
func (s *Server) asking(r *http.Request, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	stop := context.AfterFunc(s.leaving, cancel)
	return ctx, func() { stop(); cancel() }
}

// givenUp tells of a question that was ended from here, which the store only knows as an end.
func (s *Server) givenUp(ctx context.Context, err error) error {
	switch {
	case !errors.Is(ctx.Err(), context.Canceled):
		return err
	case s.leaving.Err() != nil:
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the node is stopping; ask again when it is back")
	}
	return fedmsg.WrapError(fedmsg.CodeInterrupted, err, "who asked has gone")
}

// searcher gives what answers one question, as soon as it is the question's turn and the archive has everything up to the position.
// The caller calls done when it has its answer.
func (s *Server) searcher(ctx context.Context, upTo fedmsg.Position) (searcher *archive.Searcher, done func(), err error) {
	if s.deps.Archive == nil {
		return nil, nil, noArchive()
	}
	if !upTo.IsZero() {
		if err := s.deps.Archive.Await(ctx, upTo); err != nil {
			return nil, nil, s.givenUp(ctx, err)
		}
	}
	if err := ctx.Err(); err != nil && s.leaving.Err() != nil {
		return nil, nil, s.givenUp(ctx, err)
	}
	select {
	case s.questions <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, s.givenUp(ctx, fedmsg.WrapError(fedmsg.CodeBusy, ctx.Err(), "%d questions to the archive are being answered, and this one had no turn in its time; try again later", cap(s.questions)))
	}
	if searcher, err = s.deps.Archive.Searcher(); err != nil {
		<-s.questions
		return nil, nil, err
	}
	return searcher, func() { <-s.questions }, nil
}
