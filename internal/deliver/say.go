package deliver

import (
	"log/slog"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// What the operator's log is told: once when something begins and once when it is over, whatever comes between.

// become notes what the sink is doing, and why.
func (r *runner) become(state State, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
	if err != nil {
		r.lastErr, r.lastTime = ops.Excerpt(sentence(err)), r.now()
	}
}

// sentence is what is shown of an error on one line, with its causes: whoever sees it is on this machine. Readers elsewhere are told by
// package httpapi that there is an error, and no more.
func sentence(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// halt has the sink stopped until somebody mends what is wrong.
func (r *runner) halt(err error) {
	r.become(StateStopped, err)
	if !r.halted {
		r.halted = true
		r.logger.Error("a sink has stopped", "error", err)
	}
}

// goOn has it stopped no longer.
func (r *runner) goOn() {
	r.become(StateRunning, nil)
	if r.halted {
		r.halted = false
		r.logger.Info("a sink goes on")
	}
}

// complain says that the destination gives trouble.
func (r *runner) complain(err error) {
	now := r.now()
	if age := now.Sub(r.saidAt); age >= troubleEvery || !r.said && age >= troubleEvery/6 {
		r.said, r.saidAt = true, now
		r.logger.Warn("a sink does not get through; it is tried again", "error", err)
	}
}

// relieve says that the trouble is over: the destination has answered, or, where nothing waits for it, takes connections.
func (r *runner) relieve(answered bool) {
	switch {
	case !r.said:
		return
	case answered:
		r.logger.Info("a sink gets through again")
	default:
		r.logger.Info("a sink is connected again, and nothing waits for it")
	}
	r.said = false
}

// obituary tells of dead letters: the first few one by one, then how many more there were, each minute in which there were any.
type obituary struct {
	told  int       // one by one
	more  int       // not told of yet
	since time.Time // when the minute began
	last  deadletter.Letter
}

// fewLetters are told of one by one.
const fewLetters = 5

// add takes note of a letter that lies with the dead letters now.
func (o *obituary) add(l *deadletter.Letter, now time.Time, logger *slog.Logger) {
	if o.due(now) {
		if o.more == 0 { // there was none for a while
			o.told = 0
		}
		o.tell(logger)
		o.since = now
	}
	if o.told < fewLetters {
		o.told++
		logger.Warn("gave up an entry, which lies with the dead letters now", "id", l.ID, "topic", l.Topic, "code", l.Code, "attempts", l.Attempts, "reason", l.Reason)
		return
	}
	o.more++
	o.last = deadletter.Letter{ID: l.ID, Code: l.Code, Reason: l.Reason}
}

func (o *obituary) due(now time.Time) bool { return now.Sub(o.since) >= troubleEvery }

// tell tells of those that were not told of.
func (o *obituary) tell(logger *slog.Logger) {
	if o.more == 0 {
		return
	}
	logger.Warn("gave up more entries, which lie with the dead letters now", "count", o.more, "last_id", o.last.ID, "last_code", o.last.Code, "last_reason", o.last.Reason)
	o.more = 0
}

// obituaryAt tells what is due, and else says when it will be.
func (r *runner) obituaryAt() time.Time {
	o := &r.obituary
	now := r.now()
	switch {
	case o.more == 0:
		return time.Time{}
	case o.due(now):
		o.tell(r.logger)
		o.since = now
		return time.Time{}
	}
	return o.since.Add(troubleEvery)
}
