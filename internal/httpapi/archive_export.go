package httpapi

import (
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// exporting is an export under way. It belongs to the goroutine of its request.
type exporting struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	q     *archiveRequest
	left  int64 // rows that may still be written; below zero without end
	begun bool  // the head of the answer was written
	buf   []byte
}

// export answers with all rows of a question, one a line, page by page: each has the time of a question. An error means that nothing
// was answered; one that comes later is the last line, and the answer breaks off behind it.
func (s *Server) export(w http.ResponseWriter, r *http.Request, q *archiveRequest) error {
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return fedmsg.Errorf(fedmsg.CodeBusy, "%d exports are under way, which is http.max_exports; try again later", cap(s.exports))
	}
	e := &exporting{s: s, w: w, r: r, q: q, left: q.most}
	if q.most == 0 {
		e.left = -1
	}
	if r.Method == http.MethodHead {
		e.head()
		return nil
	}
	for {
		page, err := e.page()
		if err == nil {
			err = e.write(&page)
		}
		if err != nil && !e.begun {
			return err
		}
		if err != nil {
			if r.Context().Err() == nil { // else nobody is left to be told
				s.report(err)
			}
			_ = e.send(append(fedmsg.AppendErrorJSON(e.buf[:0], err), '\n'))
			panic(http.ErrAbortHandler) // else the answer would look whole
		}
		if page.Next == "" || e.left == 0 {
			return nil
		}
		q.query.After, q.upTo = page.Next, fedmsg.Position{}
	}
}

// page gets the next rows.
func (e *exporting) page() (archive.Page, error) {
	ctx, cancel := e.s.asking(e.r, e.q.timeout)
	defer cancel()
	if e.left > 0 {
		e.q.query.Limit = int(min(e.left, archive.MaxLimit))
	}
	return e.s.askArchive(ctx, &e.q.query, e.q.upTo)
}

// exportPiece is how many bytes of an export are written at once.
const exportPiece = 256 << 10

// write sends the rows of a page. Where it has none a line tells the reader that the search goes on, and from where it could.
func (e *exporting) write(page *archive.Page) (err error) {
	e.head()
	b := e.buf[:0]
	for i := range page.Rows {
		if b, err = appendRow(b, &page.Rows[i]); err != nil {
			return err
		}
		b = append(b, '\n')
		if len(b) >= exportPiece {
			if err := e.send(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if e.left > 0 {
		e.left -= int64(len(page.Rows))
	}
	if len(page.Rows) == 0 && page.Next != "" {
		b = append(fedmsg.AppendJSONString(append(b, `{"progress":{"next":`...), string(page.Next)), "}}\n"...)
	}
	e.buf = b
	return e.send(b)
}

// head begins the answer.
func (e *exporting) head() {
	if !e.begun {
		e.begun = true
		e.w.Header()["Content-Type"] = typeNDJSON
		e.w.WriteHeader(http.StatusOK)
	}
}

// send writes and waits for as long as a reader may take.
func (e *exporting) send(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	rc := http.NewResponseController(e.w)
	_ = rc.SetWriteDeadline(time.Now().Add(e.s.cfg.WriteTimeout))
	_, err := e.w.Write(b)
	if err == nil {
		err = rc.Flush()
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInterrupted, err, "the reader of the export has gone")
	}
	return nil
}
