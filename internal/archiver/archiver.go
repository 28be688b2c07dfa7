package archiver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// Log is what there is of the past; a *commitlog.Log is one.
type Log interface {
	// Info describes the log as it is now.
	Info() commitlog.Info
	// Resolve gives the number behind which a reader at the position goes on, and the gap before it where there is one. The zero
	// position stands before the oldest entry.
	Resolve(p fedmsg.Position) (after uint64, gap *fedmsg.Gap)
	// Find gives the entry with an id, if there is one.
	Find(id string) (fedmsg.Entry, bool, error)
}

// Deps is what it needs. Fields without "optional" must be set.
type Deps struct {
	Log  Log
	Feed *feed.Feed
	// Open opens the store; it is tried again with back-off for as long as it fails.
	Open func(ctx context.Context) (archive.Store, error)
	// Place is the file of what the archive has, for retention.
	Place string
	// Gaps is the file of what the store lacks of the log. Each store has its own.
	Gaps string
	// Redaction reads what an entry says is to be erased, if whoever said so may; optional.
	Redaction func(*fedmsg.Entry) (archive.Redaction, bool)
	// Ledger knows what was redacted; not optional where Redaction is set.
	Ledger     Ledger
	Registerer prometheus.Registerer // optional
	Logger     *slog.Logger          // optional
}

// Archiver owns one goroutine, from Start to Stop. All other methods may be called by any goroutine.
type Archiver struct {
	deps     Deps
	metrics  *metrics
	store    lending
	searcher *archive.Searcher
	ancestry []commitlog.Ancestor // the logs that this one went on from, oldest first

	cancel context.CancelFunc // ends run; nil before Start
	tried  chan struct{}      // closed when the first attempt to open the store has ended
	ended  chan struct{}      // closed when run has returned

	// Owned by run.
	writer     archive.Store      // nil while none is open
	unfinished *archive.Redaction // what was erased and still stands in a file of the store; nil without one
	swept      archive.Store      // the store in which all that was redacted before was looked for
	tryOnce    sync.Once          // closes tried
	place      *place.File
	leave      context.CancelCauseFunc // ends the walk of this round, because the store is lost
	unplaced   bool                    // the place could not be saved, which was logged
	retry      backoff.Backoff
	batch      batch
	committed  time.Time // when something was put into the store last
	told       string    // the failure that was logged last; empty when the store works

	mu       sync.Mutex // guards all that follows; nothing is waited for under it
	cursor   *feed.Cursor
	state    state
	requests []*request
	gaps     gapBook       // replaced by run only
	awaiting int           // callers of Await
	advanced chan struct{} // closed when state.through moves; then there is another
}

// New makes one. It opens the place and nothing else.
func New(d Deps) (*Archiver, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Archiver{
		deps: d, metrics: newMetrics(), ancestry: d.Log.Info().Lineage,
		tried: make(chan struct{}), ended: make(chan struct{}), advanced: make(chan struct{}),
		retry: backoff.Backoff{Policy: backoff.Policy{First: retryFirst, Max: retryMax}},
	}
	a.searcher = archive.NewSearcher(&a.store)
	if err := a.openPlace(); err != nil {
		return nil, err
	}
	var err error
	if a.gaps, err = openGaps(d.Gaps); err != nil {
		d.Logger.Warn("what was written down of entries that the archive lacks cannot be read; readers of the archive are not told of these", "error", err)
	}
	if d.Registerer != nil {
		if err := a.metrics.register(a, d.Registerer); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Start begins. It is called once.
func (a *Archiver) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go a.run(ctx)
}

// Tried is closed when the first attempt to open the store has ended, with success or without.
func (a *Archiver) Tried() <-chan struct{} { return a.tried }

// Stop ends it and closes the store, whatever is under way: what was not put into the store by then will be by the next start. It may
// be called without Start.
func (a *Archiver) Stop(ctx context.Context) error {
	if a.cancel == nil {
		return a.place.Close()
	}
	a.cancel()
	select {
	case <-a.ended:
		return a.place.Close()
	case <-ctx.Done():
		return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the archive's store does not stop")
	}
}

// Searcher gives what answers questions, or an error (CodeUnavailable) while the store cannot be used. It may be kept: what is asked of
// it while the store cannot be used fails so too.
func (a *Archiver) Searcher() (*archive.Searcher, error) {
	if err := a.store.usable(); err != nil {
		return nil, err
	}
	return a.searcher, nil
}
