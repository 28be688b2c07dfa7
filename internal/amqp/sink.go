package amqp

import (
	"context"
	"log/slog"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// Sink publishes entries to an exchange. It is immutable.
type Sink struct {
	server
	name      string // of the connections
	logger    *slog.Logger
	mandatory bool // the server gives back what nobody is bound to
	giveUp    bool // and it goes to the dead letters
}

var _ deliver.Sink = (*Sink)(nil)

// confirmBuffer is how many confirms wait for the session; behind that they hold up the reading of the connection.
const confirmBuffer = 256

// Open connects, looks after the exchange and asks for confirms.
func (s *Sink) Open(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	n, err := s.open(ctx, answers)
	if err != nil {
		return nil, err // not a session that is nil
	}
	return n, nil
}

func (s *Sink) open(ctx context.Context, answers told) (*session, error) {
	l, err := s.dial(ctx, s.name, false)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, l.abort)
	err = s.prepareExchange(l.channel)
	if err == nil {
		err = l.channel.Confirm(false)
	}
	if stop(); err != nil {
		l.abort()
		return nil, unreachable(&s.server, err)
	}
	n := &session{
		sink: s, link: l, answers: answers, ended: make(chan struct{}),
		confirms: l.channel.NotifyPublish(make(chan amqp.Confirmation, confirmBuffer)),
		closes:   l.channel.NotifyClose(make(chan *amqp.Error, 1)),
		blocked:  l.connection.NotifyBlocked(make(chan amqp.Blocking, 1)),
		returns:  l.channel.NotifyReturn(make(chan amqp.Return, 1)),
	}
	go n.watch() // ends with the connection; Close waits for it
	return n, nil
}
