// Package amqp takes entries to, and brings messages from, servers that speak AMQP 0-9-1 (RabbitMQ).
//
// It promises that a sink answers an entry only when the server has confirmed it, which for a durable queue means on its disk;
// that what nobody is bound to is told of; and that a source acknowledges a message only when this node has it on its own disk.
// Two shapes are spoken: plain, where the body is the envelope, and fedora, where the message is what the library
// fedora-messaging makes and reads. In both the envelope comes back to the byte.
//
// A session owns its connection: it is never mended in the middle, since a confirm that was on its way at a drop never comes.
// The runner opens the next one and sends again what was not answered.
package amqp

import (
	"errors"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// What this kind proposes for in_flight, and for how long its sinks keep a connection that nothing goes over.
const (
	SinkInFlight   = 1024
	SourceInFlight = 1024
	// SinkIdleTimeout is what it proposes for idle_timeout: an idle connection has 35 KB, more with TLS, and three goroutines.
	SinkIdleTimeout = time.Minute
)

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, logger *slog.Logger) (deliver.Sink, error) {
	server, at, err := parse(c.To, c.Files(), append(commonOptions(), "mandatory", "unroutable"))
	if err != nil {
		return nil, err
	}
	s := &Sink{server: server, logger: quiet(logger), name: "fedmsg sink " + c.Name}
	s.mandatory = at.Flag("mandatory", true)
	s.giveUp = at.OneOf("unroutable", "report", "dead") == "dead"
	if s.giveUp && !s.mandatory {
		err = fault("unroutable=dead needs mandatory=yes: without it the server does not tell that nobody is bound")
	}
	return s, errors.Join(at.Err(), err)
}

// NewSource checks the address and options of a source and opens nothing.
func NewSource(c receive.Config, logger *slog.Logger) (receive.Source, error) {
	server, at, err := parse(c.From, c.Files(), append(commonOptions(), queueOptions()...))
	if err != nil {
		return nil, err
	}
	s := &Source{server: server, logger: quiet(logger), name: "fedmsg source " + c.Name}
	s.queue, err = queueOf(at, c, server.prefix)
	inFlight := c.InFlight
	if inFlight == 0 {
		inFlight = SourceInFlight
	}
	// So many are under way to the log, and as many wait here so that it never waits for the server.
	s.prefetch = at.Number("prefetch", min(2*inFlight, defaultPrefetch), 1, maxPrefetch)
	return s, errors.Join(at.Err(), err)
}

// quiet stands for a logger that is not given.
func quiet(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}

func fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}
