package stomp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/receive"
)

// Source takes messages from one server.
type Source struct {
	server    *server
	places    places
	forms     bool       // the address says where the topic stands in destinations
	subscribe []byte     // the frame, without its credit
	wrap      bool       // a body that is no JSON object becomes one
	queue     string     // the destination, if it is one queue, whose name is no topic
	virtual   [][]string // patterns of the topics that come through its queues
	inFlight  int
}

var _ receive.Source = (*Source)(nil)

// NewSource checks the address and options of a source and opens nothing.
func NewSource(c receive.Config, logger *slog.Logger) (receive.Source, error) {
	s := &Source{inFlight: c.InFlight}
	if s.inFlight <= 0 {
		s.inFlight = SourceInFlight
	}
	var err error
	if s.server, err = parse(c.From, c.Files(), optTopic, optSelector, optAck, optDurable, optWrap); err != nil {
		return nil, err
	}
	e := s.server.endpoint
	s.forms = e.Has(optTopic)
	s.places, err = parsePlaces(e, optTopic)
	if err == nil && s.forms && !s.places.hole {
		err = fault("%s has no %s in it, where the topic stands in destinations", optTopic, hole)
	}
	s.wrap = e.Flag(optWrap, false)
	ack := e.OneOf(optAck, "client-individual")
	destination, selector, durable := e.Option(optDestination, ""), e.Option(optSelector, ""), e.Option(optDurable, "")
	switch {
	case !strings.HasPrefix(destination, "/"):
		err = errors.Join(err, fault("a source over STOMP needs its %s, as in ?%s=/queue/Consumer.NAME.VirtualTopic.eng.>", optDestination, optDestination))
	case hasControls(destination + selector + durable):
		err = errors.Join(err, fault("%s, %s and %s have no control characters", optDestination, optSelector, optDurable))
	case durable != "" && strings.HasPrefix(destination, "/queue/"):
		err = errors.Join(err, fault("%s keeps what is sent to a topic while the source is away; a queue keeps it anyway", optDurable))
	}
	if strings.HasPrefix(destination, "/queue/") && !strings.ContainsAny(destination, "*>,") {
		s.queue = destination
	}
	s.virtual = virtualTopics(destination)
	s.server.clientID = durable
	s.subscribe = s.appendSubscribe(nil, destination, ack, selector, durable)
	return s, errors.Join(e.Err(), err)
}

// subscription is the id of the only one on a connection.
const subscription = "fedmsg"

// appendSubscribe makes the frame. Each server knows its own words for what STOMP has none for, and passes over the other's.
func (s *Source) appendSubscribe(b []byte, destination, ack, selector, durable string) []byte {
	b = append(b, "SUBSCRIBE\n"...)
	credit := strconv.Itoa(s.inFlight)
	for _, h := range []header{
		{"id", subscription}, {"receipt", subscription}, {"destination", destination}, {"ack", ack},
		{"activemq.prefetchSize", credit}, {"prefetch-count", credit},
	} {
		b = appendHeader(b, h.name, h.value)
	}
	if strings.HasPrefix(destination, "/queue/") {
		// ActiveMQ gives a queue to one connection then, and to the next one only when it has seen the end of that: else what it had
		// sent to a connection that broke comes behind what is new.
		b = appendHeader(b, "activemq.exclusive", "true")
	}
	if selector != "" {
		b = appendHeader(b, "selector", selector)
	}
	if durable != "" {
		for _, h := range []header{{"activemq.subscriptionName", durable}, {"durable", "true"}, {"auto-delete", "false"}} {
			b = appendHeader(b, h.name, h.value)
		}
	}
	return appendBody(b, nil)
}

// Run connects, subscribes and hands on what comes.
func (s *Source) Run(ctx context.Context, in *receive.Intake) error {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c, err := s.server.dial(ctx, 64<<10, maxMessage, func(err error) { cancel(s.server.ended(err)) })
	if err != nil {
		return err
	}
	stop := context.AfterFunc(run, func() { c.live.turn(interrupted) })
	c.Put(func(b []byte) []byte { return append(b, s.subscribe...) })
	err = s.receive(run, c, in)
	stop()
	if ctx.Err() != nil {
		in.Drain()
	}
	if cause := context.Cause(run); cause != nil {
		err = cause
	}
	_ = c.leave(func() { _, _ = io.Copy(io.Discard, c.live) }) // what else comes the server has still
	return err
}

// maxMessage is the longest body that is looked at. It lies far above the limits of any door; what is longer is given up.
const maxMessage = 64 << 20

// batch is how many messages are handed on together at most.
const batch = 256

// receive takes messages until the connection, or ctx, ends.
func (s *Source) receive(ctx context.Context, c *conn, in *receive.Intake) error {
	room := newBudget(maxUnsettled)
	var items []receive.Item
	submit := func() error {
		if len(items) == 0 {
			return nil
		}
		err := in.Submit(ctx, items...)
		items = nil
		return err
	}
	for {
		f, err := c.in.next()
		if err != nil {
			return s.server.ended(err)
		}
		switch f.command {
		case "RECEIPT":
			in.Connected()
		case "ERROR":
			return f.failure()
		case "MESSAGE":
			size := len(f.body) + messageOverhead
			if len(items) == batch || !room.has(size) {
				if err := submit(); err != nil {
					return err
				}
			}
			if err := room.take(ctx, size); err != nil {
				return err
			}
			items = append(items, s.item(c, f, func() { room.give(size) }))
		default:
			return f.failure()
		}
		if !c.in.waiting() {
			if err := submit(); err != nil {
				return err
			}
		}
	}
}
