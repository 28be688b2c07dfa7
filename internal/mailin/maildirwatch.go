package mailin

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg/internal/maildir"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// watch is one session.
type watch struct {
	*mailbox
	dir *maildir.Dir
	in  *receive.Intake

	moving sync.Mutex            // guards taken
	taken  map[maildir.Mail]bool // submitted and not settled: still where they were
}

// run looks for mails again and again.
func (w *watch) run(ctx context.Context) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	var looked time.Time
	for {
		known := looked.IsZero() || time.Since(looked) >= knownEvery
		if known {
			looked = time.Now()
		}
		if err := w.pass(ctx, known); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := errors.Join(w.failed(), w.dir.Replaced()); err != nil {
			return err
		}
	}
}

// pass takes all mails that there are. One that cannot be read does not keep others from being taken; it is told of at the end.
func (w *watch) pass(ctx context.Context, known bool) error {
	mails, odd, err := w.dir.Fresh(maxListed)
	if err != nil {
		return err
	}
	if known {
		seen, oddSeen, err := w.dir.Known(maxListed)
		if err != nil {
			return err
		}
		mails, odd = append(seen, mails...), odd+oddSeen
	}
	if odd != "" {
		w.in.Remark("what is no plain file is passed over in " + w.path + ", such as " + ops.Excerpt(odd))
	}
	var unread error
	for len(mails) > 0 {
		var some []came
		some, mails = w.window(ctx, mails)
		for i := range some {
			if ctx.Err() != nil { // mails that say nothing would not notice
				return ctx.Err()
			}
			if err := w.take(ctx, &some[i]); err != nil && unread == nil {
				unread = err
			}
		}
	}
	return unread
}

// submit hands on what a mail became.
func (w *watch) submit(ctx context.Context, m maildir.Mail, items ...receive.Item) error {
	w.moving.Lock()
	w.taken[m] = true
	w.moving.Unlock()
	return w.in.Submit(ctx, items...) // which fails only when ctx, and so this run, ends
}

// done moves a mail when all that it became is on disk. What is settled behind the end of the session comes again.
func (w *watch) done(m maildir.Mail, remove bool) {
	f := &finished{mail: m, remove: remove}
	if f.err = f.move(w.dir); f.err == nil {
		w.moving.Lock()
		delete(w.taken, m)
		w.moving.Unlock()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stuck == nil && !errors.Is(f.err, fs.ErrClosed) {
		w.stuck = f
	}
}
