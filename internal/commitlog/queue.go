package commitlog

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// batch is what the writer takes in one go: everything that was submitted while it was busy. All its tickets wake by the
// one channel.
type batch struct {
	records  []fedmsg.Record // the queue's until the writer takes the batch, then the writer's
	digests  []digest        // of the records
	bytes    int
	tickets  int
	outcomes []fedmsg.Outcome // the writer's until done is closed; then nobody changes it
	done     chan struct{}
}

// ticket is a part of a batch.
type ticket struct {
	batch    *batch
	from, to int
}

var _ fedmsg.Ticket = ticket{}

// Wait returns when the batch has been written.
func (t ticket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	select {
	case <-t.batch.done:
	default:
		select {
		case <-t.batch.done:
		case <-ctx.Done():
			return nil, fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the deadline passed before the log had synced, it is unknown whether the message is stored; publish it again with the same id")
		}
	}
	return t.batch.outcomes[t.from:t.to:t.to], nil
}

// queue holds what is submitted until the writer takes it.
type queue struct {
	mu       sync.Mutex
	pending  *batch        // nil when nothing is queued
	limit    int           // bytes of pending; as many again may be with the writer
	room     chan struct{} // closed when the writer takes pending; nil when nobody waits for that
	erasures []*erasure    // payloads that the writer is to erase behind pending
	closed   bool
	kick     chan struct{} // holds one token when pending is not nil, or when the queue is closed
}

func newQueue(limit int) queue {
	return queue{limit: max(1, limit/2), kick: make(chan struct{}, 1)}
}

// maxSubmission bounds the bytes of one submission: offsets in a segment have 32 bits.
const maxSubmission = 1 << 30

// put appends records to what is queued. It waits while the queue is full.
func (q *queue) put(ctx context.Context, records []fedmsg.Record) (ticket, error) {
	size := 0
	for i := range records {
		size += recordSize(&records[i])
	}
	if size > maxSubmission {
		return ticket{}, fedmsg.Errorf(fedmsg.CodeTooLarge, "nothing is stored: the submission has %d bytes, the log takes %d at once", size, maxSubmission)
	}
	ds := digests(records)
	q.mu.Lock()
	for !q.closed && q.pending != nil && q.pending.bytes+size > q.limit {
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ticket{}, fedmsg.WrapError(fedmsg.CodeBusy, ctx.Err(), "nothing is stored: the queue to the log stayed full until the deadline; try again")
		}
		q.mu.Lock()
	}
	defer q.mu.Unlock()
	if q.closed {
		return ticket{}, errClosed()
	}
	b := q.pending
	if b == nil {
		b = &batch{done: make(chan struct{})}
		q.pending = b
		q.wake()
	}
	from := len(b.records)
	b.records = append(b.records, records...)
	b.digests = append(b.digests, ds...)
	b.bytes += size
	b.tickets++
	return ticket{batch: b, from: from, to: len(b.records)}, nil
}

// wake leaves the token that makes the writer look.
func (q *queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// putErasure has the writer erase something.
func (q *queue) putErasure(x *erasure) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed()
	}
	q.erasures = append(q.erasures, x)
	q.wake()
	return nil
}

// take gives everything queued: a batch or nil, and what is to be erased behind it. It reports whether more may come.
func (q *queue) take() (b *batch, erase []*erasure, open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, erase = q.pending, q.erasures
	q.pending, q.erasures = nil, nil
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return b, erase, !q.closed
}

// close ends the queue; what is in it is still taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.wake()
	q.mu.Unlock()
}

// Submit fixes the order of the records in the log and returns a ticket for their outcomes. It waits only while more than
// Options.QueueBytes are underway, and then no longer than ctx lasts. When it fails nothing of these records is stored:
// CodeTooLarge beyond 1 GiB at once, CodeLogFailed after a failed write, CodeLogAhead where saved positions lie beyond the end, CodeBusy where the queue
// stayed full, CodeUnavailable when the log is closed. A record on its own may fail in its Outcome with CodeIDConflict,
// CodeStorageFull, CodeBadID, CodeTooLarge, CodeLogFailed, or CodeTimeout: unknown.
func (l *Log) Submit(ctx context.Context, records ...fedmsg.Record) (fedmsg.Ticket, error) {
	if err := l.Err(); err != nil {
		return nil, err
	}
	t, err := l.queue.put(ctx, records)
	if err != nil {
		return nil, err
	}
	return t, nil
}
