package client

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// pushed is what a Push told.
type pushed struct {
	mu      sync.Mutex
	ids     []string // of the entries, in order
	codes   []fedmsg.Code
	answers chan struct{} // one for each
	ended   chan error
}

// push opens a Push whose answers are kept; its end and that of its client come with the test's.
func push(t *testing.T, o Options) (*Push, *pushed) {
	t.Helper()
	c := newClient(t, o)
	told := &pushed{answers: make(chan struct{}, 1<<16), ended: make(chan error, 2)}
	p, err := c.Push(t.Context(), PushOptions{
		Answered: func(entries []*fedmsg.Entry, outcomes []fedmsg.Outcome) {
			told.mu.Lock()
			defer told.mu.Unlock()
			for i, e := range entries {
				told.ids = append(told.ids, e.ID)
				told.codes = append(told.codes, fedmsg.CodeOf(outcomes[i].Err))
				if outcomes[i].Err == nil && outcomes[i].Receipt.ID != e.ID {
					t.Errorf("the answer for %s has a receipt for %s", e.ID, outcomes[i].Receipt.ID)
				}
				told.answers <- struct{}{}
			}
		},
		Ended: func(err error) { told.ended <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, told
}

// await waits for n answers.
func (p *pushed) await(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-p.answers:
		case <-time.After(time.Minute):
			t.Fatal("an answer did not come")
		}
	}
}

// entries makes entries of another node's log, which are on three topics and of which every other one came from a third node.
func entries(count int) (all []*fedmsg.Entry) {
	const other = fedmsg.LogID("bbbbbbbbbbbb")
	for i := range count {
		e := &fedmsg.Entry{Position: fedmsg.Position{Log: other, Seq: uint64(i + 1)}, Received: time.Unix(1700000000, 0).UTC(),
			ID: fmt.Sprintf("2026-%08d", i), Topic: fmt.Sprintf("org.example.dev.push.t%d", i%3), Sender: "uid:0", Verdict: fedmsg.VerdictOK}
		d := wire.Draft{ID: e.ID, Topic: e.Topic, Body: []byte(`{"text":"<ü>"}`), Time: 1700000000}
		e.Envelope = wire.AppendEnvelope(nil, &d)
		if i%2 == 1 {
			e.Origin = fedmsg.Position{Log: "cccccccccccc", Seq: uint64(10 * i)}
		}
		all = append(all, e)
	}
	return all
}

// send hands over entries and flushes.
func (p *Push) sendAll(t *testing.T, all []*fedmsg.Entry) {
	t.Helper()
	for _, e := range all {
		if err := p.Send(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPushSendsEntriesAsTheyAre(t *testing.T) {
	n := startNode(t)
	n.refuse["org.example.dev.push.t2"] = fedmsg.Errorf(fedmsg.CodeForbidden, "not you")
	p, told := push(t, Options{Node: n.uri})
	all := entries(2000)
	p.sendAll(t, all[:1])
	told.await(t, 1)
	p.sendAll(t, all[1:])
	told.await(t, len(all)-1)

	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.posts) != 1 || n.posts[0] != "replaying=1" {
		t.Errorf("the requests had the queries %q", n.posts)
	}
	for i, e := range all {
		if want := string(e.AppendJSON(nil)); string(n.lines[i]) != want {
			t.Fatalf("line %d is %s, want %s", i, n.lines[i], want)
		}
		want := fedmsg.Code("")
		if i%3 == 2 {
			want = fedmsg.CodeForbidden
		}
		if told.ids[i] != e.ID || told.codes[i] != want {
			t.Fatalf("answer %d is %q for %s, want %q for %s", i, told.codes[i], told.ids[i], want, e.ID)
		}
	}
}

func TestPushEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		prepare  func(n *fakeNode)
		answered int
		code     fedmsg.Code
	}{
		{"broken", func(n *fakeNode) { n.dropAt = []int{3} }, 2, fedmsg.CodeUnavailable},
		{"stored and broken", func(n *fakeNode) { n.dropAt, n.dropLate = []int{3}, true }, 2, fedmsg.CodeUnavailable},
		{"answers for others", func(n *fakeNode) { n.wrongID = true }, 0, fedmsg.CodeInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := startNode(t)
			c.prepare(n)
			p, told := push(t, Options{Node: n.uri})
			p.sendAll(t, entries(5))
			if err := <-told.ended; fedmsg.CodeOf(err) != c.code {
				t.Errorf("ended by %v, want the code %s", err, c.code)
			}
			if len(told.ids) != c.answered {
				t.Errorf("%d were answered, want %d", len(told.ids), c.answered)
			}
			if err := p.Send(t.Context(), entries(1)[0]); err == nil {
				err = p.Flush(t.Context())
				if err == nil {
					t.Error("what is sent behind the end has no error")
				}
			}
			p.Close()
			if len(told.ended) > 0 {
				t.Error("the end was told twice")
			}
		})
	}
}

func TestPushRefused(t *testing.T) {
	n := startNode(t)
	n.token = "s3cret"
	c := newClient(t, Options{Node: n.uri, Token: "wrong"})
	_, err := c.Push(t.Context(), PushOptions{})
	if fedmsg.CodeOf(err) != fedmsg.CodeUnauthenticated {
		t.Errorf("Push = %v, want the node's refusal", err)
	}
	nobody := newClient(t, Options{Node: "unix://" + filepath.Join(t.TempDir(), "none")})
	if _, err = nobody.Push(t.Context(), PushOptions{}); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("Push = %v, want that nobody answers", err)
	}
}

// TestPushEndsWithContext has a server that accepts and says nothing, and a node that reads nothing more.
func TestPushEndsWithContext(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := ln.Accept(); err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 1))
			cancel()
			<-t.Context().Done()
		}
	}()
	c := newClient(t, Options{Node: "unix://" + ln.Addr().String(), Timeout: time.Hour})
	if _, err := c.Push(ctx, PushOptions{}); err == nil || ctx.Err() == nil {
		t.Errorf("Push = %v before the server was asked", err)
	}

	n := startNode(t)
	p, told := push(t, Options{Node: n.uri})
	p.sendAll(t, entries(1))
	told.await(t, 1)
	n.mu.Lock()
	n.hang = make(chan struct{})
	n.mu.Unlock()
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	big := entries(1)[0]
	big.Envelope = []byte(`{"msg":"` + strings.Repeat("x", 1<<18) + `"}`)
	for err = nil; err == nil; {
		err = p.Send(ctx, big)
	}
	if ctx.Err() == nil {
		t.Errorf("Send = %v before the context ended", err)
	}
}

// TestPushClosed closes a push, or its client, in the middle: nothing is told behind that.
func TestPushClosed(t *testing.T) {
	for _, whole := range []bool{false, true} {
		n := startNode(t)
		p, told := push(t, Options{Node: n.uri})
		p.sendAll(t, entries(500))
		told.await(t, 1)
		if whole {
			p.c.Close()
		} else {
			p.Close()
		}
		told.mu.Lock()
		before := len(told.ids)
		told.mu.Unlock()
		n.stop()
		if len(told.ids) != before || len(told.ended) > 0 {
			t.Errorf("something was told behind the end")
		}
	}
}

func TestFollowRests(t *testing.T) {
	n := startNode(t)
	n.fill("org.example.dev.push.rest", 50)
	c := newClient(t, Options{Node: n.uri})
	ctx, cancel := context.WithCancel(t.Context())
	given, rested, connected := 0, 0, 0
	for range c.Follow(ctx, FollowOptions{All: true, Connected: func() { connected++ }, Rest: func() {
		if rested = given; given == 50 {
			cancel()
		}
	}}) {
		given++
	}
	if rested != 50 || connected != 1 {
		t.Errorf("rested at %d of %d, connected %d times", rested, given, connected)
	}
}
