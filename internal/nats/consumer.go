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
)

const (
	ackWait = 30 * time.Second // of a consumer that is made here: what is not settled by then is brought again
	maxNaks = 16 << 10         // messages that are asked for again at once
)

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
	r.order = newOrder(info.Delivered.Consumer, info.NumAckPending)
	r.askAgain(info)
	r.asked = time.Now()
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

// askAgain has the server bring at once what it sent elsewhere and waits for, which it would otherwise do when the consumer's time
// for that is over, behind what is new. A server that takes no notice does it then.
func (r *streamRun) askAgain(info *jetstream.ConsumerInfo) {
	from, to := info.AckFloor.Stream+1, info.Delivered.Stream
	if info.NumAckPending == 0 || to-from >= maxNaks {
		return
	}
	for seq := from; seq <= to; seq++ {
		if r.order.here(seq) {
			continue
		}
		subject := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.0.0", r.s.stream, r.s.consumer, seq, info.Delivered.Consumer)
		if r.link.Publish(subject, []byte("-NAK")) != nil {
			return // the connection is over
		}
	}
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
