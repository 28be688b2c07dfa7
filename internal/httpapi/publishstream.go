package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// publishStream is one NDJSON publisher. Its handler's goroutine reads lines and submits them; a second goroutine, which
// the first waits for, writes a line for each in the same order. Between them stands a bounded queue of tickets: when the
// publisher does not read its receipts the queue fills, and the node stops reading from it.
type publishStream struct {
	server *Server
	sender fedmsg.Sender
	into   Door
	trace  tracecontext.Context // of the request

	request *http.Request // of which nothing but the head is looked at
	rc      *http.ResponseController
	w       io.Writer
	queue   chan fedmsg.Ticket

	submitting *fuse // of the reader; burnt when the log takes nothing for too long

	// Of the writer until it has ended.
	awaiting *fuse  // burnt when a message does not become durable for too long
	buf      []byte // lines that are to be written
	lost     bool   // an outcome could not be written, or is not known

	mu          sync.Mutex
	interrupted bool // under mu: reading has ended and must not be given more time
}

// publishStream serves one NDJSON publisher until it ends its body, is silent for too long or does not read, or the server
// stops. Whatever ends it, each line that was read to its end gets its outcome as long as the connection takes it.
func (s *Server) publishStream(w http.ResponseWriter, r *http.Request, id identity, into Door) {
	p := &publishStream{
		server: s, sender: id.sender, into: into, trace: traceOf(r), request: r, rc: http.NewResponseController(w), w: w,
		queue: make(chan fedmsg.Ticket, s.cfg.PublishQueue),
		// In the server's patience, not the request's: that one ends when net/http cannot read any more, while what was
		// read still waits for its receipts.
		submitting: newFuse(s.patience, s.cfg.AcceptTimeout), awaiting: newFuse(s.patience, s.cfg.AcceptTimeout),
	}
	defer p.submitting.put()
	defer p.awaiting.put()
	if err := p.rc.EnableFullDuplex(); err != nil {
		refuse(w, r, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read and write at once on this connection"))
		return
	}
	if !s.enter(p) {
		refuse(w, r, fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; try again when it is back"))
		return
	}
	defer s.leave(p)
	w.Header()["Content-Type"] = typeNDJSON
	w.WriteHeader(http.StatusOK)
	p.writeDeadline()
	if p.rc.Flush() != nil { // the publisher may want to see the status before it sends anything
		return
	}
	var writer sync.WaitGroup
	writer.Go(p.writeOutcomes)
	err := p.read(r.Body)
	close(p.queue)
	writer.Wait()
	p.writeDeadline() // for the end of the answer
	if err != nil || p.lost {
		p.interrupt()               // else net/http would wait for the rest of the body first
		panic(http.ErrAbortHandler) // the end of the answer must not look like the end of all receipts
	}
}

// enter notes a publisher for Shutdown, unless that has begun.
func (s *Server) enter(p *publishStream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.publishers[p] = struct{}{}
	s.metrics.publishers.Inc()
	return true
}

func (s *Server) leave(p *publishStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.publishers, p)
	s.metrics.publishers.Dec()
}

// interrupt ends reading; what was read goes on. Any goroutine may call it.
func (p *publishStream) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.interrupted = true
	p.rc.SetReadDeadline(time.Unix(1, 0))
}

// readDeadline gives the publisher time for its next line, unless reading was interrupted.
func (p *publishStream) readDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.interrupted {
		p.rc.SetReadDeadline(time.Now().Add(p.server.cfg.PublishIdleTimeout))
	}
}

func (p *publishStream) writeDeadline() {
	p.rc.SetWriteDeadline(time.Now().Add(p.server.cfg.WriteTimeout))
}

// read submits lines until the body ends. Its error means that the publisher broke off, or that the log takes nothing any
// more: an orderly end, silence and the stop of the server have none.
func (p *publishStream) read(body io.Reader) error {
	lines := newLineReader(body, p.server.cfg.MaxBodyBytes)
	for {
		p.readDeadline()
		batch, err := lines.next()
		if len(batch) > 0 {
			p.submit(batch)
		}
		if hung := p.submitting.ctx.Err(); hung != nil {
			return hung
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		default:
			return err
		}
	}
}

// submit gives lines to the door and their ticket to the writer. A line that was too long to keep is nil, and gets its
// error in its place.
func (p *publishStream) submit(batch [][]byte) {
	for len(batch) > 0 {
		n := 0
		for n < len(batch) && batch[n] != nil {
			n++
		}
		if n > 0 {
			p.submitting.light()
			t := submit(p.submitting.ctx, p.into, p.sender, p.trace, batch[:n]...)
			p.submitting.quench()
			p.queue <- t
			batch = batch[n:]
			continue
		}
		err := fedmsg.Errorf(fedmsg.CodeTooLarge, "the line has more than %d bytes, which is http.max_body_bytes", p.server.cfg.MaxBodyBytes)
		p.server.reportRefusal(p.request, p.sender, err)
		p.queue <- refused{{Err: err}}
		batch = batch[1:]
	}
}

// refused is the ticket of lines that never came to the door.
type refused []fedmsg.Outcome

// Wait gives the outcomes at once.
func (r refused) Wait(context.Context) ([]fedmsg.Outcome, error) { return r, nil }

// writeOutcomes writes what became of each line. It goes on until the queue is closed, also when nobody takes the lines
// any more, so that the reader is never left waiting. Where the fate of a message is not known that is its line, and the
// last one: of those behind it nothing is known either.
func (p *publishStream) writeOutcomes() {
	for t := range p.queue {
		outcomes, err := p.wait(t)
		if p.lost {
			break
		}
		if err != nil {
			p.server.report(err)
			outcomes, p.lost = []fedmsg.Outcome{{Err: err}}, true
		}
		for i := range outcomes {
			p.buf = p.appendOutcome(p.buf, &outcomes[i])
		}
		if p.lost || len(p.queue) == 0 || len(p.buf) >= writeChunk {
			p.flush()
		}
		if p.lost {
			break
		}
	}
	if p.lost {
		p.giveUp()
	}
}

// writeChunk is how many bytes of outcomes are gathered while more are pending.
const writeChunk = 32 << 10

// wait gives the outcomes of t. If they are not there yet, it first lets those go that are: they are of an earlier sync,
// and publishers that wait for them could send their next messages meanwhile.
func (p *publishStream) wait(t fedmsg.Ticket) ([]fedmsg.Outcome, error) {
	if len(p.buf) > 0 {
		if outcomes, err := t.Wait(p.server.ended); err == nil {
			return outcomes, nil
		}
		if p.flush(); p.lost {
			return nil, nil
		}
	}
	p.awaiting.light()
	defer p.awaiting.quench()
	return t.Wait(p.awaiting.ctx)
}

// flush writes the gathered lines, or notes that they are lost.
func (p *publishStream) flush() {
	p.writeDeadline()
	_, err := p.w.Write(p.buf)
	if err == nil {
		err = p.rc.Flush()
	}
	if err != nil {
		p.lost = true
	}
	if p.buf = p.buf[:0]; cap(p.buf) > 4*writeChunk {
		p.buf = nil
	}
}

// giveUp ends reading and lets the rest of the queue go: nobody can be told any more.
func (p *publishStream) giveUp() {
	p.interrupt()
	for range p.queue {
	}
}

// appendOutcome appends the line of one message and counts it.
func (p *publishStream) appendOutcome(b []byte, o *fedmsg.Outcome) []byte {
	p.server.metrics.outcome(o)
	if o.Err != nil {
		b = fedmsg.AppendErrorJSON(b, o.Err)
	} else {
		b = o.Receipt.AppendJSON(b)
	}
	return append(b, '\n')
}
