package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	amqpMessages = 100_000 // in a round
	amqpPending  = 1024    // what the bare client may have unconfirmed, as the sink
	amqpExchange = "amq.topic"
)

// withAMQP starts a server, with a durable queue for all topics or without one, in a new directory, for one measurement.
func (b *bench) withAMQP(queue bool, measure func(*fedmsgtest.RabbitMQ, *amqp.Connection) (sample, error)) (s sample, err error) {
	b.bridges++
	r, err := fedmsgtest.NewRabbitMQ(filepath.Join(b.dir, fmt.Sprintf("amqp-%d", b.bridges)), fedmsgtest.RabbitMQOptions{})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.Remove()) }()
	if err := r.Start(); err != nil {
		return s, err
	}
	c, err := amqp.Dial("amqp://guest:guest@" + r.Addr + "/")
	if err != nil {
		return s, err
	}
	defer c.Close()
	if queue {
		ch, err := c.Channel()
		if err != nil {
			return s, err
		}
		if _, err := ch.QueueDeclare("all", true, false, false, false, nil); err != nil {
			return s, err
		}
		if err := ch.QueueBind("all", "#", amqpExchange, false, nil); err != nil {
			return s, err
		}
	}
	return measure(r, c)
}

func (b *bench) amqpCount() int {
	if b.o.quick {
		return amqpMessages / 10
	}
	return amqpMessages
}

// sinkAMQP has a node deliver what is in its log.
func sinkAMQP(ctx context.Context, b *bench) (sample, error) {
	return b.withAMQP(true, func(r *fedmsgtest.RabbitMQ, c *amqp.Connection) (sample, error) {
		s, err := b.sinkRate(ctx, b.amqpCount(), fmt.Sprintf("to = \"amqp://%s/?exchange=%s\"", r.Addr, amqpExchange))
		return s, errors.Join(err, queued(c, b.amqpCount()))
	})
}

// bareAMQP publishes envelopes of the same size, persistent and mandatory, with as many unconfirmed as the sink has.
func bareAMQP(ctx context.Context, b *bench) (sample, error) {
	return b.withAMQP(true, func(_ *fedmsgtest.RabbitMQ, c *amqp.Connection) (sample, error) {
		ch, err := c.Channel()
		if err != nil {
			return sample{}, err
		}
		if err := ch.Confirm(false); err != nil {
			return sample{}, err
		}
		confirms := ch.NotifyPublish(make(chan amqp.Confirmation, amqpPending))
		count, start := b.amqpCount(), time.Now()
		for i := range count + amqpPending {
			if i >= amqpPending {
				if c, ok := <-confirms; !ok || !c.Ack {
					return sample{}, errors.New("a message was not confirmed")
				}
			}
			if i < count {
				if err := ch.PublishWithContext(ctx, amqpExchange, benchTopic, true, false, amqpMessage(start, i)); err != nil {
					return sample{}, err
				}
			}
		}
		took := time.Since(start)
		return sample{rate: float64(count) / took.Seconds()}, queued(c, count)
	})
}

// queued holds that the queue has so many messages.
func queued(c *amqp.Connection, count int) error {
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	q, err := ch.QueueDeclarePassive("all", true, false, false, false, nil)
	if err == nil && q.Messages != count {
		err = fmt.Errorf("the queue has %d of %d messages", q.Messages, count)
	}
	return err
}

// amqpMessage is what a bare publisher sends: what the sink does.
func amqpMessage(now time.Time, i int) amqp.Publishing {
	id := wire.NewID(now)
	return amqp.Publishing{
		ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, MessageId: id, Timestamp: now,
		Headers: amqp.Table{"fedmsg-origin": fmt.Sprintf("k3v5q2m7x4ab-%d", i)},
		Body:    wire.AppendEnvelope(nil, &wire.Draft{Topic: benchTopic, ID: id, Username: "bench", Time: now.Unix(), I: uint64(i), Body: []byte(body())}),
	}
}

// sinkAMQPLive publishes to a node.
func sinkAMQPLive(ctx context.Context, b *bench) (sample, error) {
	return b.withAMQP(false, func(r *fedmsgtest.RabbitMQ, _ *amqp.Connection) (sample, error) {
		return b.liveThrough(ctx, overAMQP, fromAMQP(r), fmt.Sprintf("to = \"amqp://%s/?exchange=%s\"", r.Addr, amqpExchange))
	})
}

func fromAMQP(r *fedmsgtest.RabbitMQ) func(*fan) error {
	return func(f *fan) error { return f.listenAMQP(r.Addr) }
}

// bareAMQPLive publishes to the server.
func bareAMQPLive(ctx context.Context, b *bench) (sample, error) {
	return b.withAMQP(false, func(r *fedmsgtest.RabbitMQ, c *amqp.Connection) (sample, error) {
		ch, err := c.Channel()
		if err != nil {
			return sample{}, err
		}
		if err := ch.Confirm(false); err != nil {
			return sample{}, err
		}
		return b.live(ctx, overAMQP, fromAMQP(r), func(mark int) error {
			_, err := ch.PublishWithDeferredConfirmWithContext(ctx, amqpExchange, fanTopic, true, false, amqp.Publishing{
				ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: marked(mark),
			})
			return err
		})
	})
}

// sinkAMQPStage is a sink to RabbitMQ beside a pipelined publisher of the same library.
func sinkAMQPStage() stage {
	return stage{
		title: fmt.Sprintf("log → RabbitMQ with confirms, a durable queue, %d unconfirmed at most, beside a bare publisher of amqp091-go", amqpPending),
		contenders: []contender{
			{name: "sink-amqp", title: "a node catching up", run: sinkAMQP},
			{name: "sink-amqp-bare", title: "amqp091-go, persistent, mandatory, NotifyPublish", peer: true, run: bareAMQP},
			{name: "sink-amqp-live", title: fmt.Sprintf("published at the node, %d a second, until a consumer has it, p99", liveRate), run: sinkAMQPLive},
			{name: "sink-amqp-bare-live", title: "the same with amqp091-go, p99", peer: true, run: bareAMQPLive},
		},
		rows: []row{{
			[]string{"sink-amqp", "sink-amqp-bare", "sink-amqp-live", "sink-amqp-bare-live"}, "log → RabbitMQ", "≥ 0.9 × a bare pipelined publisher of amqp091-go; added p99 ≤ 5 ms at 500/s",
			func(m func(string) sample) (string, bool) {
				o, bare := m("sink-amqp"), m("sink-amqp-bare")
				times, added := o.rate/bare.rate, m("sink-amqp-live").span-m("sink-amqp-bare-live").span
				return fmt.Sprintf("%s/s of %s/s: %.2f ×; added %.1f ms", thousands(o.rate), thousands(bare.rate), times, float64(added)/1e6), times >= 0.9 && added <= 5*time.Millisecond
			},
		}},
	}
}
