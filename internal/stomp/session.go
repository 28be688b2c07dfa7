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

// session is a sink's connection. What the server gives its receipts for has an entry's number as its name.
type session struct {
	*conn
	sink    *Sink
	answers *deliver.Answers
	over    atomic.Bool   // the end was told, or Close is at work
	ended   chan struct{} // closed when read has ended
	group   *group        // for ActiveMQ, else nil: a receipt for each message
}

// Send puts an entry into the buffer, and waits while that is full, or while what was flushed before has to be answered first.
func (n *session) Send(ctx context.Context, e *fedmsg.Entry) error {
	m, err := carry.Split(e, n.sink.form, limits())
	if err != nil {
		return deliver.Permanent(err)
	}
	if m.Lossy { // told before the receipt can come
		n.answers.Remark(e.Position.Seq, "its signatures, or what its envelope has around msg, are longer than STOMP headers can be; it was sent without")
	}
	if n.group != nil {
		return n.add(ctx, outgoing{e, &m})
	}
	return n.Append(ctx, func(b []byte) []byte { return n.sink.appendSend(b, "receipt", e.Position.Seq, outgoing{e, &m}) })
}

// outgoing is an entry with what it is made of on its way.
type outgoing struct {
	entry   *fedmsg.Entry
	message *carry.Message
}

// appendSend makes the frame of an entry. It has a number under a name.
func (s *Sink) appendSend(b []byte, name string, number uint64, o outgoing) []byte {
	m := o.message
	destination, exact := s.places.out(m.Topic)
	b = append(b, "SEND\n"...)
	b = appendHeader(b, "destination", destination)
	b = append(append(b, name...), ':')
	b = strconv.AppendUint(b, number, 10)
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
	for _, h := range carry.MessageHeaders(o.entry.Envelope) {
		size := len(h.Name) + len(h.Value)
		if size <= maxValue && size <= room && harmless(h.Name, s.commands) {
			b = appendHeader(b, h.Name, h.Value)
			room -= size
		}
	}
	return appendBody(b, m.Body)
}

// Flush has what is in the buffer written.
func (n *session) Flush(ctx context.Context) error {
	if n.group != nil {
		if err := n.end(ctx); err != nil {
			return err
		}
	}
	n.outbox.Flush()
	return nil
}

// Close takes the receipts that still come within a short time, and ends the connection.
func (n *session) Close() error {
	silent := !n.over.Swap(true)
	err := n.leave(func() { <-n.ended })
	if silent && n.group != nil {
		n.unheard()
	}
	return err
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
			seq, err := strconv.ParseUint(f.get("receipt-id"), 10, 64)
			switch {
			case err != nil: // of nothing that was asked for
			case n.group != nil:
				n.answered(seq)
				n.answers.DoneThrough(seq)
			default:
				n.answers.Done(seq, nil)
			}
		case "ERROR":
			// Nobody can say whether it is an entry's fault or the server's: those that name an entry are of both kinds. And behind
			// it the connection is over: ActiveMQ would go on, and take those behind the refused one before it.
			n.lost(n.reason(f))
			return
		}
	}
}

// reason is what an ERROR says. Of one about a COMMIT the reason is another that ActiveMQ sends about a SEND, before it or behind.
func (n *session) reason(f *frame) error {
	if about, ok := f.lookup("receipt-id"); !ok || n.group == nil || n.group.isSingle(about) {
		return f.failure()
	}
	n.live.turn(leaving)
	for {
		other, err := n.in.next()
		if err != nil {
			return f.failure()
		}
		if _, commit := other.lookup("receipt-id"); other.command == "ERROR" && !commit {
			return other.failure()
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
