package delivertest

import (
	"io"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const logID = fedmsg.LogID("k3v5q2m7x4ab")

// memoryLog is a log of a few entries in memory.
type memoryLog struct {
	mu      sync.Mutex
	entries []*fedmsg.Entry
	grown   chan struct{} // closed and replaced when there is more
}

var _ deliver.Log = (*memoryLog)(nil)

func newLog() *memoryLog { return &memoryLog{grown: make(chan struct{})} }

// add gives the entries their positions.
func (l *memoryLog) add(entries []*fedmsg.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		e.Position = fedmsg.Position{Log: logID, Seq: uint64(len(l.entries) + 1)}
		l.entries = append(l.entries, e)
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

// End is the position of the newest entry.
func (l *memoryLog) End() fedmsg.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fedmsg.Position{Log: logID, Seq: uint64(len(l.entries))}
}

// Cursor reads from behind a position.
func (l *memoryLog) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	return &cursor{log: l, seq: after.Seq, wake: make(chan struct{}, 1)}, nil
}

// cursor reads a memoryLog.
type cursor struct {
	log  *memoryLog
	seq  uint64
	wake chan struct{} // capacity 1
}

// Next gives the next entry.
func (c *cursor) Next() (*fedmsg.Entry, error) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.seq >= uint64(len(c.log.entries)) {
		return nil, io.EOF
	}
	c.seq++
	return c.log.entries[c.seq-1], nil
}

// Wait returns when there is more, or after Wake.
func (c *cursor) Wait() {
	c.log.mu.Lock()
	grown, more := c.log.grown, c.seq < uint64(len(c.log.entries))
	c.log.mu.Unlock()
	if more {
		return
	}
	select {
	case <-grown:
	case <-c.wake:
	}
}

// Wake ends a Wait.
func (c *cursor) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close frees nothing.
func (c *cursor) Close() error { return nil }
