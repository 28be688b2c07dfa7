// Package peer joins nodes: it pushes a node's entries to another over HTTP, and follows another from a saved position.
package peer

import (
	"log/slog"

	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// SinkInFlight and SourceInFlight are what this kind proposes for in_flight.
const (
	SinkInFlight   = 8192
	SourceInFlight = 8192
)

// NewSink checks the address and options of a sink and opens nothing.
func NewSink(c deliver.Config, logger *slog.Logger) (deliver.Sink, error) { panic("not built") }

// NewSource checks the address and options of a source and opens nothing. The position in the other node's log is kept in a file in
// the directory.
func NewSource(c receive.Config, dir string, logger *slog.Logger) (receive.Source, error) {
	panic("not built")
}
