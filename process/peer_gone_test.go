package process

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// away is how long a node stays away from those that are joined to it.
func away() time.Duration { return time.Duration(fedmsgtest.Count(6, 60)) * time.Second }

// steady publishes at a node, one message after the other, 200 in a second for a time, and gives how many it took and the longest
// that an answer took. A node that is not there is tried again.
func steady(t *testing.T, node *fedmsgtest.Node, name string, from int, lasting time.Duration) (to int, slowest time.Duration) {
	t.Helper()
	next := time.NewTicker(5 * time.Millisecond)
	defer next.Stop()
	for end := time.Now().Add(lasting); time.Now().Before(end); from++ {
		<-next.C
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		began := time.Now()
		_, err := node.Publish(ctx, submission(fmt.Sprintf("%s-%d", name, from), from))
		cancel()
		if err != nil {
			t.Fatalf("publishing %s-%d: %s", name, from, err)
		}
		slowest = max(slowest, time.Since(began))
	}
	return from, slowest
}

// holdOrder fails the test unless the entries are those of name, from the first on, in order.
func holdOrder(t *testing.T, where string, entries []fedmsg.Entry, name string) {
	t.Helper()
	for i, e := range entries {
		if want := fmt.Sprintf("%s-%d", name, i); e.ID != want {
			t.Fatalf("%s has %s where %s was next", where, e.ID, want)
		}
	}
}

// TestPeerPushedToGone has a node that pushes to another, which is killed under load, stays away for seconds or a minute, and
// comes back: publishers notice nothing, the sink says why it waits, health too, and then all arrives, in order and to the byte.
func TestPeerPushedToGone(t *testing.T) {
	t.Parallel()
	g := topology{ways: pushes("a", "b")}
	p := newPeers(t, g.names(), g.config)
	p.start()
	count, _ := steady(t, p.nodes["a"], "load", 0, time.Second)
	p.nodes["b"].Kill9()
	count, slowest := steady(t, p.nodes["a"], "load", count, away())
	if slowest > 5*time.Second {
		t.Errorf("a publisher waited %s while another node was away", slowest)
	}
	if s := p.sinks("a")[0]; s.State != deliver.StateWaiting || !strings.Contains(s.LastError, "b.s") || s.Lag == 0 {
		t.Errorf("while the other node is away the sink is %+v", s)
	}
	p.start("b")
	count, _ = steady(t, p.nodes["a"], "load", count, time.Second)
	first := p.await("a", count)
	second := p.await("b", count)
	holdOrder(t, "b", second, "load")
	same(t, "b", sums(t, second), sums(t, first))
	p.until("the sink runs again", func() bool {
		s := p.sinks("a")[0]
		return s.State == deliver.StateRunning && s.Lag == 0 && s.Dead == 0
	})
	t.Logf("measured: %d messages, the slowest answer to a publisher in %s", count, slowest.Round(time.Millisecond))
}

// TestPeerFollowedIsGone has a node that follows another, which is killed and stays away as long: its own publishers notice
// nothing, and what is published when the other one is back comes too.
func TestPeerFollowedIsGone(t *testing.T) {
	t.Parallel()
	g := topology{ways: pulls("a", "b")}
	p := newPeers(t, g.names(), g.config)
	p.start()
	count, _ := steady(t, p.nodes["a"], "load", 0, time.Second)
	p.nodes["a"].Kill9()
	own, slowest := steady(t, p.nodes["b"], "own", 0, away())
	if slowest > 5*time.Second {
		t.Errorf("a publisher waited %s while another node was away", slowest)
	}
	if s := p.sources("b")[0]; s.Connected || !strings.Contains(s.LastError, "a.s") {
		t.Errorf("while the other node is away the source is %+v", s)
	}
	p.start("a")
	count, _ = steady(t, p.nodes["a"], "load", count, time.Second)
	var loaded []fedmsg.Entry
	for _, e := range p.await("b", count+own) {
		if !e.Origin.IsZero() {
			loaded = append(loaded, e)
		}
	}
	holdOrder(t, "b", loaded, "load")
	same(t, "b", sums(t, loaded), sums(t, p.await("a", count)))
	if s := p.sources("b")[0]; !s.Connected || s.Received != uint64(count) || s.Duplicates != 0 {
		t.Errorf("behind %d messages the source is %+v", count, s)
	}
}

// TestPeerLostInSilence kills a node that had taken messages without an answer, when nothing more is to be sent: the other one
// notices at once, however long it would wait for answers.
func TestPeerLostInSilence(t *testing.T) {
	t.Parallel()
	g := topology{ways: pushes("a", "b")}
	p := newPeers(t, g.names(), g.config)
	p.start()
	p.publish("a", 1)
	p.await("b", 1)
	p.until("it is answered", func() bool { s := p.sinks("a")[0]; return s.InFlight == 0 && s.Lag == 0 })
	if err := p.nodes["b"].Pause(); err != nil {
		t.Fatal(err)
	}
	p.submit("a", bytes.NewReader(append(submission("a-1", 1), '\n')), 1)
	p.until("it is under way", func() bool { return p.sinks("a")[0].InFlight == 1 })
	p.nodes["b"].Kill9()
	p.start("b")
	holdOrder(t, "b", p.await("b", 2), "a")
}

// TestPeerKilled kills either node again and again under load, at random moments: whatever was acknowledged at the first is once
// and in order in the second, pushed and pulled.
func TestPeerKilled(t *testing.T) {
	t.Parallel()
	for _, g := range []topology{{name: "pushed", ways: pushes("a", "b")}, {name: "pulled", ways: pulls("a", "b")}} {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			rnd := random(t)
			p := newPeers(t, g.names(), g.config)
			p.start()
			acked := newAcknowledged()
			for round := range fedmsgtest.Count(4, 50) {
				before := len(acked.snapshot())
				l := startLoad(t, p.nodes["a"], 2, fmt.Sprintf("kill-%d", round), acked)
				acked.await(t, before+1+rnd.IntN(1000), l.ended)
				victim := []string{"a", "b"}[round%2]
				p.nodes[victim].Kill9()
				if victim == "b" {
					l.stop()
				}
				<-l.ended
				p.start(victim)
			}
			first := p.nodes["a"].ReadAll(t)
			if len(first) < len(acked.snapshot()) {
				t.Fatalf("the first node has %d messages and acknowledged %d", len(first), len(acked.snapshot()))
			}
			second := p.await("b", len(first))
			for i := range first {
				if first[i].ID != second[i].ID || second[i].Origin != first[i].Position {
					t.Fatalf("entry %d of the second node is %s of %s, and of the first %s", i+1, second[i].ID, second[i].Origin, first[i].ID)
				}
			}
			same(t, "b", sums(t, second), sums(t, first))
			t.Logf("%d acknowledged messages were followed", len(first))
		})
	}
}
