package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// exporting is an export under way. It belongs to the goroutine of its request.
type exporting struct {
	s     *Server
	w     http.ResponseWriter
	begun bool // the head of the answer was written
	buf   []byte
}

// export answers with all rows of a question, one a line, page by page: each has the time of a question. While one is written the
// next is looked for. An error means that nothing was answered; one that comes later is the last line, and the answer breaks off
// behind it.
func (s *Server) export(w http.ResponseWriter, r *http.Request, q *archiveRequest) error {
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return fedmsg.Errorf(fedmsg.CodeBusy, "%d exports are under way, which is http.max_exports; try again later", cap(s.exports))
	}
	e := &exporting{s: s, w: w}
	if r.Method == http.MethodHead {
		e.head()
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	pages := exportPages{s: s, r: r.WithContext(ctx), q: *q, left: q.most}
	if q.most == 0 {
		pages.left = -1
	}
	defer pages.end()
	defer cancel()
	for pages.begin(); ; {
		page, err := pages.next()
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
		if !pages.under {
			return nil
		}
	}
}

// exportPages gets the pages of an export, one ahead. It belongs to the goroutine of the request, and has one of its own while a page
// is under way.
type exportPages struct {
	s     *Server
	r     *http.Request
	q     archiveRequest
	left  int64 // rows that may still be asked for; below zero without end
	under bool  // a page is under way
	got   chan exportPage
}

// exportPage is a page, or why there is none.
type exportPage struct {
	page archive.Page
	err  error
}

// begin looks for the page that the question stands before.
func (p *exportPages) begin() {
	q := p.q
	if p.left > 0 {
		q.query.Limit = int(min(p.left, archive.MaxLimit))
	}
	got := make(chan exportPage, 1)
	p.got, p.under = got, true
	go func() {
		ctx, cancel := p.s.asking(p.r, q.timeout)
		defer cancel()
		page, err := p.s.askArchive(ctx, &q.query, q.upTo)
		got <- exportPage{page, err}
	}()
}

// next waits for the page that is under way, and looks for the one behind it where there may be one.
func (p *exportPages) next() (archive.Page, error) {
	x := <-p.got
	p.under = false
	if x.err != nil {
		return x.page, x.err
	}
	if p.left > 0 {
		p.left -= int64(len(x.page.Rows))
	}
	if x.page.Next != "" && p.left != 0 {
		p.q.query.After, p.q.upTo = x.page.Next, fedmsg.Position{}
		p.begin()
	}
	return x.page, nil
}

// end waits for the page that is under way.
func (p *exportPages) end() {
	if p.under {
		<-p.got
		p.under = false
	}
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
