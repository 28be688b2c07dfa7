package deliver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/place"
)

// The times and sizes of every runner.
const (
	saveEvery     = 10 * time.Millisecond // the place is saved so often while entries are under way
	passEvery     = time.Second           // and so often where nothing but entries that are not wanted went by
	drainTime     = time.Second           // so long answers are waited for before a session is ended that could go on
	restAfter     = time.Second           // without an entry for so long the memory of the window is let go
	haltEvery     = 5 * time.Second       // so often a stopped sink looks whether it can go on
	remarkEvery   = 10 * time.Second      // one remark in such a time is logged
	troubleEvery  = time.Minute           // and the same trouble
	lookMost      = 256                   // so many unwanted entries are passed before anything else is looked after
	maxWindowSize = 16 << 20              // bytes of the entries in flight; one entry is always taken
)

// runner walks one sink along the log. One goroutine runs it; sessions answer from others.
type runner struct {
	dir    string // of all that it keeps but its place
	cfg    Config // with what stands for zero fields
	sink   Sink
	filter filter.Filter
	log    Log
	logs   lineage
	dead   *deadletter.Store
	logger *slog.Logger
	erased func(*fedmsg.Entry) bool // Deps.Redacted
	now    func() time.Time
	ended  chan struct{} // closed when run has returned

	// Owned by the goroutine of run.
	place    *place.File
	retry    backoff.Backoff
	logRetry backoff.Backoff
	peeked   *fedmsg.Entry       // a wanted entry that was read and not sent
	placed   bool                // it stands somewhere, not before an oldest entry that nobody has seen
	before   int                 // of marks, how many are settled
	unburied []deadletter.Letter // given up, and without room among the dead letters
	saved    time.Time           // when the place was saved last
	until    time.Time           // no session is opened before
	logErr   error               // why the log could not be read; nil if it could
	logUntil time.Time           // it is not read again before

	records records
	burying sync.Mutex // held while a letter is added or dropped and its entry looked at; mu may be taken under it

	// Owned by run, as above: what is said with restraint.
	timesFailed bool
	notesFailed time.Time // when it was last logged that notes cannot be written
	saveFailed  time.Time // and that the place cannot be saved
	remarked    time.Time // when a remark was logged last
	said        bool      // a trouble was logged, and its end was not
	saidAt      time.Time
	halted      bool // it was logged that the sink has stopped, and not that it goes on
	obituary    obituary

	wake  chan struct{} // ends the waiting that is not for the log; capacity 1
	timer *time.Timer   // ends either waiting

	mu          sync.Mutex // guards all that follows; nothing is waited for under it
	cursor      Cursor     // set by run only
	parked      parked
	again       bool // something happened while run was not parked
	started     bool
	stopping    bool
	paused      bool
	adrift      error // why the saved place cannot be read; nil if it can, or the sink has another; set by run only
	requests    []*request
	session     *session           // nil without one
	solo        context.CancelFunc // ends what is sent outside of sessions; nil without any
	window      window
	marks       map[uint64]mark   // of entries behind through, over sessions; nil without any
	letters     map[uint64]uint64 // dead letters of entries that are sent again, by the numbers of these; nil without any
	redeemed    map[uint64]uint64 // of these, those whose entry is delivered, and which are to be removed
	read        uint64            // number of the last entry that was read and is in the window, settled or passed over
	taken       uint64            // number of the last entry that was put into the window
	through     fedmsg.Position   // everything up to it is settled, skipped or not wanted
	reached     checkpoint        // the last time that a delivery brought it forward
	progress    progress          // since the place was saved
	starved     bool              // run waits for room in the window
	heard       time.Time         // when the last answer came, or when something was sent behind which none was open
	waiters     []*waiter
	blame       suspicion
	tally       tally
	state       State
	lastErr     string
	lastTime    time.Time
	kept        fedmsg.Position // the place that was saved
	change      change          // set by run only
	notes       []line          // what is to be written down
	noted       time.Time       // when the first of these came
	notesUrgent bool            // some of these come before the place is saved
	oldest      time.Time       // when the entry was received that waits for a session; zero without one
}

// mark is what is kept of an entry from one session to the next.
type mark struct {
	attempts int
	settled  bool
}

// progress says how far the saved place is behind.
type progress uint8

const (
	none      progress = iota
	passed             // entries that are not wanted, or are skipped
	delivered          // entries that the destination has
)

// tally counts since the start of the node.
type tally struct {
	delivered, retried, skipped, remarked uint64
	missed                                uint64 // of those skipped, without an operator's doing
}

// run delivers until the runner is stopped.
func (r *runner) run() {
	defer close(r.ended)
	if r.adrift == nil {
		r.open(r.place.Position())
	}
	for !r.isStopping() {
		r.round()
	}
	r.save()
	r.timesAt(true)
	r.writeNotes()
	r.obituary.tell(r.logger)
	r.closeCursor()
}

// round does one thing between two sessions, or is one session.
func (r *runner) round() {
	if req := r.nextRequest(); req != nil {
		req.done <- req.do()
		return
	}
	if r.adrift != nil {
		r.rest(failed, time.Time{})
		return
	}
	e, state := r.look()
	now := r.now()
	r.mu.Lock()
	r.oldest = time.Time{}
	if e != nil {
		r.oldest = e.Received
	}
	r.mu.Unlock()
	switch {
	case state == interrupted:
	case r.isPaused():
		r.become(StatePaused, nil)
		r.rest(state, time.Time{})
	case len(r.unburied) > 0 && r.buryAgain() != nil:
		r.rest(found, now.Add(haltEvery))
	case state == failed:
		r.rest(failed, r.logUntil)
	case now.Before(r.until):
		r.rest(state, r.until)
	case e == nil && r.cfg.IdleTimeout > 0:
		r.become(StateRunning, nil)
		r.rest(state, time.Time{})
	default:
		r.converse()
	}
}

// open has the log read from behind the position, which is told of as skipped where that cannot be.
func (r *runner) open(after fedmsg.Position) {
	r.closeCursor()
	r.peeked = nil
	cursor, gap := r.log.Cursor(after)
	r.mu.Lock()
	r.cursor = cursor
	r.through, r.read = after, after.Seq
	if gap != nil {
		r.through, r.read = gap.To, gap.To.Seq
	} else if !after.IsZero() {
		r.through.Log = r.log.End().Log // a position of a log that this one went on from is one of this log
	}
	r.letters = r.dead.Behind(r.through)
	from := r.through.Seq
	r.mu.Unlock()
	r.passesAgain(from)
	if gap != nil {
		r.gap(gap)
	}
}

func (r *runner) closeCursor() {
	r.mu.Lock()
	c := r.cursor
	r.cursor = nil
	r.mu.Unlock()
	if c != nil {
		_ = c.Close() // it only reads
	}
}

// advance brings through to where nothing is open before it. The caller holds mu.
func (r *runner) advance(how progress) {
	seq := r.read
	if r.window.n > 0 {
		seq = r.window.front().entry.Position.Seq - 1
	}
	if seq <= r.through.Seq {
		return
	}
	r.through.Seq = seq
	if how == delivered {
		r.reached = checkpoint{seq, r.heard}
		if r.session != nil {
			r.session.progressed = true
		}
	}
	r.progress = max(r.progress, how)
	if len(r.waiters) > 0 {
		r.tellWaiters(seq)
	}
}

func (r *runner) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}
