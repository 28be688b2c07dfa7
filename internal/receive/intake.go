package receive

import (
	"context"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	maxBatch   = 512         // items that go through the door together
	maxBatches = 64          // batches whose fate is not known yet
	maxBytes   = 32 << 20    // of the items submitted and not settled; one item may have more
	maxDrain   = time.Second // how long Drain waits
)

// Intake takes what a source brings, during one call of Run. Submit is called by one goroutine at a time.
//
// What is submitted waits in a queue. One goroutine, push, takes all that is there through the door, in batches which so are the
// larger the slower the door is; another, settle, waits for what becomes of them, in order.
type Intake struct {
	r       *runner
	limit   int                // items submitted and not settled
	ctx     context.Context    // of the session: ends when Run has returned, so that what it still waits for can be settled
	end     context.CancelFunc // ends it
	flight  chan batch         // from push to settle
	patient backoff.Backoff    // belongs to settle
	again   bool               // the door took something since it last refused: no wait before the next attempt; belongs to settle

	mu      sync.Mutex // guards what follows
	changed sync.Cond  // with mu; something of it has changed
	queue   []Item     // submitted and not yet at the door
	open    int        // items submitted and not settled
	bytes   int        // of these
	batches int        // at the door, or behind it and not settled
	held    bool       // the node takes nothing just now
	settled uint64     // items, in this session
	since   time.Time  // when Connected was called; zero before
}

// batch is items that went through the door together.
type batch struct {
	items  []Item
	ticket fedmsg.Ticket // of those that are not Bad
}

func newIntake(r *runner) *Intake {
	in := &Intake{r: r, limit: r.inFlight, flight: make(chan batch, maxBatches), patient: backoff.Backoff{Policy: r.c.retry()}}
	in.ctx, in.end = context.WithCancel(context.Background())
	in.changed.L = &in.mu
	return in
}

// run is one session.
func (in *Intake) run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(in.push)
	wg.Go(in.settle)
	err := in.r.source.Run(ctx, in)
	in.end()
	wg.Wait()
	return err
}

// wake has all who wait look again.
func (in *Intake) wake() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.changed.Broadcast()
}

// Submit takes items in order. It blocks while too many are not settled yet (Config.InFlight), or too many bytes, or the node takes
// nothing, until ctx ends, with its error then. The items' memory must not be changed before they are settled.
func (in *Intake) Submit(ctx context.Context, items ...Item) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(items) > 0 {
		if err := in.wait(ctx, func() bool { return in.room(&items[0]) }); err != nil {
			return err
		}
		n := 0
		for n < len(items) && in.room(&items[n]) {
			in.open++
			in.bytes += items[n].Message.Size()
			n++
		}
		in.queue = append(in.queue, items[:n]...)
		items = items[n:]
		in.changed.Broadcast()
	}
	return nil
}

// room reports whether another item may be taken. The mutex is held.
func (in *Intake) room(item *Item) bool {
	return in.open == 0 || in.open < in.limit && in.bytes+item.Message.Size() <= maxBytes
}

// wait waits until something is true, ctx ends or the session does. The mutex is held, but for the time of waiting.
func (in *Intake) wait(ctx context.Context, ready func() bool) error {
	if err := in.over(ctx); err != nil || ready() {
		return err
	}
	defer context.AfterFunc(ctx, in.wake)()
	for !ready() {
		in.changed.Wait()
		if err := in.over(ctx); err != nil {
			return err
		}
	}
	return nil
}

// over tells that ctx or the session has ended.
func (in *Intake) over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return in.ctx.Err()
}

// Drain waits until all that was submitted is settled, at most for a second. A source calls it when its ctx has ended, before it
// gives up a connection that is in order: what is settled so is not brought again.
func (in *Intake) Drain() {
	ctx, cancel := context.WithTimeout(in.ctx, maxDrain)
	defer cancel()
	in.mu.Lock()
	defer in.mu.Unlock()
	_ = in.wait(ctx, func() bool { return in.open == 0 }) // what is not settled comes again
}

// Connected tells that the source receives, for status and health.
func (in *Intake) Connected() {
	in.mu.Lock()
	in.since = time.Now()
	in.mu.Unlock()
	in.r.connected()
}

// PassOver counts something that came and of which no message is made, as a mail that says nothing for the bus.
func (in *Intake) PassOver() {
	in.r.mu.Lock()
	defer in.r.mu.Unlock()
	in.r.state.passedOver++
}

// HeldBack reports whether the node takes nothing just now, so that a source can tell the other side at once.
func (in *Intake) HeldBack() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.held
}

// Own names this node's own log, or is empty: what another node has from it need not be brought back.
func (in *Intake) Own() fedmsg.LogID { return in.r.own }

// Redacted reports whether the message with an id was redacted, for a source that keeps something of what it handed on.
func (in *Intake) Redacted(id string) bool { return in.r.redacted != nil && in.r.redacted(id) }

// Redactions is how many messages were redacted. Where it is as it was, nothing new is to be looked for with [Intake.Redacted].
func (in *Intake) Redactions() int {
	if in.r.redactions == nil {
		return 0
	}
	return in.r.redactions()
}

// Remark tells the operator, with restraint, what is unusual but harms nothing.
func (in *Intake) Remark(text string) { in.r.remark(text) }

// push takes what is submitted through the door, until the session ends.
func (in *Intake) push() {
	defer close(in.flight)
	var messages []wire.Carried // of one batch; the door keeps nothing of it
	for {
		items := in.take()
		if items == nil {
			return
		}
		messages = messages[:0]
		for i := range items {
			if items[i].Bad == nil {
				messages = append(messages, items[i].Message)
			}
		}
		b := batch{items: items, ticket: in.r.submit(in.ctx, messages)}
		clear(messages)
		select {
		case in.flight <- b:
		case <-in.ctx.Done():
			return
		}
	}
}

// take waits for items, and gives them all up to a bound; nil when the session ends.
func (in *Intake) take() []Item {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.wait(in.ctx, func() bool { return len(in.queue) > 0 && !in.held }) != nil {
		return nil
	}
	n := min(len(in.queue), maxBatch)
	items := in.queue[:n:n]
	if in.queue = in.queue[n:]; len(in.queue) == 0 {
		in.queue = nil // its memory belongs to the batches now
	}
	in.batches++
	return items
}
