package stomp

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// memory is a log in memory.
type memory struct {
	mu   sync.Mutex
	more sync.Cond // with mu
	all  []*fedmsg.Entry
}

var _ deliver.Log = (*memory)(nil)

const logID = fedmsg.LogID("aaaaaaaaaaaa")

func newMemory() *memory {
	m := &memory{}
	m.more.L = &m.mu
	return m
}

// add appends an entry with this envelope.
func (m *memory) add(e fedmsg.Entry) *fedmsg.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.Position = fedmsg.Position{Log: logID, Seq: uint64(len(m.all) + 1)}
	e.Received = time.Now().UTC()
	m.all = append(m.all, &e)
	m.more.Broadcast()
	return &e
}

// say appends a message. Members stand in its envelope behind topic and id.
func (m *memory) say(topic, body, members string) *fedmsg.Entry {
	m.mu.Lock()
	id := fmt.Sprintf("2026-00000000-0000-4000-8000-%012d", len(m.all)+1)
	m.mu.Unlock()
	return m.add(fedmsg.Entry{ID: id, Topic: topic, Envelope: fmt.Appendf(nil, `{"msg":%s,"msg_id":%q,"topic":%q%s}`, body, id, topic, members)})
}

// Cursor reads from behind the position.
func (m *memory) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	return &memoryCursor{m: m, at: int(after.Seq)}, nil
}

// End is the position of the newest entry.
func (m *memory) End() fedmsg.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fedmsg.Position{Log: logID, Seq: uint64(len(m.all))}
}

type memoryCursor struct {
	m     *memory
	at    int
	woken bool // guarded by m.mu
}

func (c *memoryCursor) Next() (*fedmsg.Entry, error) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if c.at >= len(c.m.all) {
		return nil, io.EOF
	}
	c.at++
	return c.m.all[c.at-1], nil
}

func (c *memoryCursor) Wait() {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	for c.at >= len(c.m.all) && !c.woken {
		c.m.more.Wait()
	}
	c.woken = false
}

func (c *memoryCursor) Wake() {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.woken = true
	c.m.more.Broadcast()
}

func (c *memoryCursor) Close() error { return nil }

// patience bounds what takes milliseconds on an idle machine.
const patience = 60 * time.Second

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await waits until something is true that no event tells.
func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for ctx := soon(t); !ready(); {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("still not: %s", what)
		}
	}
}

// deliverTo starts a sink over a log, which stops with the test. Fields of c that are not set are filled in.
func deliverTo(t *testing.T, m *memory, c deliver.Config) *deliver.Set {
	t.Helper()
	c.Name, c.Start, c.Topics = "out", "beginning", []fedmsg.Pattern{everything(t)}
	sink, err := NewSink(c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	set, err := deliver.New([]deliver.Configured{{Config: c, Sink: sink, InFlight: SinkInFlight}}, deliver.Deps{Log: m, Places: dir, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	set.Start()
	t.Cleanup(func() {
		if err := set.Stop(soon(t)); err != nil {
			t.Error(err)
		}
	})
	return set
}

func everything(t *testing.T) fedmsg.Pattern {
	t.Helper()
	p, err := fedmsg.ParsePattern("#")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fate waits until the sink is done with an entry, and gives what became of it.
func fate(t *testing.T, set *deliver.Set, e *fedmsg.Entry) fedmsg.Delivery {
	t.Helper()
	all := set.Wait(soon(t), e, "out")
	if len(all) != 1 || all[0].State == fedmsg.DeliveryPending {
		t.Fatalf("the fate of %s: %+v; the sink is at %+v", e.ID, all, set.List())
	}
	return all[0]
}
