package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// request is something that run does between two sessions.
type request struct {
	do   func() error
	done chan error // capacity 1
}

var errStopping = fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; try again when it is back")

// ask has run do something between two sessions, and waits for it. A session that is open is drained and closed for it; what is
// under way for longer than that takes is cut off, as nobody would wait for a program that runs for an hour.
func (r *runner) ask(do func() error) error { return <-r.request(do, true).done }

// request has run do something between two sessions; cut says that what is under way may be cut off for it.
func (r *runner) request(do func() error, cut bool) *request {
	req := &request{do, make(chan error, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping || !r.started {
		req.done <- errStopping
		return req
	}
	r.requests = append(r.requests, req)
	r.interrupt()
	if s := r.session; cut && s != nil && s.kill == nil {
		s.kill = time.AfterFunc(drainTime, s.cancel)
	}
	r.notify()
	return req
}

// nextRequest takes the oldest request, if there is one.
func (r *runner) nextRequest() *request {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		return nil
	}
	req := r.requests[0]
	r.requests = r.requests[1:]
	return req
}

func (r *runner) pausedFile() string { return filepath.Join(r.dir, "paused") }

// Pause stops a sink until Resume, also over restarts of the node. What is under way has a second to be answered; then it is cut off,
// and sent again behind Resume.
func (s *Set) Pause(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.ask(func() error {
		if err := durable.WriteFile(durable.OS{}, r.pausedFile(), []byte("paused by an operator\n"), 0o600); err != nil {
			return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot pause sink %s for good", name)
		}
		r.setPaused(true)
		r.logger.Info("a sink is paused")
		return nil
	})
}

// Resume lets it go on. One that has stopped by itself tries at once whether it can; where it cannot, the error says why, and what would
// help.
func (s *Set) Resume(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.ask(func() error {
		if err := os.Remove(r.pausedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot resume sink %s for good", name)
		}
		r.setPaused(false)
		r.until = time.Time{}
		r.retry.Reset()
		if err := r.tryAgain(); err != nil {
			return err
		}
		r.logger.Info("a sink is resumed")
		return nil
	})
}

// tryAgain has a sink that has stopped by itself go on, or gives why it cannot. One that has not is left alone.
func (r *runner) tryAgain() error {
	stays := func(err error, cure string) error {
		_, why := fedmsg.Public(err)
		return fedmsg.WrapError(fedmsg.CodeOf(err), err, "sink %s is not paused, and stays stopped: %s; %s", r.cfg.Name, why, cure)
	}
	if r.adrift != nil {
		return stays(r.adrift, fmt.Sprintf("`fedmsg sink rewind %s --to POSITION` gives it a new place", r.cfg.Name))
	}
	if len(r.unburied) > 0 {
		if err := r.buryAgain(); err != nil {
			return stays(err, fmt.Sprintf("mend what their reasons say, then `fedmsg dead retry --all sink/%[1]s`, or `fedmsg dead drop --all sink/%[1]s`; it goes on by itself then", r.cfg.Name))
		}
	}
	if r.logErr == nil {
		return nil
	}
	r.logUntil = time.Time{}
	if _, saw := r.look(); saw == failed {
		return stays(r.logErr, "`fedmsg check` looks through the log; the sink goes on by itself when it can be read")
	}
	return nil
}

func (r *runner) setPaused(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
	switch {
	case r.adrift != nil: // it stays stopped
	case paused:
		r.state = StatePaused
	default:
		r.state = StateRunning
	}
}

func (r *runner) isPaused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused
}

// Rewind moves a sink to a position, backwards or forwards; what it passes over on the way forward is told of as skipped.
func (s *Set) Rewind(name string, to fedmsg.Position) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.ask(func() error { return r.rewind(to) })
}

func (r *runner) rewind(to fedmsg.Position) error {
	if to.IsZero() {
		return fedmsg.Errorf(fedmsg.CodeBadPosition, "no position is given to which sink %s is to be moved", r.cfg.Name)
	}
	cursor, gap := r.log.Cursor(to)
	_ = cursor.Close() // it was only asked whether there is such a position
	if gap != nil && gap.Reason != fedmsg.GapTrimmed {
		return fedmsg.Errorf(fedmsg.CodeBadPosition, "sink %s cannot be moved to %s: this log has no such position (%s)", r.cfg.Name, to, gap.Reason)
	}
	r.redeem()
	from := r.moved(to)
	r.writeNotes()
	err := r.place.Save(to)
	if err == nil {
		err = r.cutTimes(to.Seq)
	}
	switch {
	case err == nil:
	case r.adrift != nil:
		return err
	default:
		r.open(from)
		return err
	}
	r.open(to)
	r.logger.Info("a sink is rewound", "from", from, "to", to)
	r.mu.Lock()
	wasAdrift := r.adrift != nil
	r.kept, r.adrift = to, nil
	r.tellWaiters(r.through.Seq)
	r.mu.Unlock()
	if wasAdrift {
		r.goOn()
		r.setPaused(r.isPaused())
	}
	return nil
}

func (r *runner) cutTimes(seq uint64) error {
	r.records.mu.Lock()
	defer r.records.mu.Unlock()
	return r.records.times.cut(seq)
}

// moved puts away what was known of entries when the sink stood elsewhere, and gives that place.
func (r *runner) moved(to fedmsg.Position) (from fedmsg.Position) {
	r.before, r.unburied, r.placed = 0, nil, true
	r.until, r.logUntil = time.Time{}, time.Time{}
	r.mu.Lock()
	defer r.mu.Unlock()
	from, r.taken = r.through, 0
	clear(r.marks)
	r.blame, r.reached = suspicion{}, checkpoint{}
	switch {
	case r.adrift != nil:
		r.regain(to)
	case from.Seq > to.Seq:
		r.note(line{Kind: lineBack, From: to.Seq, To: from.Seq})
	case to.Seq > from.Seq:
		r.noteSkip(from.Seq+1, to.Seq, reasonMoved)
	}
	r.progress = passed
	return from
}
