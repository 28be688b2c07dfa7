package amqp

import (
	"context"
	"fmt"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// session is one connection that publishes. Send, Flush and Close are called by the runner, one at a time; a goroutine reads
// what the server tells.
type session struct {
	sink    *Sink
	link    *link
	answers told

	window  window      // what is not confirmed
	closing atomic.Bool // the end is the session's own wish

	progressed bool // something was confirmed; watch's own
	stuck      bool // something was refused before that, and nothing is answered any more; watch's own

	confirms chan amqp.Confirmation
	closes   chan *amqp.Error
	blocked  chan amqp.Blocking
	returns  chan amqp.Return
	reason   error         // why it ended; set before ended is closed
	ended    chan struct{} // closed when watch has returned
}

var _ deliver.Session = (*session)(nil)

// told is who is told what becomes of the entries.
type told interface {
	Done(seq uint64, err error)
	DoneThrough(seq uint64)
	Remark(seq uint64, text string)
	Lost(err error)
}

var _ told = (*deliver.Answers)(nil)

// Send publishes the entry, into a buffer.
func (s *session) Send(ctx context.Context, e *fedmsg.Entry) error {
	p, err := s.sink.publishing(e, s.link.frame)
	if err != nil {
		return deliver.Permanent(err)
	}
	s.window.push(pending{seq: e.Position.Seq, id: p.message.MessageId, remark: p.remark})
	stop := context.AfterFunc(ctx, s.link.abort) // a server that takes nothing would hold the write for ever
	defer stop()
	s.link.wire.hold(true)
	_, err = s.link.channel.PublishWithDeferredConfirm(s.sink.exchange, p.key, s.sink.mandatory, false, p.message)
	s.link.wire.hold(false)
	return s.whole(ctx, err)
}

// Flush sends what is in the buffer.
func (s *session) Flush(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.link.abort)
	defer stop()
	return s.whole(ctx, s.link.wire.flush())
}

// whole ends the session after an error and gives the reason, which the server may have told.
func (s *session) whole(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s.link.abort()
	<-s.ended
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.reason != nil:
		return s.reason
	}
	return broken(&s.sink.server, err)
}

// Close says goodbye. What was not confirmed may have been delivered or not.
func (s *session) Close() error {
	s.closing.Store(true)
	s.link.close()
	<-s.ended
	return nil
}

// watch answers the entries as the server confirms them, until the connection ends.
func (s *session) watch() {
	defer close(s.ended)
	returns, blocked := s.returns, s.blocked
	for {
		select {
		case c, ok := <-s.confirms:
			if !ok || !s.confirmed(c) {
				s.over()
				return
			}
		case r, ok := <-returns:
			if !ok {
				returns = nil
				continue
			}
			s.window.returned(r.MessageId, r.ReplyText)
		case b, ok := <-blocked:
			if !ok {
				blocked = nil
				continue
			}
			s.tellBlocked(b)
		}
	}
}

// over tells the runner that the session is lost, unless that was its own wish or was told already.
func (s *session) over() {
	s.link.abort()
	for range s.confirms { // until the library has let go of the channel
	}
	if s.reason == nil {
		s.reason = broken(&s.sink.server, whyClosed(s.closes))
	}
	if !s.closing.Load() {
		s.answers.Lost(s.reason)
	}
}

// confirmed answers one entry and those behind it whose confirms are there too. It is false when the session cannot go on.
func (s *session) confirmed(c amqp.Confirmation) bool {
	var last uint64 // the newest that is delivered and not told of yet
	defer func() {
		if last > 0 {
			s.answers.DoneThrough(last)
		}
	}()
	for ok := true; ok; {
		s.takeReturns()
		p, err := s.window.pop(c.DeliveryTag)
		if err == nil && !c.Ack {
			err = s.refused(p)
		}
		if err != nil {
			s.reason = broken(&s.sink.server, err)
			return false
		}
		if s.stuck {
			return true
		}
		if text := s.judge(p); text != "" {
			s.answers.DoneThrough(p.seq)
			s.answers.Remark(p.seq, text)
		}
		last, s.progressed = p.seq, true
		select {
		case c, ok = <-s.confirms:
		default:
			return true
		}
	}
	return false
}

// refused looks at an entry that the server could not take, as where a queue is full. The session ends, and the next one tries
// again at once, if the server has taken anything in this one. Else nothing more is told: no entry is at fault, and the runner
// tries again when it has waited for the answer.
func (s *session) refused(p pending) error {
	if s.progressed {
		return fmt.Errorf("the server could not take the entry %d (it sent a nack, as for a queue that is full)", p.seq)
	}
	if !s.stuck {
		s.sink.logger.Warn("the server takes nothing: a nack, as for a queue that is full", "to", s.sink.endpoint.String(), "seq", p.seq)
	}
	s.stuck = true
	return nil
}

// judge answers an entry that is given up, and gives what is to be remarked of any other.
func (s *session) judge(p pending) string {
	switch {
	case p.returned == "":
		return p.remark
	case s.sink.giveUp:
		s.answers.Done(p.seq, deliver.Permanent(fedmsg.Errorf(fedmsg.CodeNotFound,
			"the server gave it back (%s): no queue is bound to its topic; bind one, then retry it", p.returned)))
		return ""
	}
	return "the server gave it back (" + p.returned + "): no queue is bound to its topic, nobody gets it"
}

// takeReturns reads what was given back before the confirm at hand, which the server sends in that order.
func (s *session) takeReturns() {
	for {
		select {
		case r, ok := <-s.returns:
			if !ok {
				return
			}
			s.window.returned(r.MessageId, r.ReplyText)
		default:
			return
		}
	}
}

// tellBlocked tells the operator that the server takes nothing, as when its memory or disk is short, or does again.
func (s *session) tellBlocked(b amqp.Blocking) {
	if b.Active {
		s.sink.logger.Warn("the server takes nothing for now", "to", s.sink.endpoint.String(), "reason", b.Reason)
		return
	}
	s.sink.logger.Info("the server takes messages again", "to", s.sink.endpoint.String())
}

// whyClosed gives what ended a channel of AMQP, which has ended.
func whyClosed(closes <-chan *amqp.Error) error {
	if err := <-closes; err != nil {
		return err
	}
	return amqp.ErrClosed
}
