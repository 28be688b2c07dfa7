package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/federated-messaging/fedmsg/internal/receive"
)

// The bounds of what came from core NATS and waits for the node. What comes beyond is dropped, and told.
const (
	queueMessages = 64 << 10
	queueBytes    = 64 << 20
	channelSize   = 4096 // messages between the library, which drops what does not fit, and the queue
	maxBatch      = 256  // messages handed to the node at once
)

// subscribe receives from core NATS until ctx ends or the connection is lost.
func (s *source) subscribe(ctx context.Context, in *receive.Intake) error {
	ctx, stop := context.WithCancel(ctx)
	lost := make(chan error, 1)
	q := &queue{ready: make(chan struct{}, 1)}
	l, err := s.dial(ctx, events{closed: func(err error) { lost <- err }, problem: q.problem})
	if err != nil {
		stop()
		return err
	}
	var pump sync.WaitGroup
	came := make(chan *nats.Msg, channelSize)
	pump.Go(func() { q.fill(ctx, came) })
	defer func() {
		stop()
		l.close()
		pump.Wait()
		s.mu.Lock()
		s.left = time.Now()
		s.mu.Unlock()
	}()
	for _, subject := range s.subjects {
		if _, err := l.ChanQueueSubscribe(subject, s.queue, came); err != nil {
			return s.failed(err)
		}
	}
	if err := l.settled(); err != nil {
		return s.failed(err)
	}
	in.Connected()
	s.tellAbsence(in)
	return s.handOver(ctx, in, q, lost)
}

// tellAbsence tells that something may be missing from the time between two connections.
func (s *source) tellAbsence(in *receive.Intake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.left.IsZero() {
		in.Remark(fmt.Sprintf("was not connected for %s; what was published meanwhile is lost to it: core NATS keeps nothing, JetStream does", time.Since(s.left).Round(time.Millisecond)))
	}
}

// handOver hands what is in the queue to the node.
func (s *source) handOver(ctx context.Context, in *receive.Intake, q *queue, lost <-chan error) error {
	b := newBudget()
	for {
		batch, dropped := q.take(maxBatch)
		if dropped > 0 {
			in.Remark(fmt.Sprintf("%d messages were dropped, since they came faster than this node takes them and core NATS holds nothing back; JetStream does", dropped))
		}
		if len(batch) > 0 {
			items := make([]receive.Item, len(batch))
			for i, m := range batch {
				items[i] = s.item(m.Subject, "", m.Header, m.Data)
			}
			if err := b.hand(ctx, in, items); err == nil {
				continue
			}
		}
		select {
		case <-q.ready:
		case err := <-lost:
			in.Drain()
			return err
		case <-ctx.Done():
			in.Drain()
			return nil
		}
	}
}

// queue is what came and waits.
type queue struct {
	ready chan struct{} // has an element when there is something to take

	mu       sync.Mutex // guards what follows
	messages []*nats.Msg
	bytes    int
	dropped  int                        // messages, since the last take
	before   map[*nats.Subscription]int // what the library had dropped of each subscription when it was asked last
}

// fill moves what comes into the queue, and drops what has no room.
func (q *queue) fill(ctx context.Context, came <-chan *nats.Msg) {
	for {
		select {
		case m := <-came:
			q.put(m)
		case <-ctx.Done():
			return
		}
	}
}

func (q *queue) put(m *nats.Msg) {
	q.mu.Lock()
	if size := m.Size(); len(q.messages) < queueMessages && (q.bytes+size <= queueBytes || q.bytes == 0) {
		q.messages = append(q.messages, m)
		q.bytes += size
	} else {
		q.dropped++
	}
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take gives what came first, and how many messages were dropped since it was called last.
func (q *queue) take(most int) ([]*nats.Msg, int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.messages))
	batch := q.messages[:n:n]
	for _, m := range batch {
		q.bytes -= m.Size()
	}
	if q.messages = q.messages[n:]; len(q.messages) == 0 {
		q.messages = nil
	}
	dropped := q.dropped
	q.dropped = 0
	return batch, dropped
}

// problem takes note of what the library dropped.
func (q *queue) problem(sub *nats.Subscription, err error) {
	if sub == nil || !errors.Is(err, nats.ErrSlowConsumer) {
		return
	}
	total, err := sub.Dropped()
	if err != nil {
		return
	}
	q.mu.Lock()
	if q.before == nil {
		q.before = make(map[*nats.Subscription]int)
	}
	q.dropped += total - q.before[sub]
	q.before[sub] = total
	q.mu.Unlock()
	q.wake()
}
