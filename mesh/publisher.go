package mesh

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/compose"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// Publisher sends messages to whoever connects to it, numbers them, and answers for those that a subscriber missed. It is safe
// for concurrent use.
type Publisher struct {
	o       PublisherOptions
	service Service
	sealer  *sealer
	pub     *zmtp.Pub
	rep     *zmtp.Rep // nil without numbers
	history *history
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	turn    chan struct{} // has a token while nobody publishes; who holds it owns what follows
	counter *counter      // nil without numbers
	stream  string        // random, of this run
	n       uint64        // the last number within stream
	closed  bool

	closing  sync.Once
	closeErr error
}

// NewPublisher binds, announces, and is ready when it returns. Nothing is sent to subscribers that come later, see
// [Publisher.WaitSubscribers]; they can ask for what is kept.
func NewPublisher(o PublisherOptions) (*Publisher, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	ctx, cancel := context.WithCancel(context.Background())
	p := &Publisher{o: o, turn: make(chan struct{}, 1), stream: hex.EncodeToString(random[:]), cancel: cancel, service: Service{Name: o.Name}}
	p.turn <- struct{}{}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.release())
	}
	return p, nil
}

// open makes all parts. What was made is released by the caller.
func (p *Publisher) open(ctx context.Context) (err error) {
	if p.sealer, err = newSealer(&p.o); err != nil {
		return err
	}
	if p.o.State != "" {
		if p.counter, err = openCounter(durable.OS{}, p.o.State, p.o.Name, bootID(), reserveBlock); err != nil {
			return err
		}
	}
	p.pub = zmtp.NewPub(p.o.ZMTP)
	address, err := p.o.bindFirst(p.pub.Bind)
	if err != nil {
		return err
	}
	p.service.Addresses = []string{address}
	if p.counter != nil {
		p.history = newHistory(p.o.Keep, p.o.KeepBytes)
		p.rep = zmtp.NewRep(p.o.ZMTP)
		if p.service.Replay, err = p.o.bindFirst(p.rep.Bind); err != nil {
			return err
		}
		p.wg.Go(func() { answerAll(ctx, p.rep, p.history) })
	}
	if s, ok := p.o.ZMTP.Security.(zmtp.CurveServer); ok {
		key := s.Keys.Public
		p.service.ServerKey = &key
	}
	if p.o.File != "" {
		return p.announce(Announce)
	}
	return nil
}

// announceTimeout bounds the wait for others that write into the endpoints file.
const announceTimeout = 10 * time.Second

// announce calls Announce or Withdraw.
func (p *Publisher) announce(how func(context.Context, string, Service) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), announceTimeout)
	defer cancel()
	return how(ctx, p.o.File, p.service)
}

// Service is what others have to know of the publisher, as it stands in the endpoints file.
func (p *Publisher) Service() Service {
	s := p.service
	s.Addresses = slices.Clone(s.Addresses)
	return s
}

// Addresses is where subscribers connect to.
func (p *Publisher) Addresses() []string { return slices.Clone(p.service.Addresses) }

// WaitSubscribers returns when at least n subscribers are connected and have subscribed to something, or with the error of ctx.
func (p *Publisher) WaitSubscribers(ctx context.Context, n int) error {
	return p.pub.WaitSubscribers(ctx, n)
}

// Publish sends a message: body is what encoding/json makes an object of, or JSON as bytes, or nil for {}. It gives the id of
// the message. See [Publisher.PublishMessage].
func (p *Publisher) Publish(ctx context.Context, topic string, body any) (id string, err error) {
	raw, err := compose.Body(body)
	if err != nil {
		return "", err
	}
	return p.PublishMessage(ctx, fedmsg.Message{Topic: topic, Body: raw})
}

// PublishMessage sends a message; what it leaves out is filled in. It gives the id. The order of the calls is that of the
// numbers and of what subscribers get. It does not wait for subscribers, and nil tells only that the message is on its way and
// can be asked for: for a yes from somebody who has it on disk there are nodes.
func (p *Publisher) PublishMessage(ctx context.Context, m fedmsg.Message) (id string, err error) {
	d, err := p.draft(&m)
	if err != nil {
		return "", err
	}
	select {
	case <-p.turn:
	case <-ctx.Done():
		return "", fedmsg.WrapError(fedmsg.CodeUnavailable, ctx.Err(), "the message was not sent: others before it are still being signed")
	}
	defer func() { p.turn <- struct{}{} }()
	if p.closed {
		return "", fedmsg.Errorf(fedmsg.CodeUnavailable, "the publisher %s is closed", p.o.Name)
	}
	d.Stream, d.I, d.N = p.stream, p.n+1, p.n+1
	if p.counter != nil {
		d.SeqID = p.counter.next()
	}
	envelope := wire.AppendEnvelope(nil, &d)
	decoder := wire.Decoder{Limits: fedmsg.DefaultLimits()} // what a door would refuse is better refused here
	if _, err := decoder.Envelope(envelope, wire.Strict); err != nil {
		return "", err
	}
	frames, answer, err := p.sealer.seal(d.Topic, envelope)
	if err != nil {
		return "", err
	}
	if p.counter != nil {
		if err := p.counter.use(); err != nil {
			return "", err
		}
		p.history.add(kept{seq: d.SeqID, id: d.ID, at: time.Unix(d.Time, 0), answer: answer})
	}
	p.n++
	if err := p.pub.Send(ctx, frames...); err != nil && p.counter == nil {
		return "", fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the message was not sent")
	}
	return d.ID, nil // with a number it counts as sent: who did not get it asks for it
}

// draft makes of a message what is sent, but for the numbers.
func (p *Publisher) draft(m *fedmsg.Message) (d wire.Draft, err error) {
	defaults := compose.Defaults{
		TopicPrefix: p.o.TopicPrefix, Environment: p.o.Environment, Modname: p.o.Modname, Username: p.o.Username, Limits: fedmsg.DefaultLimits(),
	}
	if d, err = defaults.Draft(m); err == nil {
		d.Body, err = wire.AppendCanonical(nil, d.Body) // as the old publishers sent it
	}
	return d, err
}

// Close takes the announcement back, waits for what is on its way as long as ZMTP.Linger says, and ends everything. It may be
// called several times.
func (p *Publisher) Close() error {
	p.closing.Do(func() {
		var err error
		if p.o.File != "" {
			err = p.announce(Withdraw)
		}
		<-p.turn
		p.closed = true
		p.turn <- struct{}{}
		p.closeErr = errors.Join(err, p.release())
	})
	return p.closeErr
}

// release ends what was made, in the reverse of its order: who misses something can ask until the last message is out.
func (p *Publisher) release() error {
	var faults []error
	if p.pub != nil {
		faults = append(faults, p.pub.Close())
	}
	p.cancel()
	p.wg.Wait()
	if p.rep != nil {
		faults = append(faults, p.rep.Close())
	}
	if p.counter != nil {
		faults = append(faults, p.counter.close())
	}
	return errors.Join(faults...)
}
