package redact

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// Log is the log; a *commitlog.Log is one.
type Log interface {
	// Redact erases the payload of the entry with an id and an envelope of this SHA-256.
	Redact(ctx context.Context, id string, sum [sha256.Size]byte) (e fedmsg.Entry, found bool, err error)
	// Find gives the entry with an id, if there is one.
	Find(id string) (fedmsg.Entry, bool, error)
	// Resolve gives the number behind which a reader at the position goes on, and the gap before it where there is one.
	Resolve(p fedmsg.Position) (after uint64, gap *fedmsg.Gap)
}

// Deps is what an [Applier] needs. Fields without "optional" must be set.
type Deps struct {
	Log    Log
	Feed   *feed.Feed
	Ledger *Ledger
	Rules  *Rules
	// Place is the file of how far the log was read.
	Place string
	// Letters are the dead letters, which hold messages too.
	Letters []Letters
	Logger  *slog.Logger // optional
}

// Applier carries out what the log says is to be erased. It owns one goroutine, from Start to Stop; all other methods may be called by
// any goroutine.
type Applier struct {
	deps   Deps
	cancel context.CancelFunc // nil before Start
	ended  chan struct{}      // closed when run has returned

	// Owned by run.
	cursor  *feed.Cursor
	place   *place.File
	after   uint64          // number of the entry behind which it stands
	open    []task          // what is not carried out yet
	due     time.Time       // when that is tried again; zero is now
	retry   backoff.Backoff // of that
	reading backoff.Backoff // of the log

	mu       sync.Mutex // guards what follows
	through  uint64     // all up to this entry is carried out, but for
	undone   []uint64   // what these entries tell
	trouble  error      // why it does not go on; nil while it does
	advanced chan struct{}
}

// The waits behind a failure.
const (
	retryFirst = 100 * time.Millisecond
	retryMax   = 10 * time.Second
)

// New makes one, and opens the place and nothing else.
func New(d Deps) (*Applier, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	again := backoff.Backoff{Policy: backoff.Policy{First: retryFirst, Max: retryMax}}
	a := &Applier{deps: d, ended: make(chan struct{}), advanced: make(chan struct{}), retry: again, reading: again}
	var err error
	a.place, err = place.Open(d.Place, true)
	if err == nil && a.place.Position().IsZero() && d.Ledger.Len() == 0 {
		// It is the first start. What the log has on these topics already was let in when anybody might publish there.
		err = a.place.Save(d.Feed.Last())
	}
	if fedmsg.CodeOf(err) == fedmsg.CodeBadPosition {
		d.Logger.Warn("the saved place of what carries out redactions is damaged; the log is read from its beginning, and what was erased is erased again", "error", err)
		if err = os.Remove(d.Place); err == nil {
			a.place, err = place.Open(d.Place, true)
		}
	}
	if err != nil {
		return nil, err
	}
	after, gap := d.Log.Resolve(a.place.Position())
	if gap != nil {
		d.Logger.Warn("the log cannot give what was behind the last redaction that was carried out", "gap", gap.Error())
		if gap.Reason == fedmsg.GapAhead { // what the log went on with may have the same numbers
			after, _ = d.Log.Resolve(fedmsg.Position{})
		}
	}
	a.after, a.through = after, after
	a.cursor = d.Feed.Cursor(after)
	return a, nil
}

// Start begins. It is called once.
func (a *Applier) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go a.run(ctx)
}

// Stop ends it: what is not carried out by then is when it starts again. It may be called without Start.
func (a *Applier) Stop(ctx context.Context) error {
	if a.cancel == nil {
		_ = a.cursor.Close() // it only reads
		return a.place.Close()
	}
	a.cancel()
	select {
	case <-a.ended:
		return a.place.Close()
	case <-ctx.Done():
		return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "what carries out redactions does not stop")
	}
}

// Await returns when the log is read up to the entry with this number, and what that tells is carried out. It fails with CodeUnavailable, and says what hinders
// it, where that has not come when ctx ends.
func (a *Applier) Await(ctx context.Context, seq uint64) error {
	for {
		a.mu.Lock()
		done, advanced, trouble := a.through >= seq && !slices.Contains(a.undone, seq), a.advanced, a.trouble
		a.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-advanced:
		case <-a.ended:
			return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; the redaction is stored, and carried out when the node is back")
		case <-ctx.Done():
			if trouble == nil {
				trouble = ctx.Err()
			}
			return fedmsg.WrapError(fedmsg.CodeUnavailable, trouble, "the redaction is stored and not carried out yet; it will be")
		}
	}
}

// Err says why redactions are not carried out at the moment; nil where they are.
func (a *Applier) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}
