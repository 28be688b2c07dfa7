package archiver

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// The sizes of a batch.
const (
	maxEntries = 2000
	maxBytes   = 4 << 20 // of envelopes; one entry is always taken
	putEvery   = 50 * time.Millisecond
)

// batch is what goes into the store next. It belongs to run.
type batch struct {
	entries []fedmsg.Entry
	bytes   int
	at      uint64 // number of the last entry that was read, behind the others
}

func (b *batch) add(e *fedmsg.Entry) {
	b.entries = append(b.entries, *e)
	b.bytes += len(e.Envelope)
	b.at = e.Position.Seq
}

func (b *batch) full() bool { return len(b.entries) >= maxEntries || b.bytes >= maxBytes }

// reset empties it, and stands behind the entry with this number.
func (b *batch) reset(at uint64) {
	clear(b.entries)
	b.entries, b.bytes, b.at = b.entries[:0], 0, at
}

// walk puts what is behind an entry into the store, until ctx ends or something fails.
func (a *Archiver) walk(ctx context.Context, after uint64) error {
	if err := a.sweep(ctx); err != nil {
		return err
	}
	cursor := a.follow(after)
	defer a.unfollow()
	a.batch.reset(after)
	for ctx.Err() == nil {
		a.serve(ctx)
		item, err := cursor.Next()
		gap, isGap := errors.AsType[*fedmsg.Gap](err)
		switch {
		case err == nil:
			err = a.take(ctx, item.Entry)
		case isGap:
			err = a.miss(gap)
			a.batch.at = gap.To.Seq
		case errors.Is(err, io.EOF):
			err = a.rest(ctx, cursor)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take adds an entry to the batch, which is put away when it is full. What an entry says is to be erased is erased before the position
// behind that entry is saved: a crash repeats it, and never leaves it out.
func (a *Archiver) take(ctx context.Context, e *fedmsg.Entry) error {
	if a.deps.Redaction != nil {
		if r, ok := a.deps.Redaction(e); ok {
			if err := a.redact(ctx, r); err != nil {
				return err
			}
		}
	}
	if len(a.batch.entries) == 0 {
		a.mu.Lock()
		a.state.oldest = e.Received
		a.mu.Unlock()
	}
	if r, ok := a.known(e); ok { // it came behind its redaction, or the log has not erased it yet
		a.batch.add(left(e))
		return a.redact(ctx, r)
	}
	a.batch.add(e)
	if a.batch.full() {
		return a.put(ctx)
	}
	return nil
}

// rest is at the end of the log. What came alone is put away at once; where more comes, what has come in a short time is put away
// together, unless somebody waits for it.
func (a *Archiver) rest(ctx context.Context, cursor *feed.Cursor) error {
	if len(a.batch.entries) == 0 {
		a.settle(a.batch.at)
		a.works()
		_ = cursor.WaitContext(ctx)
		return nil
	}
	wait := putEvery - time.Since(a.committed)
	if wait <= 0 || a.isAwaited() {
		return a.put(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_ = cursor.WaitContext(ctx)
	return nil
}

// put puts the batch into the store.
func (a *Archiver) put(ctx context.Context) error {
	b := &a.batch
	if len(b.entries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, putTime)
	defer cancel()
	start := time.Now()
	a.busy(start)
	done, err := a.writer.Append(ctx, archive.Drafts(b.entries), a.at(b.at))
	a.busy(time.Time{})
	if err != nil {
		return a.lose(err)
	}
	a.committed = time.Now()
	a.metrics.put(done, a.committed.Sub(start))
	a.save(b.at)
	b.reset(b.at)
	a.settle(b.at)
	a.works()
	return nil
}

// follow begins to read behind the entry with this number.
func (a *Archiver) follow(after uint64) *feed.Cursor {
	c := a.deps.Feed.Cursor(after)
	a.mu.Lock()
	a.cursor = c
	a.mu.Unlock()
	return c
}

func (a *Archiver) unfollow() {
	a.mu.Lock()
	c := a.cursor
	a.cursor = nil
	a.mu.Unlock()
	_ = c.Close() // it only reads
}

// wake has run look around. The caller holds mu.
func (a *Archiver) wake() {
	if a.cursor != nil {
		a.cursor.Wake()
	}
}
