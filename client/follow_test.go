package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// fill stores count messages on topic.
func (n *fakeNode) fill(topic string, count int) {
	n.t.Helper()
	for i := range count {
		if _, err := n.store(fmt.Appendf(nil, `{"i":1,"msg":{"n":%d},"msg_id":"%s-%d-%d","timestamp":1,"topic":"%s","username":null}`, i, topic, len(n.log), i, topic)); err != nil {
			n.t.Fatal(err)
		}
	}
}

// take follows until count entries came, and gives their numbers and the gaps.
func take(t *testing.T, c *Client, o FollowOptions, count int) (seqs []uint64, gaps []*fedmsg.Gap) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for e, err := range c.Follow(ctx, o) {
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			gaps = append(gaps, gap)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if seqs = append(seqs, e.Position.Seq); len(seqs) == count {
			return seqs, gaps
		}
	}
	t.Fatalf("the stream ended after %d of %d", len(seqs), count)
	return nil, nil
}

func upTo(first, last uint64) (all []uint64) {
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

func TestFollowFromBeginningAndPosition(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 100)
	c := newClient(t, Options{Node: n.uri})
	if got, _ := take(t, c, FollowOptions{All: true}, 100); !slices.Equal(got, upTo(1, 100)) {
		t.Errorf("all: %v", got)
	}
	if got, _ := take(t, c, FollowOptions{After: fedmsg.Position{Log: fakeLog, Seq: 90}}, 10); !slices.Equal(got, upTo(91, 100)) {
		t.Errorf("after 90: %v", got)
	}
}

func TestFollowResumesAfterEachCut(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 30)
	n.cutAt = 7
	c := newClient(t, Options{Node: n.uri})
	lost, resumed := 0, 0
	got, _ := take(t, c, FollowOptions{All: true, Lost: func(error, time.Duration) { lost++ }, Resumed: func() { resumed++ }}, 30)
	if !slices.Equal(got, upTo(1, 30)) {
		t.Errorf("came: %v", got)
	}
	if lost != 4 || resumed != 4 {
		t.Errorf("lost %d, resumed %d", lost, resumed)
	}
}

// TestFollowLiveMissesNothing cuts the connection of a reader of new entries before its first entry: the entry that was
// stored meanwhile still comes.
func TestFollowLiveMissesNothing(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 5)
	c := newClient(t, Options{Node: n.uri})
	n.hang = make(chan struct{})
	lost, srv, closed := false, n.srv, make(chan struct{})
	o := FollowOptions{FailFast: true, Lost: func(error, time.Duration) {
		if lost {
			return
		}
		lost = true
		<-closed
		n.fill("a.b", 1)
		n.start()
	}}
	go func() {
		defer close(closed)
		n.mu.Lock()
		close(n.hang)
		n.hang = nil
		n.mu.Unlock()
		for started := false; !started; {
			n.mu.Lock()
			started = len(n.firsts) > 0
			n.mu.Unlock()
		}
		srv.Close()
	}()
	if got, _ := take(t, c, o, 1); !slices.Equal(got, []uint64{6}) || !lost {
		t.Errorf("came: %v, lost: %v", got, lost)
	}
}

func TestFollowGivesGapAndGoesOn(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 10)
	n.gap = &fedmsg.Gap{From: fedmsg.Position{Log: fakeLog, Seq: 1}, To: fedmsg.Position{Log: fakeLog, Seq: 4}, Reason: fedmsg.GapTrimmed}
	c := newClient(t, Options{Node: n.uri})
	got, gaps := take(t, c, FollowOptions{After: fedmsg.Position{Log: fakeLog, Seq: 4}}, 6)
	if !slices.Equal(got, upTo(5, 10)) || len(gaps) != 1 || gaps[0].Reason != fedmsg.GapTrimmed || gaps[0].To.Seq != 4 {
		t.Errorf("came %v, gaps %v", got, gaps)
	}
}

func TestFollowResumesFromHeartbeat(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 50)
	n.fill("rare", 1)
	n.heart = fedmsg.Position{Log: fakeLog, Seq: 42}
	n.cutAt = 1
	var passed []fedmsg.Position
	c := newClient(t, Options{Node: n.uri})
	got, _ := take(t, c, FollowOptions{All: true, Prefixes: []string{"rare"}, Passed: func(p fedmsg.Position) { passed = append(passed, p) }}, 1)
	if !slices.Equal(got, []uint64{51}) || len(passed) != 1 || passed[0].Seq != 42 {
		t.Errorf("came %v, passed %v", got, passed)
	}
}

func TestFollowEndsOnRefusal(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	for _, err := range c.Follow(t.Context(), FollowOptions{After: fedmsg.Position{Log: "bad", Seq: 1}}) {
		wantCode(t, err, fedmsg.CodeBadPosition)
	}
}

func TestFollowFailFast(t *testing.T) {
	c := newClient(t, Options{Node: "unix:///nonexistent/s"})
	count := 0
	for _, err := range c.Follow(t.Context(), FollowOptions{FailFast: true}) {
		wantCode(t, err, fedmsg.CodeUnavailable)
		count++
	}
	if count != 1 {
		t.Errorf("%d values", count)
	}
}

func TestFollowEndsWithContextAndClose(t *testing.T) {
	n := startNode(t)
	for name, end := range map[string]func(c *Client, cancel func()){
		"context": func(_ *Client, cancel func()) { cancel() },
		"close":   func(c *Client, _ func()) { c.Close() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		c := newClient(t, Options{Node: n.uri})
		n.fill("x", 1)
		for range c.Follow(ctx, FollowOptions{All: true}) {
			end(c, cancel)
		}
		cancel()
		t.Log(name)
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for s, want := range map[string]string{
		"2026-01-02":           "2026-01-02T00:00:00Z",
		"2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z",
		"2026-01-02 03:04":     "2026-01-02T03:04:00Z",
		"90m":                  "2026-03-04T03:36:07Z",
		"7d":                   "2026-02-25T05:06:07Z",
		"1d12h":                "2026-03-02T17:06:07Z",
	} {
		if got, err := ParseSince(s, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "-5m", "5", "d", "2026-13-01"} {
		if got, err := ParseSince(s, now); err == nil {
			t.Errorf("%s: %v", s, got)
		}
	}
}
