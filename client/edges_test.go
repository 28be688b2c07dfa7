package client

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/spool"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestDeadConnectionIsReplaced has a connection that takes everything and answers nothing, and publishers who all watch
// their time themselves: when they have gone, those who come later must get another one.
func TestDeadConnectionIsReplaced(t *testing.T) {
	n := startNode(t)
	n.deaf = 1
	c := newClient(t, Options{Node: n.uri, Timeout: 100 * time.Millisecond})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Publish(short, "a", body(0))
	wantCode(t, err, fedmsg.CodeTimeout)
	long, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Publish(long, "a", body(1)); err != nil {
		t.Error(err)
	}
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	if c.box.bytes != 0 {
		t.Errorf("%d bytes are still counted as under way", c.box.bytes)
	}
}

// TestFullOutboxKeepsDeadline has no room left while the node hangs: publishing ends in its time all the same, and where
// there is a spool the message goes there, behind those that were first.
func TestFullOutboxKeepsDeadline(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		c := newClient(t, Options{Node: silentNode(t), Timeout: 100 * time.Millisecond, InFlightBytes: 1, Spool: dir})
		long, cancel := context.WithTimeout(t.Context(), time.Hour)
		var wg sync.WaitGroup
		first := make(chan struct{})
		wg.Go(func() {
			tk, err := c.submit(long, &outgoing{Draft: draftOf(t, c, 0)}, time.Now().Add(time.Hour))
			close(first)
			if err == nil {
				_, _ = tk.Wait(long)
			}
		})
		<-first
		_, err := c.Publish(t.Context(), "a", body(1)) // not before the hour of the first otherwise
		if dir == "" {
			wantCode(t, err, fedmsg.CodeUnavailable)
			cancel()
		} else {
			wantCode(t, err, fedmsg.CodeQueued)
			wg.Wait() // it went to the spool too
			var kept []string
			_, _ = spool.New(dir, spool.Options{}).DrainAll(t.Context(), func(_ context.Context, files []spool.File) []error {
				for _, f := range files {
					kept = append(kept, string(f.Envelope))
				}
				return make([]error, len(files))
			})
			if len(kept) != 2 || !strings.Contains(kept[0], string(body(0))) || !strings.Contains(kept[1], string(body(1))) {
				t.Errorf("spooled %q", kept)
			}
		}
		cancel()
		c.Close()
		wg.Wait()
	}
}

func draftOf(t *testing.T, c *Client, i int) wire.Draft {
	t.Helper()
	o, err := c.draft(&fedmsg.Message{Topic: "a", Body: body(i)})
	if err != nil {
		t.Fatal(err)
	}
	return o.Draft
}

// TestCloseWhilePublishing closes under many publishers, with the spool coming and going: everybody is told something.
func TestCloseWhilePublishing(t *testing.T) {
	for round := range 20 {
		n := startNode(t)
		dir := t.TempDir()
		_, err := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir}).Publish(t.Context(), "a", body(0))
		wantCode(t, err, fedmsg.CodeQueued)
		c := newClient(t, Options{Node: n.uri, Spool: dir, Timeout: time.Hour})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					_, err := c.Publish(context.Background(), "a", nil)
					switch fedmsg.CodeOf(err) {
					case "", fedmsg.CodeQueued:
						continue
					case fedmsg.CodeUnavailable: // closed
					default:
						t.Error(err)
					}
					return
				}
			})
		}
		for stored := 0; stored < round; {
			n.mu.Lock()
			stored = len(n.log)
			n.mu.Unlock()
		}
		c.Close()
		wg.Wait()
	}
}

// TestSpoolEmptyAfterClose has the drainer find the spool empty when the client is closed already and somebody stands in
// line: nobody sends any more, so that the message must go to the spool.
func TestSpoolEmptyAfterClose(t *testing.T) {
	c := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: t.TempDir()})
	c.Close()
	tk := &Ticket{c: c, id: "x", line: []byte(`{"topic":"a","msg":{}}` + "\n"), done: make(chan struct{})}
	c.box.spooling, c.box.toSpool = true, []*Ticket{tk}
	c.stopSpooling(true)
	c.writeSpool()
	if !tk.settled {
		t.Error("the message has no outcome")
	}
	wantCode(t, tk.err, fedmsg.CodeQueued)
}

// TestCancelledWaitChangesNothing holds that one who waits no more decides nothing for the message.
func TestCancelledWaitChangesNothing(t *testing.T) {
	n := startNode(t)
	n.hang = make(chan struct{})
	c := newClient(t, Options{Node: n.uri, Timeout: time.Minute})
	tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tk.Wait(ctx)
	wantCode(t, err, fedmsg.CodeTimeout)
	n.mu.Lock()
	close(n.hang)
	n.hang = nil
	n.mu.Unlock()
	if r, err := tk.Wait(t.Context()); err != nil || r.Seq != 1 || tk.line != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWrongMessageIsNotSpooled refuses at once what every node would refuse later, when nobody is there to be told.
func TestWrongMessageIsNotSpooled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	c := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir})
	_, err := c.PublishMessage(t.Context(), fedmsg.Message{Topic: "a", ID: "two words"})
	wantCode(t, err, fedmsg.CodeBadID)
	_, err = c.Publish(t.Context(), "a", []byte(`{"a":1,"a":2}`))
	wantCode(t, err, fedmsg.CodeDuplicateKey)
	_, err = c.Publish(t.Context(), "a", body(1))
	wantCode(t, err, fedmsg.CodeQueued)
	if names, _ := filepath.Glob(filepath.Join(dir, "*.env")); len(names) != 1 {
		t.Errorf("spooled %q", names)
	}
}

// TestImpostorDoesNotEmptySpool has something that answers 200 to everything and is no node.
func TestImpostorDoesNotEmptySpool(t *testing.T) {
	for _, answer := range []string{"", "ok", "ok\nok\nok\n", "{}\n{}\n{}\n", "null\n", `{"id":"x"}` + "\n", strings.Repeat("x", 2<<20)} {
		dir := t.TempDir()
		s := spool.New(dir, spool.Options{})
		for range 3 {
			if err := s.Write([]byte(`{"topic":"a","msg":{}}`)); err != nil {
				t.Fatal(err)
			}
		}
		c := newClient(t, Options{Node: impostor(t, answer), Spool: dir, Timeout: 200 * time.Millisecond})
		if err := c.DrainSpool(t.Context()); err == nil {
			t.Errorf("%.20q: no error", answer)
		}
		if names, _ := filepath.Glob(filepath.Join(dir, "*.env")); len(names) != 3 {
			t.Errorf("%.20q: %d are left", answer, len(names))
		}
	}
}

// impostor answers every request with the same.
func impostor(t *testing.T, answer string) (uri string) {
	t.Helper()
	n := &fakeNode{t: t, uri: "unix://" + filepath.Join(t.TempDir(), "node.sock"), answer: answer, always: true}
	n.start()
	t.Cleanup(n.stop)
	return n.uri
}

// TestBlankSpoolFileShiftsNoAnswer has a file for which a node gives no answer as a line: the answers for others must not
// be taken for its own.
func TestBlankSpoolFileShiftsNoAnswer(t *testing.T) {
	n := startNode(t)
	dir := t.TempDir()
	s := spool.New(dir, spool.Options{})
	for _, e := range []string{" ", `{"topic":"a..b","msg":{}}`, `{"topic":"a","msg":{"n":1},"id":"x"}`} {
		if err := s.Write([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	c := newClient(t, Options{Node: n.uri, Spool: dir})
	if err := c.DrainSpool(t.Context()); err != nil {
		t.Fatal(err)
	}
	rejected, _ := filepath.Glob(filepath.Join(dir, "rejected", "*.env"))
	if len(rejected) != 2 || len(n.bodies()) != 1 {
		t.Errorf("rejected %q, stored %q", rejected, n.bodies())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, token := range []string{"secret\n", "a b", "x\r\nHost: y", "é"} {
		_, err := New(Options{Node: "unix:///x", Token: token})
		wantCode(t, err, fedmsg.CodeConfig)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("shows the token: %v", err)
		}
	}
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, TopicPrefix: "org.example", Modname: "shop"})
	if _, err := c.Publish(t.Context(), "order.new", nil); err != nil || n.log[0].Topic != "org.example.dev.shop.order.new" {
		t.Errorf("%v, %v", n.log, err)
	}
	c.Close()
	_, err := c.Log(t.Context())
	wantCode(t, err, fedmsg.CodeUnavailable)
}

// TestFollowSurvivesJunk has lines that are no entry: they are a broken connection, never an empty entry, and never the end.
func TestFollowSurvivesJunk(t *testing.T) {
	for _, junk := range []string{"{}\n", "null\n", "<html>\n", `{"envelope":{},"topic":"a"}` + "\n", `{"heartbeat":5}` + "\n", `{"position":"` + string(fakeLog) + `-7"}` + "\n", `{"error":{"code":"unavailable","message":"stopping"}}` + "\n"} {
		n := startNode(t)
		n.fill("a.b", 3)
		n.junk = junk
		lost := 0
		c := newClient(t, Options{Node: n.uri})
		got, _ := take(t, c, FollowOptions{All: true, Lost: func(error, time.Duration) { lost++ }}, 3)
		if !slices.Equal(got, upTo(1, 3)) || lost != 1 {
			t.Errorf("%q: came %v, lost %d times", junk, got, lost)
		}
	}
}

// TestFollowImported gives what was imported into the node's archive, which has no position: where the reader stands stays what it was.
func TestFollowImported(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 3)
	n.junk = `{"position":"","seq":0,"received":"2012-10-10T10:10:10Z","id":"old","topic":"a","sender":"","signer":"","verdict":"","envelope":{},"signatures":[]}` + "\nbroken\n"
	c := newClient(t, Options{Node: n.uri})
	if got, _ := take(t, c, FollowOptions{After: fedmsg.Position{Log: fakeLog, Seq: 1}}, 3); !slices.Equal(got, []uint64{0, 2, 3}) {
		t.Errorf("came %v, want what was imported and then what is behind 1", got)
	}
}

// TestFollowRedacted holds that what is left of a redacted message comes in its place.
func TestFollowRedacted(t *testing.T) {
	n := startNode(t)
	n.junk = `{"position":"` + string(fakeLog) + `-1","seq":1,"received":"2026-10-10T10:10:10Z","id":"x","topic":"a","sender":"","signer":"","verdict":"","envelope":null,"redacted":true,"signatures":[]}` + "\n"
	for e, err := range newClient(t, Options{Node: n.uri}).Follow(t.Context(), FollowOptions{All: true, FailFast: true}) {
		if err != nil || !e.Redacted || e.ID != "x" || e.Envelope != nil || e.Position.Seq != 1 {
			t.Errorf("%+v %v", e, err)
		}
		break
	}
}

// TestFollowSinceOnlyOnce breaks streams inside a line: what was asked for by time goes on by position, and nothing comes
// twice or is missing. At last the log is another one.
func TestFollowSinceOnlyOnce(t *testing.T) {
	n := startNode(t)
	n.fill("a.b", 10)
	n.cutAt, n.cutInto = 3, true
	c := newClient(t, Options{Node: n.uri})
	got, _ := take(t, c, FollowOptions{Since: time.Unix(1, 0)}, 9)
	if !slices.Equal(got, upTo(1, 9)) {
		t.Errorf("came %v", got)
	}
	n.mu.Lock()
	queries := slices.Clone(n.queries)
	n.cutAt = 0
	n.gap = &fedmsg.Gap{From: fedmsg.Position{Log: "zzzzzzzzzzzz", Seq: 5}, To: fedmsg.Position{Log: fakeLog}, Reason: fedmsg.GapOtherLog}
	n.heart = fedmsg.Position{}
	n.mu.Unlock()
	for i, q := range queries {
		v, _ := url.ParseQuery(q)
		if v.Has("since") != (i == 0) || v.Has("after") != (i > 0) {
			t.Errorf("request %d: %s", i+1, q)
		}
	}
	// The gap stands for the position that was asked for; behind it the new log begins.
	f := &follower{c: c, after: fedmsg.Position{Log: "zzzzzzzzzzzz", Seq: 5}}
	var gap *fedmsg.Gap
	f.yield = func(_ fedmsg.Entry, err error) bool { return !errors.As(err, &gap) }
	if err := f.session(t.Context(), func() {}); err != errStopped || gap.Reason != fedmsg.GapOtherLog || f.after != gap.To {
		t.Errorf("%v, %+v, stands at %v", err, gap, f.after)
	}
}
