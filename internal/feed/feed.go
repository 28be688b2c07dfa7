// Package feed is the live end of the log: a ring of recent entries, and cursors that read it and fall back to the log.
//
// It promises that a [Cursor] gives every entry once, in the log's order, whether it comes from the ring or from the log,
// or a [fedmsg.Gap] in its place; that a slow cursor costs the others nothing; and that [Feed.Publish] never waits for a
// reader. The ring is bounded in bytes and entries. There are no queues per reader and nothing is dropped: a reader that
// falls behind the ring reads the log.
package feed

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// LogReader reads the log from a position on. It is used by one goroutine at a time.
type LogReader interface {
	// Next gives the next entry, which stays valid for ever; io.EOF at the durable end, behind which it goes on later;
	// or a *fedmsg.Gap for entries that cannot be given, behind which it goes on. It sees every entry that has been given
	// to Publish before the call.
	Next() (*fedmsg.Entry, error)
	// Close frees it; nothing is read from it behind that.
	Close() error
}

// Config is what a Feed is made of.
type Config struct {
	Log  fedmsg.LogID                 // the log whose entries are published
	Last uint64                       // the sequence number of the log's last durable entry
	Open func(after uint64) LogReader // reads the log from behind the entry with this number

	RingBytes   int // bytes of recent entries kept in memory, their encodings included; 0 means 16 MiB
	RingEntries int // number of recent entries kept in memory, rounded up to a power of two; 0 means 16384
}

// Feed holds the recent entries and wakes the cursors. Its methods may be called by any goroutine, Publish by one at a time.
type Feed struct {
	log  fedmsg.LogID
	open func(after uint64) LogReader

	ring *ring
	last atomic.Uint64 // sequence number of the newest published entry

	mu      sync.Mutex
	waiting []*Cursor // cursors to wake at the next entry
	closed  bool

	work chan struct{} // tells the waker that there is something to wake for; capacity 1
	done chan struct{} // closed when the waker has returned

	closing chan struct{} // closed by Close
}

const (
	defaultRingBytes   = 16 << 20
	defaultRingEntries = 16 << 10
)

// New makes a Feed and starts the goroutine that wakes its cursors; Close ends it.
func New(c Config) *Feed {
	if c.RingBytes <= 0 {
		c.RingBytes = defaultRingBytes
	}
	if c.RingEntries <= 0 {
		c.RingEntries = defaultRingEntries
	}
	f := &Feed{
		log: c.Log, open: c.Open, ring: newRing(c.RingEntries, c.RingBytes, c.Last),
		work: make(chan struct{}, 1), done: make(chan struct{}), closing: make(chan struct{}),
	}
	f.last.Store(c.Last)
	go f.wake()
	return f
}

// Publish takes entries that have become durable, in the log's order. It keeps the slice, which nobody may change again.
// It does not wait: readers are woken by another goroutine.
func (f *Feed) Publish(entries []fedmsg.Entry) {
	if len(entries) == 0 {
		return
	}
	f.ring.add(entries)
	f.last.Store(entries[len(entries)-1].Position.Seq)
	f.nudge()
}

// Redact puts what the log has left of an entry in the place of the entry, where that is still held. What a cursor has given before
// stays as it was with whoever has it. The entry must not be changed any more.
func (f *Feed) Redact(e *fedmsg.Entry) { f.ring.replace(e) }

// Last is the position of the newest published entry.
func (f *Feed) Last() fedmsg.Position { return fedmsg.Position{Log: f.log, Seq: f.last.Load()} }

// Log is the log whose entries are published.
func (f *Feed) Log() fedmsg.LogID { return f.log }

// Cursor stands behind the entry with number after; 0 stands before the first one. The caller closes it.
func (f *Feed) Cursor(after uint64) *Cursor {
	return &Cursor{feed: f, seq: after, wake: make(chan struct{}, 1)}
}

// Close wakes every cursor for good: what is published can still be read, and then comes an error in place of io.EOF.
// Publish must not be called any more.
func (f *Feed) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.closing)
	}
	f.mu.Unlock()
	f.nudge()
	<-f.done
}

func (f *Feed) nudge() {
	select {
	case f.work <- struct{}{}:
	default: // the waker has not yet begun with what it was told before
	}
}

// wake runs until the Feed is closed. It is a goroutine of its own because waking thousands of cursors takes milliseconds,
// which the log's writer must not wait for.
func (f *Feed) wake() {
	defer close(f.done)
	var spare []*Cursor
	for range f.work {
		f.mu.Lock()
		list, closed := f.waiting, f.closed
		f.waiting = spare[:0]
		for _, c := range list {
			c.queued = false
		}
		f.mu.Unlock()
		for i, c := range list {
			c.Wake()
			list[i] = nil
		}
		if closed {
			return
		}
		f.pause(time.Duration(len(list)) * wakePause)
		spare = list
	}
}

// wakePause is how long the waker rests for each cursor that it has woken. A thousand readers cost some milliseconds of
// work for whatever they are woken; while the waker rests more entries come together, and each reader writes them at once.
// An entry that comes after a pause wakes its readers at once, and no pause is above maxPause.
const (
	wakePause = 2 * time.Microsecond
	minPause  = 100 * time.Microsecond
	maxPause  = 20 * time.Millisecond
)

// pause rests for d, or until Close. It does nothing where d is too short to matter.
func (f *Feed) pause(d time.Duration) {
	if d < minPause {
		return
	}
	timer := time.NewTimer(min(d, maxPause))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.closing:
	}
}

// enlist puts c where the next Publish finds it, and reports false when there is something to read already.
func (f *Feed) enlist(c *Cursor) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.last.Load() > c.seq {
		return false
	}
	if !c.queued {
		c.queued = true
		f.waiting = append(f.waiting, c)
	}
	return true
}

// delist forgets c.
func (f *Feed) delist(c *Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.queued {
		return
	}
	c.queued = false
	if i := slices.Index(f.waiting, c); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
}

func (f *Feed) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
