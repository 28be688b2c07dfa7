package stomp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// session is a sink's connection. Entries are known to the server by their numbers, as the names of their receipts.
type session struct {
	*conn
	sink    *Sink
	answers *deliver.Answers
	over    atomic.Bool   // the end was told, or Close is at work
	ended   chan struct{} // closed when read has ended
}

// Send puts an entry into the buffer, and waits while that is full.
func (n *session) Send(ctx context.Context, e *fedmsg.Entry) error {
	m, err := carry.Split(e, n.sink.form, limits())
	if err != nil {
		return deliver.Permanent(err)
	}
	if m.Lossy { // told before the receipt can come
		n.answers.Remark(e.Position.Seq, "its signatures, or what its envelope has around msg, are longer than STOMP headers can be; it was sent without")
	}
	return n.Append(ctx, func(b []byte) []byte { return n.sink.appendSend(b, e, &m) })
}

// appendSend makes the frame of an entry.
func (s *Sink) appendSend(b []byte, e *fedmsg.Entry, m *carry.Message) []byte {
	destination, exact := s.places.out(m.Topic)
	b = append(b, "SEND\n"...)
	b = appendHeader(b, "destination", destination)
	b = append(b, "receipt:"...)
	b = strconv.AppendUint(b, e.Position.Seq, 10)
	b = append(b, "\ncontent-length:"...)
	b = strconv.AppendInt(b, int64(len(m.Body)), 10)
	b = append(append(b, '\n'), s.fixed...)
	b = appendHeader(b, carry.HeaderID, m.ID)
	if !exact {
		b = appendHeader(b, carry.HeaderTopic, m.Topic)
	}
	for _, h := range m.Headers {
		b = appendHeader(b, h.Name, h.Value)
	}
	room := maxForeign
	for _, h := range carry.MessageHeaders(e.Envelope) {
		size := len(h.Name) + len(h.Value)
		if size <= maxValue && size <= room && harmless(h.Name, s.commands) {
			b = appendHeader(b, h.Name, h.Value)
			room -= size
		}
	}
	return appendBody(b, m.Body)
}

// Flush has what is in the buffer written.
func (n *session) Flush(context.Context) error {
	n.outbox.Flush()
	return nil
}

// Close takes the receipts that still come within a short time, and ends the connection.
func (n *session) Close() error {
	n.over.Store(true)
	return n.leave(func() { <-n.ended })
}

// lost tells the end, once.
func (n *session) lost(err error) {
	if !n.over.Swap(true) {
		n.answers.Lost(err)
	}
}

// read takes the receipts. It ends with the connection, which Close ends at the latest.
func (n *session) read() {
	defer close(n.ended)
	for {
		f, err := n.in.next()
		if err != nil {
			n.lost(n.sink.server.ended(err))
			return
		}
		switch f.command {
		case "RECEIPT":
			if seq, err := strconv.ParseUint(f.get("receipt-id"), 10, 64); err == nil {
				n.answers.Done(seq, nil)
			}
		case "ERROR":
			// Behind it the connection is over: ActiveMQ would go on and take those behind the refused one before it.
			seq, err := strconv.ParseUint(f.get("receipt-id"), 10, 64)
			if err == nil && !n.over.Swap(true) {
				n.answers.Done(seq, f.failure())
			}
			n.lost(f.failure())
			return
		}
	}
}

// ended says in words how a connection ended.
func (s *server) ended(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("nothing was heard of %s for longer than the heart-beats agreed on allow", s.endpoint)
	}
	return fmt.Errorf("the connection with %s has ended: %w", s.endpoint, err)
}
