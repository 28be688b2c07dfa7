package zeromq

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/zmtp"
)

const testLog = fedmsg.LogID("k3v5q2m7x4ab")

func at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: testLog, Seq: seq} }

// memoryLog is a log in memory.
type memoryLog struct {
	mu      sync.Mutex
	entries []fedmsg.Entry // from number 1 on
	trimmed uint64         // number of the last entry that is gone
	opened  int            // readers ever opened
}

// grow makes entries durable and gives them.
func (l *memoryLog) grow(entries ...fedmsg.Entry) []fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := len(l.entries)
	for _, e := range entries {
		e.Position = at(uint64(len(l.entries) + 1))
		if e.ID == "" {
			e.ID = fmt.Sprintf("id-%d", e.Position.Seq)
		}
		l.entries = append(l.entries, e)
	}
	return l.entries[from:len(l.entries):len(l.entries)]
}

func (l *memoryLog) trim(to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trimmed = to
}

func (l *memoryLog) reader(after uint64) feed.LogReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	return &memoryReader{log: l, after: after}
}

type memoryReader struct {
	log   *memoryLog
	after uint64
}

func (r *memoryReader) Next() (*fedmsg.Entry, error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.after < r.log.trimmed {
		gap := &fedmsg.Gap{From: at(r.after + 1), To: at(r.log.trimmed), Reason: fedmsg.GapTrimmed}
		r.after = r.log.trimmed
		return nil, gap
	}
	if r.after >= uint64(len(r.log.entries)) {
		return nil, io.EOF
	}
	r.after++
	return &r.log.entries[r.after-1], nil
}

func (r *memoryReader) Close() error { return nil }

// node is a running Server with a log in memory.
type node struct {
	t      testing.TB
	server *Server
	log    *memoryLog
	feed   *feed.Feed
	told   *told
	ran    chan error
}

// told keeps what operators are told.
type told struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *told) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *told) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// startNode starts a node whose configuration and parts are as change leaves them, and ends it with the test.
func startNode(t testing.TB, ring int, change func(*Config, *Deps)) *node {
	t.Helper()
	n := &node{t: t, log: &memoryLog{}, told: &told{}, ran: make(chan error, 1)}
	n.feed = feed.New(feed.Config{Log: testLog, Open: n.log.reader, RingBytes: ring})
	t.Cleanup(n.feed.Close)
	c := DefaultConfig()
	c.Publish = nil
	d := Deps{Feed: n.feed, Embeds: true, Name: "node.test", Logger: slog.New(slog.NewTextHandler(n.told, nil))}
	change(&c, &d)
	var err error
	if n.server, err = New(c, d); err != nil {
		t.Fatal(err)
	}
	go func() { n.ran <- n.server.Run(context.Background()) }()
	t.Cleanup(func() { n.stop() })
	return n
}

// stop ends the node, and checks that it does in time.
func (n *node) stop() {
	n.t.Helper()
	if n.ran == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // it takes a second at most, but the machine may be busy
	defer cancel()
	if err := n.server.Shutdown(ctx); err != nil || ctx.Err() != nil {
		n.t.Errorf("the node does not stop in time: %v", err)
	}
	if err := <-n.ran; err != nil {
		n.t.Error(err)
	}
	n.ran = nil
}

// publish makes entries durable.
func (n *node) publish(entries ...fedmsg.Entry) {
	for len(entries) > 0 {
		k := min(len(entries), 100)
		n.feed.Publish(n.log.grow(entries[:k]...))
		entries = entries[k:]
	}
}

// addr is where the i-th endpoint listens.
func (n *node) addr(i int) string { return n.server.Addrs()[i] }

// entry is one with a topic and an envelope around a number.
func entry(topic string, k int) fedmsg.Entry {
	return fedmsg.Entry{Topic: topic, Envelope: fmt.Appendf(nil, `{"topic":%q,"msg":{"k":%d}}`, topic, k)}
}

// entries are n on one topic.
func entries(topic string, n int) []fedmsg.Entry {
	all := make([]fedmsg.Entry, n)
	for k := range all {
		all[k] = entry(topic, k+1)
	}
	return all
}

// pythonSub is a subscriber by libzmq in a process of its own.
type pythonSub struct {
	*fedmsgtest.Script
	t testing.TB
}

// startSub starts one and waits until it has subscribed, so far as it knows.
func startSub(t testing.TB, endpoint, count, hwm string, prefixes ...string) *pythonSub {
	t.Helper()
	s := &pythonSub{fedmsgtest.StartScript(t, "testdata/sub.py", append([]string{endpoint, count, hwm}, prefixes...)...), t}
	s.Expect("ready")
	return s
}

// next gives the frames of the next message.
func (s *pythonSub) next() [][]byte {
	s.t.Helper()
	if !s.Out.Scan() {
		s.t.Fatalf("the subscriber has ended: %v", s.Out.Err())
	}
	var frames [][]byte
	for word := range strings.SplitSeq(s.Out.Text(), " ") {
		f, err := hex.DecodeString(word)
		if err != nil {
			s.t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

// subscriptions waits until the n-th publisher has so many subscriptions.
func (n *node) subscriptions(i, want int) {
	n.t.Helper()
	p := n.server.edges[i].(*publisher)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		have := 0
		for _, s := range p.all() {
			s.mu.Lock()
			have += s.wanted.Len()
			s.mu.Unlock()
		}
		if have == want {
			return
		}
		if time.Now().After(end) {
			n.t.Fatalf("there are %d subscriptions and should be %d", have, want)
		}
	}
}

// dialSub connects a subscriber by this project's own protocol.
func dialSub(t testing.TB, uri string, o zmtp.Options, prefixes ...string) *zmtp.Conn {
	t.Helper()
	c, err := zmtp.Dial(t.Context(), uri, zmtp.SUB, o)
	if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { c.Close() })
	t.Cleanup(func() { guard.Stop(); c.Close() })
	for _, p := range prefixes {
		if err := c.Subscribe([]byte(p), false); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// receive gives the next message.
func receive(t testing.TB, c *zmtp.Conn) zmtp.Message {
	t.Helper()
	got, err := c.Receive(make([]zmtp.Incoming, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Message
}
