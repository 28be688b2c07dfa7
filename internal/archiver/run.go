package archiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// The times of every archiver.
const (
	retryFirst = 200 * time.Millisecond // the first wait after a failure
	retryMax   = 10 * time.Second       // and the longest
	putTime    = time.Minute            // a store that has not put a batch away by then has failed
)

// run keeps the archive up with the log until ctx ends.
func (a *Archiver) run(ctx context.Context) {
	defer close(a.ended)
	for ctx.Err() == nil {
		if err := a.round(ctx); ctx.Err() == nil {
			a.failed(err)
			_ = a.retry.Wait(ctx)
		}
	}
	a.mu.Lock()
	a.state.stopping = true
	a.mu.Unlock()
	a.refuse(errStopping())
	if err := a.store.close(errStopping()); err != nil {
		a.deps.Logger.Warn("closing the archive failed", "error", err)
	}
}

func errStopping() error {
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; ask again when it is back")
}

// round opens the store unless it is open, and puts entries into it until something fails.
func (a *Archiver) round(ctx context.Context) error {
	if a.writer == nil {
		if err := a.open(ctx); err != nil {
			return err
		}
	}
	after, err := a.begin(ctx)
	if err != nil {
		return err
	}
	walking, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	a.leave = leave
	err = a.walk(walking, after)
	if walking.Err() != nil && ctx.Err() == nil {
		return a.lose(context.Cause(walking))
	}
	return err
}

// open opens the store and lends it to searchers.
func (a *Archiver) open(ctx context.Context) error {
	a.busy(time.Now())
	s, err := a.deps.Open(ctx)
	a.busy(time.Time{})
	if err != nil {
		_ = a.store.close(err) // there is none: it notes the reason
	} else {
		a.writer = s
		a.store.open(s)
	}
	a.tryOnce.Do(func() { close(a.tried) })
	return err
}

// begin finds out up to where the log is in the store, and gives the number behind which it goes on.
func (a *Archiver) begin(ctx context.Context) (after uint64, err error) {
	p, err := a.saved(ctx)
	if err != nil {
		return 0, a.lose(err)
	}
	after, gap := a.deps.Log.Resolve(p)
	ahead := gap != nil && gap.Reason == fedmsg.GapAhead
	if ahead {
		// The archive was written from entries that this log does not have: it was restored from an older copy. What it has gone
		// on with has their numbers, so that none of these can be trusted; what is known already is left out by its id.
		a.deps.Logger.Warn("the archive has what the log has not, as when the log was restored from an older copy; the log is read again from its beginning",
			"archive", p.String(), "log", gap.To.String(), "cure", "if it was restored, stop the node and run `fedmsg log adopt`")
		after, gap = a.deps.Log.Resolve(fedmsg.Position{})
	}
	switch {
	case gap != nil:
		err = a.miss(gap)
	case p.IsZero():
		err = a.beginAnew(after)
	}
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	a.state.ahead = ahead && p.Log == a.log()
	a.mu.Unlock()
	a.save(after)
	a.settle(after)
	return after, nil
}

// beginAnew takes note of what a store that has nothing yet will never have.
func (a *Archiver) beginAnew(after uint64) error {
	a.deps.Logger.Info("the archive begins", "behind", a.at(after).String())
	a.mu.Lock()
	book := a.gaps
	a.mu.Unlock()
	if err := book.forget(); err != nil {
		return err
	}
	a.keep(book)
	if after == 0 {
		return nil
	}
	return a.note(fedmsg.Gap{From: a.at(1), To: a.at(after), Reason: fedmsg.GapTrimmed})
}

// saved gives the position that the store has of this log, or else of the youngest that it went on from.
func (a *Archiver) saved(ctx context.Context) (fedmsg.Position, error) {
	p, err := a.writer.Position(ctx, a.log())
	for i := len(a.ancestry) - 1; i >= 0 && err == nil && p.IsZero(); i-- {
		p, err = a.writer.Position(ctx, a.ancestry[i].ID)
	}
	return p, err
}

// log is the log that is archived.
func (a *Archiver) log() fedmsg.LogID { return a.deps.Feed.Log() }

// at is a position in it.
func (a *Archiver) at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: a.log(), Seq: seq} }

// lose gives up the store because of an error, so that the next round opens another. Where only the disk is full, or somebody else still
// needs what was erased, it stays, for those who search.
func (a *Archiver) lose(err error) error {
	if fedmsg.CodeOf(err) == fedmsg.CodeStorageFull || errors.Is(err, archive.ErrInUse) {
		return err
	}
	a.writer = nil
	return errors.Join(err, a.store.close(err))
}

// failed notes and tells why the archive does not go on.
func (a *Archiver) failed(err error) {
	a.metrics.failures.Inc()
	a.mu.Lock()
	a.state.trouble = err
	if a.state.since.IsZero() {
		a.state.since = time.Now()
	}
	a.mu.Unlock()
	if text := fmt.Sprint(err); text != a.told {
		a.deps.Logger.Error("the archive cannot go on, and is tried again; the log keeps what is not in it", "error", err)
		a.told = text
	}
	a.refuse(err)
}

// works notes that the store does its work.
func (a *Archiver) works() {
	a.retry.Reset()
	if a.told == "" {
		return
	}
	a.told = ""
	a.mu.Lock()
	since := a.state.since
	a.state.trouble, a.state.since = nil, time.Time{}
	a.mu.Unlock()
	a.deps.Logger.Info("the archive goes on", "after", time.Since(since).Round(time.Millisecond).String())
}
