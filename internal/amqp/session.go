package amqp

import (
	"context"
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
	confirm, err := s.link.channel.PublishWithDeferredConfirm(s.sink.exchange, p.key, s.sink.mandatory, false, p.message)
	s.link.wire.hold(false)
	if err != nil {
		s.window.published(nil)
		return s.whole(ctx, err)
	}
	s.window.published(confirm)
	return nil
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
