package amqp

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

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
		why := whyClosed(s.closes)
		if s.reason = broken(&s.sink.server, why); isOfServer(why) {
			s.reason = deliver.NotNow(s.reason)
		}
	}
	if !s.closing.Load() {
		s.answers.Lost(s.reason)
	}
}

// isOfServer reports whether no entry is at fault for the end: the exchange is gone, or the server's operator, or its own end, ended
// the connection.
func isOfServer(why error) bool {
	told, ok := errors.AsType[*amqp.Error](why)
	return ok && (told.Code == amqp.NotFound || told.Code == amqp.ConnectionForced)
}

// confirmed answers one entry and those behind it whose confirms are there too. It is false when the session cannot go on.
//
// The confirms say whose turn it is, and not what the answer is: where RabbitMQ refuses one before it has those before it on disk, and
// acknowledges these later together with those behind (multiple), the library gives an ack for the refused one as well.
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
		if err == nil && !p.answer.Acked() {
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
