package nats

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const testLog = fedmsg.LogID("k3v5q2m7x4ab")

// entryOf makes an entry of the log.
func entryOf(seq uint64, topic, headers, body string) *fedmsg.Entry {
	id := fmt.Sprintf("2026-00000000-0000-4000-8000-%012d", seq)
	envelope := wire.AppendEnvelope(nil, &wire.Draft{Topic: topic, ID: id, Time: 1700000000, I: seq, Headers: []byte(headers), Body: []byte(body)})
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: testLog, Seq: seq}, Received: time.Unix(1700000001, 5).UTC(), ID: id, Topic: topic,
		Envelope: envelope, Verdict: fedmsg.VerdictUnsigned,
	}
}

// memLog is a log in memory. Any goroutine may use it.
type memLog struct {
	mu      sync.Mutex
	changed sync.Cond
	entries []*fedmsg.Entry
}

func newMemLog() *memLog {
	l := &memLog{}
	l.changed.L = &l.mu
	return l
}

// add appends an entry with the next number.
func (l *memLog) add(topic, headers, body string) *fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entryOf(uint64(len(l.entries)+1), topic, headers, body)
	l.entries = append(l.entries, e)
	l.changed.Broadcast()
	return e
}

func (l *memLog) End() fedmsg.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fedmsg.Position{Log: testLog, Seq: uint64(len(l.entries))}
}

func (l *memLog) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	return &memCursor{log: l, next: int(after.Seq)}, nil
}

// memCursor reads a memLog.
type memCursor struct {
	log   *memLog
	next  int
	woken bool // guarded by log.mu
}

func (c *memCursor) Next() (*fedmsg.Entry, error) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if c.next >= len(c.log.entries) {
		return nil, io.EOF
	}
	c.next++
	return c.log.entries[c.next-1], nil
}

func (c *memCursor) Wait() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	for c.next >= len(c.log.entries) && !c.woken {
		c.log.changed.Wait()
	}
	c.woken = false
}

func (c *memCursor) Wake() {
	c.log.mu.Lock()
	c.woken = true
	c.log.changed.Broadcast()
	c.log.mu.Unlock()
}

func (c *memCursor) Close() error { return nil }
