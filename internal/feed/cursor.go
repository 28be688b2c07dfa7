package feed

import (
	"context"
	"errors"
	"io"

	"github.com/federated-messaging/fedmsg"
)

// Cursor is one reader's place in the log. One goroutine uses it, except for Wake, which any may call.
type Cursor struct {
	feed *Feed
	seq  uint64    // number of the last entry given or passed over by a gap
	log  LogReader // reads behind seq while the cursor is behind the ring; else nil

	wake   chan struct{} // capacity 1: a wake-up that comes early is not lost
	queued bool          // it is in feed.waiting; guarded by feed.mu
}

// Next gives the next entry without waiting for one: io.EOF when there is none yet, a *fedmsg.Gap in place of entries that
// cannot be given, behind which it goes on, or another error, behind which it does not. At the disk's end of the feed it
// may read a file.
func (c *Cursor) Next() (Item, error) {
	last := c.feed.last.Load()
	if c.seq >= last {
		return Item{}, c.atEnd()
	}
	if c.log == nil || c.wellInside(last) {
		if s := c.feed.ring.get(c.seq + 1); s != nil {
			c.closeLog()
			c.seq++
			return Item{Entry: s.entry, shared: s}, nil
		}
	}
	return c.fromLog()
}

// Recent is Next for an entry that is still in memory: it never reads a file, and reports false where it would have to, or
// where there is nothing to give.
func (c *Cursor) Recent() (Item, bool) {
	s := c.feed.ring.get(c.seq + 1)
	if s == nil || c.seq >= c.feed.last.Load() {
		return Item{}, false
	}
	c.Skip(c.seq + 1)
	return Item{Entry: s.entry, shared: s}, true
}

// Skip goes on behind the entry with number seq, which has been published, as if Next had given all up to it. It never goes
// back.
func (c *Cursor) Skip(seq uint64) {
	if seq > c.seq {
		c.closeLog()
		c.seq = seq
	}
}

// atEnd is the answer when everything published has been given. The log's files are let go: an idle cursor costs nothing.
func (c *Cursor) atEnd() error {
	c.closeLog()
	if c.feed.isClosed() {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; read on from the last position when it is back")
	}
	return io.EOF
}

// wellInside reports whether the cursor has come back so far into the ring that leaving the log is worth it. At the ring's
// very edge it would fall out again, and open the log for every few entries.
func (c *Cursor) wellInside(last uint64) bool {
	first := c.feed.ring.first.Load()
	return c.seq+1 >= first && c.seq-first+1 >= (last-first)/2
}

func (c *Cursor) fromLog() (Item, error) {
	if c.log == nil {
		c.log = c.feed.open(c.seq)
	}
	e, err := c.log.Next()
	if err == nil {
		c.seq = e.Position.Seq
		return Item{Entry: e}, nil
	}
	if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
		c.seq = max(c.seq, gap.To.Seq)
		return Item{}, gap
	}
	if errors.Is(err, io.EOF) {
		return Item{}, fedmsg.WrapError(fedmsg.CodeInternal, err, "the log ends before entry %d, which was published", c.seq+1)
	}
	return Item{}, err
}

// Position is where the cursor stands: behind the last entry it gave, wanted or not.
func (c *Cursor) Position() fedmsg.Position { return fedmsg.Position{Log: c.feed.log, Seq: c.seq} }

// Wait returns when there is something to read, or after a call of Wake, one that came before included. It may return for
// no reason.
func (c *Cursor) Wait() {
	if c.feed.enlist(c) {
		<-c.wake
	}
}

// WaitContext is Wait that also returns when ctx ends, with its error then.
func (c *Cursor) WaitContext(ctx context.Context) error {
	stop := context.AfterFunc(ctx, c.Wake)
	defer stop()
	if ctx.Err() == nil {
		c.Wait()
	}
	return ctx.Err()
}

// Wake makes the present Wait return, or the next one that would have to wait.
func (c *Cursor) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // it has a wake-up before it already
	}
}

func (c *Cursor) closeLog() {
	if c.log != nil {
		_ = c.log.Close() // read only: nothing can be lost
		c.log = nil
	}
}

// Close lets go of the log and of the place in the feed.
func (c *Cursor) Close() error {
	c.closeLog()
	c.feed.delist(c)
	return nil
}
