package receive

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Deps is what a [Set] needs of the node.
type Deps struct {
	// Door gives the way into the log for what is asked of signatures; the messages of sources were made long ago, so that their age
	// is not held against them.
	Door       func(verify fedmsg.VerifyMode) Door
	Dir        string                // directory of what sources keep: dead letters
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
}

// Configured is one source: what is common to all kinds, and the kind at work.
type Configured struct {
	Config   Config
	Source   Source
	InFlight int // what the kind proposes where the Config leaves it to it; 0 means 1024
}

// Set is the sources of a node at work. All methods may be called by any goroutine.
type Set struct{}

// New opens the dead letters of each source. On an error nothing stays open.
func New(sources []Configured, deps Deps) (*Set, error) { panic("not built") }

// Start begins to receive.
func (s *Set) Start() { panic("not built") }

// Stop ends every source. It may be called without Start.
func (s *Set) Stop(ctx context.Context) error { panic("not built") }

// Status is what is known of one source now. Fields are only ever added.
type Status struct {
	Name       string    `json:"name"`
	From       string    `json:"from"` // for people: without secrets and options
	Connected  bool      `json:"connected"`
	InFlight   int       `json:"in_flight"`
	Received   uint64    `json:"received"`             // since the start of the node, as the next two
	Duplicates uint64    `json:"duplicates"`           // of these, what the log had already
	Refused    uint64    `json:"refused"`              // of these, what went to the dead letters
	Dead       int       `json:"dead"`                 // dead letters there are
	LastError  string    `json:"last_error,omitempty"` // a sentence
	LastTime   time.Time `json:"last_error_time,omitzero"`
}

// List gives the status of each source, in the order of the configuration.
func (s *Set) List() []Status { panic("not built") }

// Has reports whether there is a source of that name.
func (s *Set) Has(name string) bool { panic("not built") }

// DeadList, DeadGet and DeadDrop are as those of package deliver.
func (s *Set) DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error) {
	panic("not built")
}

// DeadGet gives one with its contents.
func (s *Set) DeadGet(name string, number uint64) (deadletter.Letter, error) { panic("not built") }

// DeadRetry puts one through the door again: nil when the log has it, and it is gone then.
func (s *Set) DeadRetry(ctx context.Context, name string, number uint64) error { panic("not built") }

// DeadDrop removes one for good.
func (s *Set) DeadDrop(name string, number uint64) error { panic("not built") }

// Checks is the health: one check for each source.
func (s *Set) Checks() []ops.Check { panic("not built") }
