package nats

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// SourceInFlight is what this kind proposes for in_flight.
const SourceInFlight = 1024

// source brings what comes on some subjects.
type source struct {
	*address
	subjects []string // what it subscribes to; with JetStream none is all of the stream
	queue    string   // with core NATS: of those who subscribe with the same name each message comes to one
	consumer string   // with JetStream: the durable consumer, which no other source uses
	fresh    bool     // with JetStream: a new consumer begins with what is published from then on
	inFlight int

	mu   sync.Mutex // guards what follows
	left time.Time  // with core NATS: when the last connection was over; zero before the first
}

var _ receive.Source = (*source)(nil)

// NewSource checks the address and options of a source and opens nothing.
func NewSource(c receive.Config, _ *slog.Logger) (receive.Source, error) {
	a, err := parse(c.From, c.Name, c.Files(), "subject", "queue", "consumer", "deliver")
	if err != nil {
		return nil, err
	}
	e := a.endpoint
	s := &source{address: a, queue: e.Option("queue", ""), consumer: e.Option("consumer", "fedmsg-"+c.Name), inFlight: c.InFlight}
	if s.inFlight == 0 {
		s.inFlight = SourceInFlight
	}
	if e.Has("subject") {
		s.subjects = strings.Split(e.Option("subject", ""), ",")
	}
	s.fresh = e.OneOf("deliver", "all", "new") == "new"
	return s, errors.Join(e.Err(), s.check())
}

// check tells what does not go together.
func (s *source) check() error {
	for _, subject := range s.subjects {
		if !checkFilter(subject) {
			return fault("subject %q cannot be subscribed to; words are separated by dots, * stands for one and > at the end for all that follow", subject)
		}
	}
	e := s.endpoint
	switch {
	case s.jetStream && s.stream == "":
		return fault("a source with jetstream=yes needs stream=NAME")
	case s.jetStream && s.queue != "":
		return fault("queue is of core NATS; with JetStream each source has a consumer of its own")
	case s.jetStream && !plainName(s.consumer):
		return fault("%q cannot be the name of a consumer; set another by consumer=", s.consumer)
	case !s.jetStream && (e.Has("consumer") || e.Has("deliver")):
		return fault("consumer and deliver need jetstream=yes")
	case !s.jetStream && len(s.subjects) == 0:
		return fault("a source without jetstream=yes needs subject=SUBJECT,…, as in subject=org.example.>")
	case strings.ContainsFunc(s.queue, unprintable):
		return fault("queue %q has a space in it", s.queue)
	}
	return nil
}

// Run receives until ctx ends or the connection is lost.
func (s *source) Run(ctx context.Context, in *receive.Intake) error {
	if s.jetStream {
		return s.consume(ctx, in)
	}
	return s.subscribe(ctx, in)
}

// item makes of a message what is handed to the node. The id stands for one whose publisher gave none.
func (s *source) item(subject, id string, h nats.Header, data []byte) receive.Item {
	topic := subject
	if _, escaped := h[carry.HeaderTopic]; escaped {
		topic = unescapeTopic(subject)
	}
	if own := h.Get(carry.HeaderID); own != "" {
		id = own
	}
	header := func(name string) (string, bool) {
		values := h[name]
		if len(values) == 0 {
			return "", false
		}
		return values[0], true
	}
	message, err := carry.Join(s.prefix+topic, id, data, header, publisherHeaders(h))
	return receive.Item{Message: message, Bad: err}
}
