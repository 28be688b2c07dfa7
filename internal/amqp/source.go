package amqp

import (
	"context"
	"errors"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/internal/receive"
)

// Source takes messages from a queue. It is immutable.
type Source struct {
	server
	name     string // of the connections
	logger   *slog.Logger
	queue    queue
	prefetch int // messages that the server sends ahead of their acknowledgement
}

var _ receive.Source = (*Source)(nil)

// maxBatch bounds what is handed in at once.
const maxBatch = 128

// Run takes messages until the connection ends, which is also where the queue is deleted.
func (s *Source) Run(ctx context.Context, in *receive.Intake) error {
	l, err := s.dial(ctx, s.name, true)
	if err != nil {
		return err
	}
	defer l.close()
	c, err := s.consume(ctx, l)
	if err != nil {
		return unreachable(&s.server, err)
	}
	a := newAcker(l.channel)
	defer func() {
		_ = l.wire.SetWriteDeadline(time.Now().Add(closeTime)) // a server that takes nothing takes no acknowledgement either
		a.stop()
	}()
	in.Connected()
	for {
		items, bytes, ok := s.gather(ctx, c.deliveries, a)
		if len(items) > 0 {
			if err := in.Submit(ctx, items...); err != nil {
				return err
			}
			l.inlet.handedOn(bytes)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !ok {
			return broken(&s.server, c.why())
		}
	}
}

// consumer is what a source hears from the server.
type consumer struct {
	deliveries <-chan amqp.Delivery
	cancels    <-chan string
	closes     <-chan *amqp.Error
}

// errQueueGone tells that the server takes the queue away, as where it was deleted.
var errQueueGone = errors.New("the queue was deleted, or its server has gone")

// why tells what ended the deliveries.
func (c *consumer) why() error {
	select {
	case _, ok := <-c.cancels:
		if ok {
			return errQueueGone
		}
	default:
	}
	return whyClosed(c.closes)
}

// consume prepares the queue and begins to take from it.
func (s *Source) consume(ctx context.Context, l *link) (*consumer, error) {
	stop := context.AfterFunc(ctx, l.abort)
	defer stop()
	c := &consumer{
		cancels: l.channel.NotifyCancel(make(chan string, 1)),
		closes:  l.channel.NotifyClose(make(chan *amqp.Error, 1)),
	}
	if err := l.channel.Qos(s.prefetch, 0, false); err != nil {
		return nil, err
	}
	if err := s.prepareExchange(l.channel); err != nil {
		return nil, err
	}
	name, err := s.prepareQueue(l.channel)
	if err != nil {
		return nil, err
	}
	c.deliveries, err = l.channel.Consume(name, "", false, s.queue.exclusive, false, false, nil)
	return c, err
}

// gather waits for a delivery and takes what else is there; bytes are those of the bodies. It is false when there will be no more.
func (s *Source) gather(ctx context.Context, deliveries <-chan amqp.Delivery, a *acker) (items []receive.Item, bytes int, more bool) {
	add := func(d amqp.Delivery) {
		item := s.item(&d)
		item.Settled = func() { a.settled(d.DeliveryTag) }
		items = append(items, item)
		bytes += len(d.Body)
	}
	select {
	case d, ok := <-deliveries:
		if !ok {
			return nil, 0, false
		}
		add(d)
	case <-ctx.Done():
		return nil, 0, true
	}
	for len(items) < maxBatch {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return items, bytes, false
			}
			add(d)
		default:
			return items, bytes, true
		}
	}
	return items, bytes, true
}
