package nats

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const (
	// SinkInFlight is what this kind proposes for in_flight.
	SinkInFlight = 1024
	// SinkIdleTimeout is what it proposes for idle_timeout: an idle connection has 55 KB and 5 goroutines, and a new one costs a
	// millisecond.
	SinkIdleTimeout = 10 * time.Second
)

// maxHeaders bounds the headers of package carry: JetStream takes 64 KiB of headers in all.
const maxHeaders = 60 << 10

// sink delivers to one server.
type sink struct {
	*address
	format carry.Form
	escape bool
	full   atomic.Pointer[sent] // what a stream had no room for, until it has
	took   took                 // which streams had room
}

var _ deliver.Sink = (*sink)(nil)

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, _ *slog.Logger) (deliver.Sink, error) {
	a, err := parse(c.To, c.Name, c.Files(), "format", "escape")
	if err != nil {
		return nil, err
	}
	s := &sink{address: a, format: a.form(), escape: a.endpoint.Flag("escape", false)}
	return s, a.endpoint.Err()
}

// Open connects, and with JetStream sees to it that there is a stream.
func (s *sink) Open(ctx context.Context, answers *deliver.Answers) (deliver.Session, error) {
	if s.jetStream {
		return s.openStream(ctx, answers)
	}
	return s.openCore(ctx, answers)
}

// checkStream looks whether the server has JetStream and the stream, so that a server without them costs no entry an attempt.
func (s *sink) checkStream(ctx context.Context, c *nats.Conn) error {
	js, err := s.jetStreamOf(c)
	if err != nil {
		return err
	}
	if s.stream == "" {
		_, err = js.AccountInfo(ctx)
	} else {
		_, err = js.Stream(ctx, s.stream)
	}
	switch {
	case err == nil:
		return s.checkRoom(ctx, js)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fedmsg.WrapError(fedmsg.CodeNotFound, err, "%s has no stream %s; make it, with the subjects of this sink's topics", s.address, s.stream)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "%s has no JetStream; configure it there, or leave jetstream=yes out of the address", s.address)
	}
	return s.failed(err)
}

func (a *address) jetStreamOf(c *nats.Conn) (jetstream.JetStream, error) {
	if a.domain != "" {
		return jetstream.NewWithDomain(c, a.domain)
	}
	return jetstream.New(c)
}

// message makes of an entry what is published. Its errors are permanent.
func (s *sink) message(e *fedmsg.Entry) (m *nats.Msg, lossy bool, err error) {
	topic, ok := strings.CutPrefix(e.Topic, s.prefix)
	if !ok {
		return nil, false, deliver.Permanent(fedmsg.Errorf(fedmsg.CodeBadTopic,
			"the topic %q does not begin with the %q that is to be left out of it; see prefix in the sink's address", e.Topic, s.prefix))
	}
	subject, err := subjectOf(topic, s.escape)
	if err != nil {
		return nil, false, deliver.Permanent(err)
	}
	parts, err := carry.Split(e, s.format, carry.Limits{Total: maxHeaders})
	if err != nil {
		return nil, false, deliver.Permanent(err)
	}
	m = &nats.Msg{Subject: subject, Data: parts.Body, Header: headersOf(e, &parts, s.format)}
	if subject != topic {
		m.Header[carry.HeaderTopic] = []string{e.Topic}
	}
	return m, parts.Lossy, nil
}
