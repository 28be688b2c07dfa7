package deliver

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// Cursor reads the log from a position on; *feed.Cursor is one behind a few lines. One goroutine uses it, but for Wake.
type Cursor interface {
	// Next gives the next entry, io.EOF where there is none yet, a *fedmsg.Gap in place of entries that cannot be given, behind which
	// it goes on, or another error, behind which it does not.
	Next() (*fedmsg.Entry, error)
	// Wait returns when there may be something to read, or after Wake, one that came before included.
	Wait()
	// Wake makes the present Wait return, or the next one that would have to wait.
	Wake()
	// Close frees it.
	Close() error
}

// Log is where the entries come from.
type Log interface {
	// Cursor reads from behind the position, and gives the gap before it where there is one.
	Cursor(after fedmsg.Position) (Cursor, *fedmsg.Gap)
	// End is the position of the newest entry.
	End() fedmsg.Position
}

// Deps is what a [Set] needs of the node.
type Deps struct {
	Log        Log
	Places     string                // directory of the saved places, a file for each sink, which retention reads too
	Dir        string                // directory of all else that sinks keep: dead letters, times, what was skipped
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
	Now        func() time.Time      // optional
}

// Set is the sinks of a node at work. All methods may be called by any goroutine.
type Set struct{}

// New opens the places and dead letters of each sink. On an error nothing stays open.
func New(sinks []Configured, deps Deps) (*Set, error) { panic("not built") }

// Configured is one sink: what is common to all kinds, and the kind at work.
type Configured struct {
	Config Config
	Sink   Sink
	// InFlight and IdleTimeout are what the kind proposes where the Config leaves it to it.
	InFlight    int
	IdleTimeout time.Duration
}

// Start begins to deliver.
func (s *Set) Start() { panic("not built") }

// Stop ends every session and saves the places. It may be called without Start.
func (s *Set) Stop(ctx context.Context) error { panic("not built") }

// Status is what is known of one sink now. Fields are only ever added.
type Status struct {
	Name     string          `json:"name"`
	To       string          `json:"to"` // for people: without secrets and options
	State    State           `json:"state"`
	Position fedmsg.Position `json:"position"`    // everything up to it is delivered, dead, skipped or not wanted
	Lag      uint64          `json:"lag"`         // entries of the log behind the position, wanted or not
	LagTime  float64         `json:"lag_seconds"` // age of the oldest entry that is pending; 0 without one
	InFlight int             `json:"in_flight"`
	// Counted since the start of the node.
	Delivered uint64    `json:"delivered"`
	Retried   uint64    `json:"retried"` // sessions that ended with something unanswered, and single entries tried again
	Skipped   uint64    `json:"skipped"`
	Remarked  uint64    `json:"remarked"`
	Dead      int       `json:"dead"`                 // dead letters there are
	LastError string    `json:"last_error,omitempty"` // a sentence
	LastTime  time.Time `json:"last_error_time,omitzero"`
}

// State is what a sink is doing.
type State string

// The states of a sink.
const (
	StateRunning State = "running" // connected, or idle and not in need of a connection
	StateWaiting State = "waiting" // the destination cannot be reached or refuses; it is tried again
	StatePaused  State = "paused"  // by an operator
	StateStopped State = "stopped" // by its own fault, until somebody mends it: the dead letters are full, the log cannot be read
)

// List gives the status of each sink, in the order of the configuration.
func (s *Set) List() []Status { panic("not built") }

// Pause stops a sink until Resume, also over restarts of the node.
func (s *Set) Pause(name string) error { panic("not built") }

// Resume lets it go on.
func (s *Set) Resume(name string) error { panic("not built") }

// Rewind moves a sink to a position, backwards or forwards; what it passes over on the way forward is told of as skipped.
func (s *Set) Rewind(name string, to fedmsg.Position) error { panic("not built") }

// Deliveries tells how far each sink is with an entry.
func (s *Set) Deliveries(e *fedmsg.Entry) []fedmsg.Delivery { panic("not built") }

// Check fails with CodeNotFound, naming the nearest, for a name that no sink has.
func (s *Set) Check(names ...string) error { panic("not built") }

// Wait waits until each of the sinks named is done with the entry, in whatever way, or ctx ends; either way it gives how far they are.
func (s *Set) Wait(ctx context.Context, e *fedmsg.Entry, names ...string) []fedmsg.Delivery {
	panic("not built")
}

// Places gives the saved places, for retention.
func (s *Set) Places() map[string]fedmsg.Position { panic("not built") }

// DeadList gives dead letters without their contents: of one sink, or of all where name is empty, at most limit from each.
func (s *Set) DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error) {
	panic("not built")
}

// DeadGet gives one with its contents.
func (s *Set) DeadGet(name string, number uint64) (deadletter.Letter, error) { panic("not built") }

// DeadRetry tries one again, out of order, and returns when its fate is known or ctx ends: nil when it was delivered, and gone then.
func (s *Set) DeadRetry(ctx context.Context, name string, number uint64) error { panic("not built") }

// DeadDrop removes one for good.
func (s *Set) DeadDrop(name string, number uint64) error { panic("not built") }

// Checks is the health: one check for each sink.
func (s *Set) Checks() []ops.Check { panic("not built") }
