package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

const (
	heartbeat = 5 * time.Second       // of the server, while it has nothing to send; two that do not come end the connection
	pullBytes = 16 << 20              // bytes on their way from the server
	lookEvery = 50 * time.Millisecond // so often it is asked, while in doubt, whether something is elsewhere
	askEvery  = time.Second           // so often that is asked for again
	doubtMost = time.Minute           // the longest that everything is held for the sake of order
)

// streamRun is one connection of a source of JetStream.
type streamRun struct {
	s        *source
	in       *receive.Intake
	link     *link
	consumer jetstream.Consumer
	order    *order
	doubted  time.Time // since when everything is held; zero while it is not
	asked    time.Time // when what is elsewhere was asked for last
	came     chan jetstream.Msg
	lost     chan error // has an element when the connection is over
}

// consume receives from a durable consumer until ctx ends or the connection is lost.
func (s *source) consume(ctx context.Context, in *receive.Intake) error {
	r := &streamRun{s: s, in: in, came: make(chan jetstream.Msg, maxBatch), lost: make(chan error, 1)}
	// The end of ctx does not cut the connection, once it stands: what is settled then is acknowledged over it.
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	opening := context.AfterFunc(ctx, cut)
	var err error
	r.link, err = s.dial(life, events{closed: r.over, problem: r.problem})
	if err != nil {
		return err
	}
	defer r.link.close()
	if !opening() {
		return ctx.Err()
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	in.Connected()
	return r.run(ctx)
}

// over tells run that the connection is over.
func (r *streamRun) over(err error) {
	select {
	case r.lost <- err:
	default: // for another reason already
	}
}

// problem is what the server does not permit.
func (r *streamRun) problem(_ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		r.over(r.s.failed(err))
	}
}

// run pulls messages and hands them to the node.
func (r *streamRun) run(ctx context.Context) error {
	most, size := r.pullLimits()
	done := make(chan struct{})
	pull, err := r.consumer.Consume(func(m jetstream.Msg) {
		select {
		case r.came <- m:
		case <-done:
		}
	}, jetstream.PullMaxMessagesWithBytesLimit(most, size),
		jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(6*heartbeat), jetstream.ConsumeErrHandler(r.pullFault))
	if err != nil {
		return r.s.failed(err)
	}
	defer func() {
		close(done)
		pull.Stop()
		<-pull.Closed()
	}()
	err = r.handOver(ctx)
	r.in.Drain()
	_ = r.link.FlushTimeout(time.Second) // what is not acknowledged comes again
	return err
}

// pullLimits gives how many messages and bytes are asked for at once: at least one message of any size.
func (r *streamRun) pullLimits() (messages, size int) {
	messages, size = max(1, r.s.inFlight/2), max(pullBytes, int(r.link.MaxPayload())+64<<10)
	c := r.consumer.CachedInfo().Config
	if c.MaxRequestBatch > 0 {
		messages = min(messages, c.MaxRequestBatch)
	}
	if c.MaxRequestMaxBytes > 0 {
		size = min(size, c.MaxRequestMaxBytes)
	}
	return messages, size
}

// pullFault ends the connection on what it does not outlive.
func (r *streamRun) pullFault(_ jetstream.ConsumeContext, err error) {
	switch {
	case errors.Is(err, jetstream.ErrNoHeartbeat):
		r.over(fedmsg.WrapError(fedmsg.CodeTimeout, err, "%s is silent", r.s.address))
	case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrBadRequest),
		errors.Is(err, jetstream.ErrConnectionClosed), errors.Is(err, jetstream.ErrServerShutdown), errors.Is(err, nats.ErrNoResponders):
		r.over(r.s.streamFault(err))
	default: // a server that keeps refusing does not send its heartbeat either
		r.in.Remark(r.s.failed(err).Error())
	}
}

// handOver hands what comes to the node, in the stream's order.
func (r *streamRun) handOver(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	b := newBudget()
	for {
		var ready []jetstream.Msg
		select {
		case m := <-r.came:
			ready = r.order.take(m)
			for len(ready) < maxBatch && len(r.came) > 0 {
				ready = append(ready, r.order.take(<-r.came)...)
			}
		case <-look.C:
			ready = r.look(ctx)
		case err := <-r.lost:
			return err
		case <-ctx.Done():
			return nil
		}
		items := make([]receive.Item, len(ready))
		for i, m := range ready {
			items[i] = r.item(m)
		}
		if b.hand(ctx, r.in, items) != nil {
			return nil
		}
	}
}

// look asks, while in doubt, whether the server waits for something that is not here, and has it brought. It gives what was held
// when there is nothing.
func (r *streamRun) look(ctx context.Context) []jetstream.Msg {
	if !r.order.doubt {
		r.doubted, r.asked = time.Time{}, time.Time{}
		return nil
	}
	now := time.Now()
	if r.doubted.IsZero() {
		r.doubted = now
	}
	if now.Sub(r.doubted) > doubtMost {
		r.in.Remark("what the server sent elsewhere and waits for did not come again; another source may use the same consumer, and order is not kept then")
		return r.order.giveUp()
	}
	info, err := r.consumer.Info(ctx)
	if err != nil {
		return nil // asked again soon, or the connection is over
	}
	if info.NumAckPending <= r.order.underWay() {
		return r.order.trust()
	}
	if now.Sub(r.asked) > askEvery {
		r.asked = now
		r.askAgain(info)
	}
	return nil
}

// item makes of a message what is handed to the node, and acknowledged when it is settled.
func (r *streamRun) item(m jetstream.Msg) receive.Item {
	meta, err := m.Metadata()
	if err != nil {
		return receive.Item{Bad: err}
	}
	item := r.s.item(m.Subject(), streamID(meta), m.Headers(), m.Data())
	item.Settled = func() {
		r.order.settled(meta.Sequence.Stream)
		_ = m.Ack() // if that fails the connection is over, and the message comes again
	}
	return item
}
