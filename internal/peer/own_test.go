package peer

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// memory is a door into nothing, which remembers the origins of what came.
type memory struct {
	mu      sync.Mutex
	origins []fedmsg.Position
}

// SubmitCarried takes everything.
func (m *memory) SubmitCarried(_ context.Context, _ fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	m.mu.Lock()
	defer m.mu.Unlock()
	var t taken
	for _, c := range messages {
		m.origins = append(m.origins, c.Origin)
		t = append(t, fedmsg.Outcome{Receipt: fedmsg.Receipt{Position: at(uint64(len(m.origins)))}})
	}
	return t
}

type taken []fedmsg.Outcome

// Wait gives the outcomes at once.
func (t taken) Wait(context.Context) ([]fedmsg.Outcome, error) { return t, nil }

// TestOwnAreLeft follows a node that has messages from this node's own log too: they are not brought, and the place is behind them
// all the same, also where nothing else came.
func TestOwnAreLeft(t *testing.T) {
	t.Parallel()
	o, dir := startOther(t), t.TempDir()
	const foreign = fedmsg.LogID("bbbbbbbbbbbb")
	post := func(ids ...string) (last fedmsg.Position) {
		t.Helper()
		for i, id := range ids {
			p := at(uint64(i + 1))
			if id[0] == 'f' {
				p.Log = foreign
			}
			d := wire.Draft{ID: id, Topic: "org.example.dev.own.a", Body: []byte("{}")}
			e := fedmsg.Entry{Position: p, ID: id, Topic: d.Topic, Envelope: wire.AppendEnvelope(nil, &d)}
			r, err := o.node.Publish(t.Context(), e.AppendJSON(nil))
			if err != nil {
				t.Fatal(err)
			}
			last = r.Position
		}
		return last
	}
	door := new(memory)
	follow := func(until fedmsg.Position, brought int) {
		t.Helper()
		c := receive.Config{Name: "other", From: "http://" + o.proxy.Addr, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}
		source, err := NewSource(c, dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s, err := receive.New([]receive.Configured{{Config: c, Source: source, InFlight: 64}},
			receive.Deps{Door: func(*receive.Config) receive.Door { return door }, Dir: t.TempDir(), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		again := time.NewTicker(5 * time.Millisecond) // soon enough that no heartbeat, which comes in 15 s, can have told the place
		defer again.Stop()
		for end := time.Now().Add(10 * time.Second); reopened(t, filepath.Join(dir, "place")) != until; <-again.C {
			if time.Now().After(end) {
				t.Fatalf("the place is %s, want %s", reopened(t, filepath.Join(dir, "place")), until)
			}
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(door.origins) != brought {
			t.Errorf("%d messages were brought, want %d: %v", len(door.origins), brought, door.origins)
		}
		for _, p := range door.origins {
			if p.Log != foreign {
				t.Errorf("one of %s was brought", p)
			}
		}
	}
	follow(post("own-1", "foreign-1", "own-2", "own-3"), 1)
	follow(post("own-4", "own-5"), 1)
	follow(post("own-6", "foreign-2"), 2)
}
