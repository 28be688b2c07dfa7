package deliver

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
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
	Log    Log
	Places string // directory of the saved places, a file for each sink, which retention reads too
	Dir    string // directory of all else that sinks keep: dead letters, times, what was skipped
	// Ancestors are the logs that this one went on from, each with its last number that is this log's too; optional. What was written
	// down before of their entries holds.
	Ancestors map[fedmsg.LogID]uint64
	// Redacted reports whether an entry was redacted since it was read from the log; what was is neither sent nor kept among the dead
	// letters. It is called by any goroutine, for each entry, and must not block. Nil is none.
	Redacted   func(*fedmsg.Entry) bool
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
	Now        func() time.Time      // optional
}

// Configured is one sink: what is common to all kinds, and the kind at work.
type Configured struct {
	Config Config
	Sink   Sink
	// InFlight, IdleTimeout and AnswerTimeout are what the kind proposes where the Config leaves it to it.
	InFlight      int
	IdleTimeout   time.Duration
	AnswerTimeout time.Duration
}
