package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

const (
	ackWait   = 30 * time.Second // of a consumer that is made here: what is not settled by then is brought again
	heartbeat = 5 * time.Second  // of the server, while it has nothing to send; two that do not come end the connection
	pullBytes = 16 << 20         // bytes on their way from the server
	maxNaks   = 16 << 10         // messages that are asked for again at the start of a connection
)

// streamRun is one connection of a source of JetStream.
type streamRun struct {
	s        *source
	in       *receive.Intake
	link     *link
	consumer jetstream.Consumer
	order    *order
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

// open finds the consumer, or makes it.
func (r *streamRun) open(ctx context.Context) error {
	js, err := r.s.jetStreamOf(r.link.Conn)
	if err != nil {
		return err
	}
	r.consumer, err = js.Consumer(ctx, r.s.stream, r.s.consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		r.consumer, err = js.CreateConsumer(ctx, r.s.stream, r.s.config())
	}
	if err != nil {
		return r.s.streamFault(err)
	}
	info, err := r.consumer.Info(ctx)
	if err != nil {
		return r.s.streamFault(err)
	}
	if err := r.s.checkConsumer(&info.Config); err != nil {
		return err
	}
	r.order = newOrder(info.Delivered.Stream, info.NumAckPending)
	r.askAgain(info)
	return nil
}

// config is that of a consumer that is made here.
func (s *source) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: s.consumer, Description: "fedmsg source " + s.name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: s.inFlight, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if s.fresh {
		c.DeliverPolicy = jetstream.DeliverNewPolicy
	}
	switch len(s.subjects) {
	case 0:
	case 1:
		c.FilterSubject = s.subjects[0]
	default:
		c.FilterSubjects = s.subjects
	}
	return c
}

// checkConsumer refuses a consumer of somebody else's making with which messages would be lost.
func (s *source) checkConsumer(c *jetstream.ConsumerConfig) error {
	switch {
	case c.DeliverSubject != "":
		return fault("the consumer %s of the stream %s is one that the server pushes to; make one to pull from, or have another made by consumer=NAME", s.consumer, s.stream)
	case c.AckPolicy == jetstream.AckNonePolicy:
		return fault("the consumer %s of the stream %s counts messages as received when they are sent (ack policy none); set it to explicit", s.consumer, s.stream)
	case c.MaxDeliver > 0:
		return fault("the consumer %s of the stream %s gives a message up after it was brought %d times (max deliver); set it to -1", s.consumer, s.stream, c.MaxDeliver)
	}
	return nil
}

// streamFault makes of an error of the library a sentence with the cure.
func (s *source) streamFault(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fedmsg.WrapError(fedmsg.CodeNotFound, err, "%s has no stream %s", s.address, s.stream)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "%s has no JetStream; configure it there, or leave jetstream=yes out of the address", s.address)
	}
	return s.failed(err)
}

// askAgain has the server bring at once what an earlier connection had taken and not settled, which it would otherwise do when
// the consumer's time for that is over, behind what is new. A server that takes no notice does it then.
func (r *streamRun) askAgain(info *jetstream.ConsumerInfo) {
	from, to := info.AckFloor.Stream+1, info.Delivered.Stream
	if info.NumAckPending == 0 || to-from >= maxNaks {
		return
	}
	for seq := from; seq <= to; seq++ {
		subject := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.0.0", r.s.stream, r.s.consumer, seq, info.Delivered.Consumer)
		if r.link.Publish(subject, []byte("-NAK")) != nil {
			return // the connection is over
		}
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
	patience := time.NewTimer(2 * r.consumer.CachedInfo().Config.AckWait)
	defer patience.Stop()
	for {
		var ready []jetstream.Msg
		select {
		case m := <-r.came:
			ready = r.order.take(m)
			for len(ready) < maxBatch && len(r.came) > 0 {
				ready = append(ready, r.order.take(<-r.came)...)
			}
		case <-patience.C:
			if ready = r.order.giveUp(); ready != nil {
				r.in.Remark("what was taken and not settled over an earlier connection has not all come again; another node may use the same consumer, and order is not kept then")
			}
		case err := <-r.lost:
			return err
		case <-ctx.Done():
			return nil
		}
		if len(ready) == 0 {
			continue
		}
		items := make([]receive.Item, len(ready))
		for i, m := range ready {
			items[i] = r.item(m)
		}
		if r.in.Submit(ctx, items...) != nil {
			return nil
		}
	}
}

// item makes of a message what is handed to the node, and acknowledged when it is settled.
func (r *streamRun) item(m jetstream.Msg) receive.Item {
	meta, err := m.Metadata()
	if err != nil {
		return receive.Item{Bad: err}
	}
	item := r.s.item(m.Subject(), streamID(meta), m.Headers(), m.Data())
	item.Settled = func() {
		_ = m.Ack() // if that fails the connection is over, and the message comes again
		r.order.settled(meta.Sequence.Stream)
	}
	return item
}

// streamID is the id of a message that came without one: always the same, so that one that comes again is known, and not that of
// one in a stream of the same name made later.
func streamID(m *jetstream.MsgMetadata) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", m.Stream, m.Sequence.Stream, m.Timestamp.UnixNano()))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80 // version 8: of the maker's own kind
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return fmt.Sprintf("%04d-%s-%s-%s-%s-%s", m.Timestamp.UTC().Year(), h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}
