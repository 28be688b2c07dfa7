package archiver

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Await returns when the archive has everything up to the position, which is one of this log or of one that it went on from. When ctx
// ends before it fails with CodeTimeout, or with CodeUnavailable where the store cannot be used.
func (a *Archiver) Await(ctx context.Context, p fedmsg.Position) error {
	if _, gap := a.deps.Log.Resolve(p); gap != nil && gap.Reason != fedmsg.GapTrimmed {
		return fedmsg.Errorf(fedmsg.CodeBadPosition, "cannot wait for position %s: it is none of this log, which is %s", p, a.deps.Feed.Last())
	}
	a.mu.Lock()
	a.awaiting++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.awaiting--
		a.mu.Unlock()
	}()
	for {
		a.mu.Lock()
		through, advanced := a.state.through, a.advanced
		if through < p.Seq {
			a.wake()
		}
		a.mu.Unlock()
		if through >= p.Seq {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			if err := a.store.usable(); err != nil {
				return err
			}
			return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the archive has everything up to %s, and not yet up to %s; ask again", a.at(through), p)
		}
	}
}

// settle notes that the archive has everything up to the entry with this number, and that nothing is read that it has not. It tells
// those who wait.
func (a *Archiver) settle(seq uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state.oldest = time.Time{}
	if a.state.through == seq {
		return
	}
	a.state.through = seq
	close(a.advanced)
	a.advanced = make(chan struct{})
}

// isAwaited reports whether somebody waits for what is not in the store yet.
func (a *Archiver) isAwaited() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.awaiting > 0
}
