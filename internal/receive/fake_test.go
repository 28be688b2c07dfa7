package receive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// fakeDoor is a door with a log behind it, which stores what has a new id. It may fail, in pairs: so that nothing happened, and
// so that it happened all the same.
type fakeDoor struct {
	mu       sync.Mutex
	ids      []string // stored, in order
	stored   map[string]bool
	calls    int
	most     int                                           // messages of the largest call
	fate     func(call int, m *wire.Carried) (bool, error) // whether it is stored, and what is told; nil is always
	gate     chan struct{}                                 // while it is there, outcomes wait until it is closed
	messages []wire.Carried                                // all that came, whatever became of it
	broken   int                                           // so many tickets fail, whatever was done
	sender   fedmsg.Sender                                 // of the last call
}

func newFakeDoor() *fakeDoor { return &fakeDoor{stored: map[string]bool{}} }

type fakeTicket struct {
	out  []fedmsg.Outcome
	gate chan struct{}
	err  error
}

func (t *fakeTicket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if t.err != nil {
		return nil, t.err
	}
	if t.gate != nil {
		select {
		case <-t.gate:
		case <-ctx.Done():
			return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "the outcome is unknown")
		}
	}
	return t.out, nil
}

func (d *fakeDoor) SubmitCarried(ctx context.Context, from fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.messages = append(d.messages, messages...)
	d.sender = from
	d.most = max(d.most, len(messages))
	t := &fakeTicket{gate: d.gate}
	if d.broken > 0 {
		d.broken--
		t.err = errors.New("the ticket is broken")
	}
	for i := range messages {
		m := &messages[i]
		store, err := true, error(nil)
		if d.fate != nil {
			store, err = d.fate(d.calls, m)
		}
		known := d.stored[m.ID]
		if store && !known {
			d.stored[m.ID] = true
			d.ids = append(d.ids, m.ID)
		}
		o := fedmsg.Outcome{Receipt: fedmsg.Receipt{ID: m.ID, Duplicate: known}}
		if err != nil {
			o = fedmsg.Outcome{Err: err}
		}
		t.out = append(t.out, o)
	}
	return t
}

// has reports whether the log has an id.
func (d *fakeDoor) has(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stored[id]
}

// log gives the ids in order.
func (d *fakeDoor) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ids)
}

// set changes the door.
func (d *fakeDoor) set(change func(*fakeDoor)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// id is the nth message's.
func id(n int) string { return fmt.Sprintf("id-%06d", n) }

// ids are those from first to before end.
func ids(first, end int) (all []string) {
	for n := first; n < end; n++ {
		all = append(all, id(n))
	}
	return all
}

// carried is the nth message.
func carried(n int) wire.Carried {
	return wire.Carried{Topic: "a.b", ID: id(n), Username: "ann", Body: fmt.Appendf(nil, `{"n":%d}`, n), Headers: []byte(`{"h":"v"}`)}
}

// fakeBroker is a place to take from which keeps what was not acknowledged, and brings it again in the next session.
type fakeBroker struct {
	t     *testing.T
	door  *fakeDoor
	batch int // messages of one Submit; 0 means 1

	mu       sync.Mutex
	messages []Item
	acked    int           // so many from the first
	more     chan struct{} // closed and made again when messages were added
	lose     chan error    // ends a session
	sessions int
	runs     func(ctx context.Context, session int) error // asked first in each session
	ended    func(in *Intake)                             // called when ctx has ended
	unstored []string                                     // acknowledged and not in the log
}

func newFakeBroker(t *testing.T, door *fakeDoor) *fakeBroker {
	return &fakeBroker{t: t, door: door, more: make(chan struct{}), lose: make(chan error)}
}

// publish adds messages.
func (b *fakeBroker) publish(items ...Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, items...)
	close(b.more)
	b.more = make(chan struct{})
}

// publishRange adds the messages from first to before end.
func (b *fakeBroker) publishRange(first, end int) {
	for n := first; n < end; n++ {
		b.publish(Item{Message: carried(n)})
	}
}

// left is how many are not acknowledged.
func (b *fakeBroker) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.messages) - b.acked
}

func (b *fakeBroker) Run(ctx context.Context, in *Intake) error {
	b.mu.Lock()
	b.sessions++
	session, next, runs := b.sessions, b.acked, b.runs
	b.mu.Unlock()
	if runs != nil {
		if err := runs(ctx, session); err != nil {
			return err
		}
	}
	in.Connected()
	for {
		b.mu.Lock()
		end := min(next+max(b.batch, 1), len(b.messages))
		items, more := b.take(session, next, end), b.more
		b.mu.Unlock()
		next = end
		if len(items) > 0 {
			if err := in.Submit(ctx, items...); err != nil {
				return b.over(in, err)
			}
			continue
		}
		select {
		case <-more:
		case err := <-b.lose:
			return err
		case <-ctx.Done():
			return b.over(in, ctx.Err())
		}
	}
}

func (b *fakeBroker) over(in *Intake, err error) error {
	if b.ended != nil {
		b.ended(in)
	}
	return err
}

// take gives the messages from first to before end with their acknowledgements. The mutex is held.
func (b *fakeBroker) take(session, first, end int) (items []Item) {
	for n := first; n < end; n++ {
		item := b.messages[n]
		item.Settled = func() { b.ack(session, n, item.Message.ID) }
		items = append(items, item)
	}
	return items
}

// ack acknowledges the nth message, and holds that it is the next, and of the present session.
func (b *fakeBroker) ack(session, n int, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if session != b.sessions || n != b.acked {
		b.t.Errorf("message %d of session %d was settled; it is session %d and message %d", n, session, b.sessions, b.acked)
	}
	if !b.door.has(id) {
		b.unstored = append(b.unstored, id)
	}
	b.acked = n + 1
}

// gone waits until nothing happens any more, and holds that what was acknowledged without being in the log is these.
func (b *fakeBroker) holdUnstored(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.unstored, want) {
		b.t.Errorf("acknowledged and not in the log: %v, want %v", b.unstored, want)
	}
}

// newSet makes a set of one source, called umb. Within synctest it must be stopped before the test ends.
func newSet(t *testing.T, source Source, door Door, change func(*Configured, *Deps)) *Set {
	t.Helper()
	c := Configured{Config: Config{Name: "umb", From: "amqp://user@example.org/vhost?x=y", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}, Source: source}
	deps := Deps{Door: func(*Config) Door { return door }, Dir: t.TempDir()}
	if change != nil {
		change(&c, &deps)
	}
	s, err := New([]Configured{c}, deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running runs a source in a bubble, with its broker and door, and stops it at the end.
func running(t *testing.T, change func(*Configured, *Deps), test func(t *testing.T, s *Set, b *fakeBroker, d *fakeDoor)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newFakeDoor()
		b := newFakeBroker(t, d)
		s := newSet(t, b, d, change)
		s.Start()
		defer func() {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		test(t, s, b, d)
	})
}

// holdLog holds that the log has just these, in order.
func holdLog(t *testing.T, d *fakeDoor, want []string) {
	t.Helper()
	if got := d.log(); !slices.Equal(got, want) {
		t.Errorf("the log has %d messages, %.300v …, want %d", len(got), got, len(want))
	}
}
