package receivetest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/conform"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// fate is what becomes of a message at the door.
type fate uint8

const (
	stored   fate = iota
	fails         // it is not stored, and neither is what comes behind it, until it comes again: a full disk
	happened      // the same, but it is stored and nobody knows
	refused       // for good
)

// door is a log in memory with the door before it.
type door struct {
	mu   sync.Mutex
	all  []conform.Message // in the order of the log, each once
	has  map[string]bool   // by id
	came map[string]int    // how often each id came
	next int               // messages that came
	fate map[int]fate      // of the n-th message that comes, from 1
	shut string            // the id of the message that failed; nothing is stored until it comes again
	held chan struct{}     // while it is there no ticket has an answer; closed when they have
	open int               // messages whose ticket has no answer
	most int               // the largest that open has been
}

var _ receive.Door = (*door)(nil)

func newDoor() *door {
	return &door{has: map[string]bool{}, came: map[string]int{}, fate: map[int]fate{}}
}

// hold keeps the answers of all tickets from now on, until release.
func (d *door) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = make(chan struct{})
}

func (d *door) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.held)
	d.held = nil
}

// log gives what is stored.
func (d *door) log() []conform.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.all)
}

// received tells how many messages came, those that came again included, and how many of them at most waited for an answer at once.
func (d *door) received() (n, most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next, d.most
}

// SubmitCarried takes messages as the log's door does.
func (d *door) SubmitCarried(_ context.Context, from fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &ticket{d: d, held: d.held, n: len(messages)}
	for i := range messages {
		t.outcomes = append(t.outcomes, d.take(from, &messages[i]))
	}
	d.open += t.n
	d.most = max(d.most, d.open)
	return t
}

// take decides about one message. The lock is held.
func (d *door) take(from fedmsg.Sender, c *wire.Carried) (o fedmsg.Outcome) {
	d.next++
	m := message(c)
	decoder := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	if _, err := decoder.Carried(c); err != nil {
		return fedmsg.Outcome{Err: err}
	}
	d.came[m.ID]++
	if d.shut == m.ID {
		d.shut = ""
	}
	f := d.fate[d.next]
	switch {
	case from != fedmsg.Sender{Kind: fedmsg.SenderSource, Name: sourceName}:
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeForbidden, "the sender is %s", from)}
	case f == refused:
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeBadTopic, "the test refuses it")}
	case d.shut != "":
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeStorageFull, "the test's disk is full")}
	case f == fails:
		d.shut = m.ID
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeStorageFull, "the test's disk is full")}
	}
	o.Receipt = fedmsg.Receipt{ID: m.ID, Duplicate: d.has[m.ID]}
	if !d.has[m.ID] {
		d.has[m.ID] = true
		d.all = append(d.all, m)
	}
	if f == happened {
		d.shut = m.ID
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeTimeout, "the test does not know what became of it")}
	}
	return o
}

// message copies what came.
func message(c *wire.Carried) conform.Message {
	m := conform.Message{ID: c.ID, Topic: c.Topic, Envelope: slices.Clone(c.Envelope), Signatures: slices.Clone(c.Signatures)}
	var envelope struct {
		ID    string `json:"msg_id"`
		Topic string `json:"topic"`
	}
	if c.Envelope != nil && json.Unmarshal(c.Envelope, &envelope) == nil {
		m.ID = envelope.ID
		if m.Topic == "" {
			m.Topic = envelope.Topic
		}
	}
	return m
}

// ticket answers when the door is not held any more.
type ticket struct {
	d        *door
	held     chan struct{} // nil where it was not held
	n        int
	once     sync.Once
	outcomes []fedmsg.Outcome
}

// Wait waits for the answers.
func (t *ticket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if t.held != nil {
		select {
		case <-t.held:
		case <-ctx.Done():
			return nil, fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "nobody waits any more")
		}
	}
	t.once.Do(func() {
		t.d.mu.Lock()
		defer t.d.mu.Unlock()
		t.d.open -= t.n
	})
	return t.outcomes, nil
}
