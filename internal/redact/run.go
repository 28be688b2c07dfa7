package redact

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

const (
	// saveEvery is after how many entries the place is saved where more follow at once.
	saveEvery = 4096
	// maxOpen bounds the redactions that could not be carried out while others were: with as many nothing more is read.
	maxOpen = 256
)

// task is a redaction that is not carried out everywhere yet.
type task struct {
	redaction archive.Redaction
	seq       uint64 // of the entry that tells it; 0 where it was known at the start
	erased    bool   // the log has nothing of it any more, and takes it no more
}

// run reads along the log until ctx ends. First everything is erased again that was redacted before: log and dead letters may be older
// than that, as when they were put back from a backup.
func (a *Applier) run(ctx context.Context) {
	defer close(a.ended)
	defer func() { _ = a.cursor.Close() }() // it only reads
	for _, r := range a.deps.Ledger.All() {
		a.open = append(a.open, task{redaction: r})
	}
	a.carryOut(ctx)
	for saved := a.after; ctx.Err() == nil; {
		item, err := a.cursor.Next()
		gap, isGap := errors.AsType[*fedmsg.Gap](err)
		switch {
		case err == nil:
			a.reading.Reset()
			a.after = item.Entry.Position.Seq
			if r, told := a.deps.Rules.Read(item.Entry); told {
				a.open, a.due = append(a.open, task{redaction: r, seq: a.after}), time.Time{}
			}
		case isGap:
			a.after = gap.To.Seq
		case errors.Is(err, io.EOF):
			a.carryOut(ctx)
			saved = a.save()
			a.rest(ctx, a.cursor.WaitContext)
			continue
		default:
			a.hindered(err)
			_ = a.reading.Wait(ctx)
			continue
		}
		for ; a.after-saved >= saveEvery || len(a.open) >= maxOpen && ctx.Err() == nil; a.rest(ctx, ended) {
			a.carryOut(ctx)
			if saved = a.save(); len(a.open) < maxOpen {
				break
			}
		}
	}
}

// rest waits, by what ends when ctx does, until what failed is to be tried again.
func (a *Applier) rest(ctx context.Context, wait func(context.Context) error) {
	if len(a.open) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, a.due)
		defer cancel()
	}
	_ = wait(ctx)
}

// ended waits for the end of ctx alone.
func ended(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// carryOut tries what is open, if it is time: first the log, of all of them, so that none waits for another one that fails; then the
// dead letters, which are gone through once for all.
func (a *Applier) carryOut(ctx context.Context) {
	if len(a.open) > 0 && !time.Now().Before(a.due) {
		err := a.eraseAll(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			a.retry.Reset()
		} else {
			a.hindered(err)
			a.due = time.Now().Add(a.retry.Next())
		}
	}
	a.settle()
}

// eraseAll does what is open once, and gives the first failure. What is erased already stays so.
func (a *Applier) eraseAll(ctx context.Context) (failed error) {
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	left := a.open[:0]
	for _, t := range a.open {
		another, err := a.erase(ctx, &t)
		if note(err); !another {
			left = append(left, t)
		}
	}
	clear(a.open[len(left):])
	a.open = left
	for _, l := range a.deps.Letters {
		n, err := dropLetters(l, a.open)
		if n > 0 {
			a.deps.Logger.Info("dead letters of redacted messages were removed", "dead_letters", n)
		}
		if err != nil {
			note(err)
			return failed
		}
	}
	a.open = slices.DeleteFunc(a.open, func(t task) bool { return t.erased })
	return failed
}

// erase has the log erase a message, unless it has. It reports whether the log has another one under the id than the one that is meant,
// or one that tells of a redaction.
func (a *Applier) erase(ctx context.Context, t *task) (another bool, err error) {
	r := &t.redaction
	if t.erased {
		return false, nil
	}
	e, found, err := a.deps.Log.Find(r.ID)
	if err != nil {
		return false, err
	}
	if found && (IsTopic(e.Topic) || !e.Redacted && Sum(e.Envelope) != r.SHA256) {
		a.deps.Logger.Warn("a redaction is not carried out in the log: the message of that id there is another one, or tells of a redaction itself", "id", r.ID, "by", r.By)
		return true, nil
	}
	// From here on the log takes it no more. What was handed to the log before is there when it erases.
	if err := a.deps.Ledger.Add(*r); err != nil {
		return false, err
	}
	e, found, err = a.deps.Log.Redact(ctx, r.ID, sumOf(r))
	if fedmsg.CodeOf(err) == fedmsg.CodeIDConflict {
		a.deps.Logger.Warn("a redaction is not carried out", "id", r.ID, "by", r.By, "error", err)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if found {
		a.deps.Feed.Redact(&e)
	}
	if t.seq > 0 {
		a.deps.Logger.Info("a message was redacted", "id", r.ID, "by", r.By, "reason", r.Reason, "in_log", found)
	}
	t.erased = true
	return false, nil
}

// hindered takes note of a failure, and logs one that is new.
func (a *Applier) hindered(err error) {
	a.mu.Lock()
	isNew := a.trouble == nil || a.trouble.Error() != err.Error()
	a.trouble = err
	a.mu.Unlock()
	if isNew {
		a.deps.Logger.Error("a redaction cannot be carried out, and is tried again", "error", err)
	}
}

// settle tells who waits how far it is.
func (a *Applier) settle() {
	undone := make([]uint64, len(a.open))
	for i := range a.open {
		undone[i] = a.open[i].seq
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(undone) == 0 {
		a.trouble = nil
	}
	if a.through == a.after && slices.Equal(a.undone, undone) {
		return
	}
	a.through, a.undone = a.after, undone
	close(a.advanced)
	a.advanced = make(chan struct{})
}

// save saves the place, before all that is not carried out. Where that fails the log is read again from the one before.
func (a *Applier) save() uint64 {
	p := fedmsg.Position{Log: a.deps.Feed.Log(), Seq: a.after}
	for i := range a.open {
		if seq := a.open[i].seq; seq > 0 {
			p.Seq = min(p.Seq, seq-1)
		}
	}
	if p != a.place.Position() {
		if err := a.place.Save(p); err != nil {
			a.deps.Logger.Warn("the place of what carries out redactions cannot be saved", "error", err)
		}
	}
	return a.after
}
