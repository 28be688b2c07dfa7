package redact

import (
	"context"
	"errors"
	"io"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// saveEvery is after how many entries the place is saved where more follow at once.
const saveEvery = 4096

// run reads along the log until ctx ends.
func (a *Applier) run(ctx context.Context) {
	defer close(a.ended)
	defer func() { _ = a.cursor.Close() }() // it only reads
	for saved := a.after; ctx.Err() == nil; {
		item, err := a.cursor.Next()
		gap, isGap := errors.AsType[*fedmsg.Gap](err)
		switch {
		case err == nil:
			r, told := a.deps.Rules.Read(item.Entry)
			if told && !a.carryOut(ctx, &r) {
				return
			}
			a.after = item.Entry.Position.Seq
			if told {
				a.settle()
			}
		case isGap:
			a.after = gap.To.Seq
		case errors.Is(err, io.EOF):
			a.settle()
			saved = a.save()
			_ = a.cursor.WaitContext(ctx)
			continue
		default:
			a.hindered(err)
			_ = a.retry.Wait(ctx)
			continue
		}
		if a.after-saved >= saveEvery {
			a.settle()
			saved = a.save()
		}
	}
}

// carryOut erases a message everywhere, however often it takes. It reports false where ctx ended before.
func (a *Applier) carryOut(ctx context.Context, r *archive.Redaction) bool {
	for {
		err := a.erase(ctx, r)
		if err == nil {
			a.retry.Reset()
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		a.hindered(err)
		if a.retry.Wait(ctx) != nil {
			return false
		}
	}
}

// erase does it once. What is erased already stays so.
func (a *Applier) erase(ctx context.Context, r *archive.Redaction) error {
	e, found, err := a.deps.Log.Find(r.ID)
	if err != nil {
		return err
	}
	if found && !e.Redacted && Sum(e.Envelope) != r.SHA256 || found && IsTopic(e.Topic) {
		a.deps.Logger.Warn("a redaction is not carried out: the message of that id here is another one, or tells of a redaction itself", "id", r.ID, "by", r.By)
		return nil
	}
	// From here on the log takes it no more. What was handed to the log before is there when it erases.
	if err := a.deps.Ledger.Add(*r); err != nil {
		return err
	}
	e, found, err = a.deps.Log.Redact(ctx, r.ID, sumOf(r))
	if fedmsg.CodeOf(err) == fedmsg.CodeIDConflict {
		a.deps.Logger.Warn("a redaction is not carried out", "id", r.ID, "by", r.By, "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	if found {
		a.deps.Feed.Redact(&e)
	}
	letters := 0
	for _, l := range a.deps.Letters {
		n, err := dropLetters(l, r)
		if letters += n; err != nil {
			return err
		}
	}
	a.deps.Logger.Info("a message was redacted", "id", r.ID, "by", r.By, "reason", r.Reason, "in_log", found, "dead_letters", letters)
	return nil
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
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trouble = nil
	if a.through == a.after {
		return
	}
	a.through = a.after
	close(a.advanced)
	a.advanced = make(chan struct{})
}

// save saves the place. Where that fails the log is read again from the one before.
func (a *Applier) save() uint64 {
	p := fedmsg.Position{Log: a.deps.Feed.Log(), Seq: a.after}
	if p != a.place.Position() {
		if err := a.place.Save(p); err != nil {
			a.deps.Logger.Warn("the place of what carries out redactions cannot be saved", "error", err)
		}
	}
	return a.after
}
