// Package archiver walks the log and puts what is new into the archive.
//
// It promises that every entry of the log is in the archive once, whatever is killed when; that a store which fails holds up nobody
// but itself, is tried again, and is told of in health and metrics; and that what the archive has not taken stays in the log.
package archiver

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Cursor is the reader of the log that it walks with; a *feed.Cursor is one.
type Cursor interface {
	WaitContext(ctx context.Context) error
	Close() error
}

// Deps is what it needs.
type Deps struct {
	Open       func(ctx context.Context) (archive.Store, error) // opens the store; tried again with back-off
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Archiver owns one goroutine, from Start to Stop.
type Archiver struct{}

// New makes one; it reads and writes nothing yet.
func New(d Deps) (*Archiver, error) { panic("not built") }

// Start begins.
func (a *Archiver) Start() { panic("not built") }

// Stop ends it and closes the store.
func (a *Archiver) Stop(ctx context.Context) error { panic("not built") }

// Searcher gives what answers questions, or an error (CodeUnavailable) while the store cannot be used.
func (a *Archiver) Searcher() (*archive.Searcher, error) { panic("not built") }

// Await returns when the archive has everything up to the position, or ctx ends.
func (a *Archiver) Await(ctx context.Context, p fedmsg.Position) error { panic("not built") }
