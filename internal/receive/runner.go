package receive

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// runner runs one source, session after session. Its goroutine is that of run, which others report to.
type runner struct {
	c          Config
	source     Source
	inFlight   int
	door       Door
	dead       *deadletter.Store
	log        *slog.Logger
	shown      string // where it takes from, for people
	own        fedmsg.LogID
	redacted   func(id string) bool // Deps.Redacted
	redactions func() int           // Deps.Redactions

	burying sync.Mutex // held while a letter is added; mu may be taken under it

	mu      sync.Mutex // guards what follows
	state   state
	current *Intake  // of the session that runs; nil between two
	buried  buried   // what was given to the dead letters lately
	came    restrain // lines about connections made
	went    restrain // and lost
	marked  restrain // and remarks
}

// state is what is known of a source.
type state struct {
	connected  bool
	stuck      bool // the node takes nothing from it just now
	full       bool // stuck for its dead letters
	received   uint64
	duplicates uint64
	refused    uint64
	tooOld     uint64
	redacted   uint64
	passed     time.Time // when the last of these was passed over
	lost       uint64    // sessions
	passedOver uint64    // what no message was made of
	lastError  string    // of bounded length
	lastTime   time.Time
}

// run runs the source again and again, with growing waits, until ctx ends.
func (r *runner) run(ctx context.Context) {
	wait := backoff.Backoff{Policy: r.c.retry()}
	for ctx.Err() == nil {
		in := newIntake(r)
		r.begin(in)
		err := in.run(ctx)
		good := in.good(wait.Policy.Max)
		r.begin(nil)
		if ctx.Err() != nil {
			return
		}
		if good {
			wait.Reset()
		}
		r.lose(err, good)
		if wait.Wait(ctx) != nil {
			return
		}
	}
}

// good reports whether a session, now over, brought something or stood for long.
func (in *Intake) good(long time.Duration) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.settled > 0 || !in.since.IsZero() && time.Since(in.since) >= long
}

// begin enters that a session has begun, or with nil that one is over.
func (r *runner) begin(in *Intake) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = in
	r.state.connected, r.state.stuck, r.state.full = false, false, false
}

func (r *runner) connected() {
	r.mu.Lock()
	was := r.state.connected
	r.state.connected = true
	silent, write := 0, false
	if !was && (r.came.last.IsZero() || r.came.last.Before(r.went.last)) { // nobody was told of a loss since, so nothing is news
		silent, write = r.came.turn(time.Now(), "")
	}
	r.mu.Unlock()
	if write {
		r.log.Info("source is connected", "from", r.shown, ops.Held{Count: silent}.Attr())
	}
}

// lose takes note of the end of a session. A source that fails again and again for one reason is told of seldom, unless it was well in between.
func (r *runner) lose(err error, wasGood bool) {
	if err == nil {
		err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the source ended without saying why")
	}
	r.mu.Lock()
	r.state.lost++
	r.fault(err)
	if wasGood {
		r.went.text = ""
	}
	silent, write := r.went.turn(time.Now(), r.state.lastError)
	r.mu.Unlock()
	if write {
		r.log.Warn("source is not connected, and is tried again", "from", r.shown, ops.Held{Count: silent}.Attr(), "err", err)
	}
}

// fault enters an error. The mutex is held.
func (r *runner) fault(err error) {
	r.state.lastError, r.state.lastTime = ops.Excerpt(err.Error()), time.Now().UTC()
}

// holds takes note that the node takes nothing now.
func (r *runner) holds(err error) {
	r.mu.Lock()
	first := !r.state.stuck
	r.state.stuck, r.state.full = true, isFull(err)
	r.fault(err)
	r.mu.Unlock()
	if first {
		r.log.Warn("source is held back: what it brings cannot be stored now, and is tried again", "err", err)
	}
}

// goesOn takes note that the node takes again.
func (r *runner) goesOn() {
	r.mu.Lock()
	r.state.stuck, r.state.full = false, false
	r.mu.Unlock()
	r.log.Info("source goes on")
}

// count counts what is in the log now, and what had been before.
func (r *runner) count(accepted, duplicates uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.received += accepted + duplicates
	r.state.duplicates += duplicates
}

// remark writes to the operator's log.
func (r *runner) remark(text string) {
	r.mu.Lock()
	silent, write := r.marked.turn(time.Now(), text)
	r.mu.Unlock()
	if write {
		r.log.Warn("source remarks", "text", text, ops.Held{Count: silent}.Attr())
	}
}

// How often a line of one kind is written, and one that says the same as the last one.
const (
	lineEvery = 10 * time.Second
	sameEvery = time.Hour
)

// restrain lets one line through in a while.
type restrain struct {
	last   time.Time
	text   string // what the last one said; empty where the next is news whatever it says
	silent int
}

// turn reports whether a line that says text may be written, and how many were not since the last.
func (r *restrain) turn(now time.Time, text string) (silent int, write bool) {
	every := lineEvery
	if text != "" && text == r.text {
		every = sameEvery
	}
	if d := now.Sub(r.last); d >= 0 && d < every {
		r.silent++
		return 0, false
	}
	silent, r.last, r.text, r.silent = r.silent, now, text, 0
	return silent, true
}
