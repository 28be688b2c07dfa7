// Package amqp takes entries to, and brings messages from, servers that speak AMQP 0-9-1 (RabbitMQ).
package amqp

import (
	"log/slog"

	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// SinkInFlight and SourceInFlight are what this kind proposes for in_flight.
const (
	SinkInFlight   = 1024
	SourceInFlight = 1024
)

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, logger *slog.Logger) (deliver.Sink, error) { panic("not built") }

// NewSource checks the address and options of a source and opens nothing.
func NewSource(c receive.Config, logger *slog.Logger) (receive.Source, error) { panic("not built") }
