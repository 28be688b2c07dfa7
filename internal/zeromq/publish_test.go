package zeromq

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestFormats: each format as libzmq receives it, to the byte.
func TestFormats(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, _ *Deps) {
		for _, f := range []string{"fedmsg1", "fedpub1", "fedmsg2"} {
			c.Publish = append(c.Publish, "tcp://127.0.0.1:0?format="+f)
		}
	})
	var subs []*pythonSub
	for i := range 3 {
		subs = append(subs, startSub(t, n.addr(i), "0", "-"))
		n.subscriptions(i, 1)
	}
	n.publish(
		fedmsg.Entry{Topic: "org.example.a", ID: "2026-x", Envelope: []byte(`{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}`), Signatures: []byte(`[{"keyid":"k","sig":"s"}]`)},
		fedmsg.Entry{Topic: "org.example.b", ID: "i\"2", Envelope: []byte(`{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}`)},
		fedmsg.Entry{Topic: "old.c", Envelope: []byte(`{"msg":[1,NaN],"topic":"old.c"}`), NotIJSON: true},
		fedmsg.Entry{Topic: "old.d", Envelope: []byte(`{"headers":7,"msg":{"x":"é"},"topic":"old.d"}`)},
	)
	want := [3][]string{
		{
			`org.example.a|{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}`,
			`org.example.b|{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}`,
			`old.c|{"msg":[1,NaN],"topic":"old.c"}`,
			`old.d|{"headers":7,"msg":{"x":"é"},"topic":"old.d"}`,
		},
		{
			`org.example.a|FEDPUB1|{"fedmsg-id":"2026-x","a":"b"}|{"k":1}`,
			`org.example.b|FEDPUB1|{"fedmsg-id":"i\"2"}|{}`,
			`old.d|FEDPUB1|{"fedmsg-id":"id-4"}|{"x":"é"}`,
		},
		{
			`org.example.a|FEDMSG2|{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}|[{"keyid":"k","sig":"s"}]`,
			`org.example.b|FEDMSG2|{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}|[]`,
			`old.c|FEDMSG2|{"msg":[1,NaN],"topic":"old.c"}|[]`,
			`old.d|FEDMSG2|{"headers":7,"msg":{"x":"é"},"topic":"old.d"}|[]`,
		},
	}
	for i, s := range subs {
		for k, w := range want[i] {
			if got := joined(s.next()); got != w {
				t.Errorf("format %d, message %d: got\n%s\nwant\n%s", i, k, got, w)
			}
		}
	}
	if text := fmt.Sprint(n.server.Checks()); !strings.Contains(text, "4 messages had no embedded signature") || !strings.Contains(text, "1 messages could not be said") {
		t.Errorf("health says %s", text)
	}
}

func joined(frames [][]byte) string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = string(f)
	}
	return strings.Join(texts, "|")
}

// sequence checks that the messages of an entries() topic come from one number on without a hole.
type sequence struct {
	t    testing.TB
	next int // 0: any
}

func (s *sequence) add(frames [][]byte) {
	s.t.Helper()
	var e struct{ Msg struct{ K int } }
	if err := json.Unmarshal(frames[2], &e); err != nil {
		s.t.Fatal(err)
	}
	if s.next != 0 && e.Msg.K != s.next {
		s.t.Fatalf("message %d came where %d should", e.Msg.K, s.next)
	}
	s.next = e.Msg.K + 1
}

// TestScope: what the socket does not give out is not there whatever is subscribed to; prefixes are bytes, are counted as one
// peer's, and end with a cancellation.
func TestScope(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, _ *Deps) {
		c.Publish = []string{"tcp://127.0.0.1:0?topics=org.open.%23,org.half.*", "tcp://0.0.0.0:0"}
	})
	all, some := dialSub(t, n.addr(0), zmtp.Options{}, ""), dialSub(t, n.addr(0), zmtp.Options{}, "org.open.a", "org.h")
	closed := dialSub(t, strings.Replace(n.addr(1), "0.0.0.0", "127.0.0.1", 1), zmtp.Options{}, "")
	n.subscriptions(0, 3)
	n.subscriptions(1, 1)
	topics := []string{"org.secret.a", "org.open.a.b", "org.half.x.y", "org.open.b", "org.open.ab", "org.half.x", "org.secret.open"}
	for k, topic := range topics {
		n.publish(entry(topic, k))
	}
	for _, want := range []string{"org.open.a.b", "org.open.b", "org.open.ab", "org.half.x"} {
		if got := receive(t, all); string(got[0]) != want {
			t.Errorf("all: got %s, want %s", got[0], want)
		}
	}
	for _, want := range []string{"org.open.a.b", "org.open.ab", "org.half.x"} {
		if got := receive(t, some); string(got[0]) != want {
			t.Errorf("some: got %s, want %s", got[0], want)
		}
	}
	if err := some.Subscribe([]byte("org.h"), true); err != nil {
		t.Fatal(err)
	}
	n.subscriptions(0, 2)
	n.publish(entry("org.half.z", 1), entry("org.open.a", 2))
	if got := receive(t, some); string(got[0]) != "org.open.a" {
		t.Errorf("what was cancelled came: %s", got[0])
	}
	closed.Close()
	if text := n.told.String(); !strings.Contains(text, "nothing may be read here") {
		t.Errorf("the operator was told %s", text)
	}
	if got := valueOf(t, n.server.edges[1].(*publisher).counts.sent); got != 0 {
		t.Errorf("%v messages went out where nothing may be read", got)
	}
}

// TestStart: a subscriber begins at the end of the log as of its first subscription, and a further one holds at once.
func TestStart(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
	n.publish(entry("a.before", 1))
	c := dialSub(t, n.addr(0), zmtp.Options{})
	n.publish(entry("a.connected", 2))
	if err := c.Subscribe([]byte("a."), false); err != nil {
		t.Fatal(err)
	}
	n.subscriptions(0, 1)
	n.publish(entry("b.not", 3), entry("a.first", 4))
	if got := receive(t, c); string(got[0]) != "a.first" {
		t.Errorf("got %s", got[0])
	}
	if err := c.Subscribe([]byte("b."), false); err != nil {
		t.Fatal(err)
	}
	n.subscriptions(0, 2)
	n.publish(entry("b.now", 5))
	if got := receive(t, c); string(got[0]) != "b.now" {
		t.Errorf("got %s", got[0])
	}
}

// TestStalledSubscriber: one that takes nothing delays nobody, and has everything when it reads on, though the feed's memory
// has forgotten it long ago.
func TestStalledSubscriber(t *testing.T) {
	t.Parallel()
	const total = 30000
	n := startNode(t, 64<<10, func(c *Config, _ *Deps) {
		c.Publish, c.ChunkBytes = []string{"tcp://127.0.0.1:0"}, 1<<20
	})
	stalled := startSub(t, n.addr(0), fmt.Sprint(total)+"w", "10")
	quick := dialSub(t, n.addr(0), zmtp.Options{}, "")
	n.subscriptions(0, 2)
	pad := strings.Repeat("x", 1000)
	go func() {
		for k := range total {
			n.publish(fedmsg.Entry{Topic: "org.example.a", Envelope: fmt.Appendf(nil, `{"topic":"org.example.a","msg":{"k":%d,"pad":"%s"}}`, k+1, pad)})
		}
	}()
	seen := sequence{t, 1}
	for seen.next <= total {
		seen.add(receive(t, quick))
	}
	// The stalled one has not had all: it is far behind, and nothing of it is in memory.
	if got := valueOf(t, n.server.edges[0].(*publisher).counts.sent); got >= 2*total {
		t.Fatalf("%v messages were written: nobody stalled", got)
	}
	stalled.Do("")
	late := sequence{t, 1}
	for late.next <= total {
		late.add(stalled.next())
	}
	n.log.mu.Lock()
	defer n.log.mu.Unlock()
	if n.log.opened == 0 {
		t.Error("the log was not read")
	}
}

// TestMidStream: subscribers that come and go while messages flow each get a run without a hole.
func TestMidStream(t *testing.T) {
	t.Parallel()
	n := startNode(t, 64<<10, func(c *Config, _ *Deps) { c.Publish, c.ChunkBytes = []string{"tcp://127.0.0.1:0"}, 200<<10 })
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for k := 1; ; k++ {
			select {
			case <-stop:
				return
			default:
				n.publish(entry("org.example.a", k), entry("org.example.b", k))
				if k%50 == 0 {
					runtime.Gosched()
				}
			}
		}
	})
	var reading sync.WaitGroup
	for i := range 40 {
		reading.Go(func() {
			prefix := []string{"", "org.example.a"}[i%2]
			c := dialSub(t, n.addr(0), zmtp.Options{}, prefix)
			defer c.Close()
			var a sequence
			a.t = t
			for k := range 500 {
				m := receive(t, c)
				if string(m[0]) == "org.example.a" {
					a.add(m)
				} else if prefix != "" {
					t.Errorf("message %d has the topic %s", k, m[0])
				}
			}
		})
	}
	reading.Wait()
	close(stop)
	publishing.Wait()
}

// TestTrimmed: what retention has removed is counted and passed.
func TestTrimmed(t *testing.T) {
	t.Parallel()
	n := startNode(t, 64<<10, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
	const total = 20000
	stalled := startSub(t, n.addr(0), "0w", "10")
	n.subscriptions(0, 1)
	pad := strings.Repeat("x", 1000)
	for k := range total {
		n.publish(fedmsg.Entry{Topic: "org.example.a", Envelope: fmt.Appendf(nil, `{"msg":{"k":%d,"pad":"%s"}}`, k+1, pad)})
	}
	n.log.trim(total - 100)
	stalled.Do("")
	last := 0
	gaps := 0
	for last < total {
		var e struct{ Msg struct{ K int } }
		if err := json.Unmarshal(stalled.next()[2], &e); err != nil {
			t.Fatal(err)
		}
		if e.Msg.K != last+1 {
			gaps++
		}
		last = e.Msg.K
	}
	p := n.server.edges[0].(*publisher)
	if got := valueOf(t, p.counts.gaps); gaps != 1 || got != 1 {
		t.Errorf("%d gaps were seen and %v counted", gaps, got)
	}
	if !strings.Contains(n.told.String(), "reason=trimmed") {
		t.Errorf("the operator was told %s", n.told)
	}
}

// TestRestart: a subscriber by libzmq has what was stored when the node stopped, and goes on with the next node.
func TestRestart(t *testing.T) {
	t.Parallel()
	uri := "tcp://127.0.0.1:0"
	start := func() *node { return startNode(t, 0, func(c *Config, _ *Deps) { c.Publish = []string{uri} }) }
	n := start()
	uri = n.addr(0)
	sub := startSub(t, uri, "0", "-")
	n.subscriptions(0, 1)
	n.publish(entries("org.example.a", 5000)...)
	n.stop()
	seen := sequence{t, 1}
	for seen.next <= 5000 {
		seen.add(sub.next())
	}
	n = start()
	n.subscriptions(0, 1)
	n.publish(entry("org.example.again", 7))
	if got := sub.next(); string(got[0]) != "org.example.again" {
		t.Errorf("got %s", got[0])
	}
}

// TestStopWithStalled: a subscriber that takes nothing does not keep the node from stopping.
func TestStopWithStalled(t *testing.T) {
	t.Parallel()
	n := startNode(t, 64<<10, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
	dialSub(t, n.addr(0), zmtp.Options{}, "")
	idle := dialSub(t, n.addr(0), zmtp.Options{})
	n.subscriptions(0, 1)
	pad := strings.Repeat("x", 1<<20)
	for k := range 20 {
		n.publish(fedmsg.Entry{Topic: "org.example.a", Envelope: fmt.Appendf(nil, `{"msg":{"k":%d,"pad":"%s"}}`, k+1, pad)})
	}
	n.stop()
	if !strings.Contains(n.told.String(), "subscribers had not taken all when the node stopped\" endpoint=tcp://127.0.0.1:0 subscribers=1") {
		t.Errorf("the operator was told %s", n.told)
	}
	if _, err := idle.Receive(nil); err == nil {
		t.Error("a subscriber is still connected")
	}
}

// TestStopWithIdle: subscribers that have taken all are not waited for when the node stops.
func TestStopWithIdle(t *testing.T) {
	t.Parallel()
	n := startNode(t, 1<<20, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
	all := make([]*zmtp.Conn, 200)
	for i := range all {
		all[i] = dialSub(t, n.addr(0), zmtp.Options{}, "")
	}
	n.subscriptions(0, len(all))
	n.publish(entry("a.b", 1))
	for _, c := range all {
		receive(t, c)
	}
	n.stop()
	if text := n.told.String(); text != "" {
		t.Errorf("the operator is told %s", text)
	}
}

// TestCutOff: a subscriber that takes nothing for too long is cut off, counted, and named.
func TestCutOff(t *testing.T) {
	t.Parallel()
	n := startNode(t, 64<<10, func(c *Config, _ *Deps) {
		c.Publish, c.WriteTimeout = []string{"tcp://127.0.0.1:0"}, 200*time.Millisecond
	})
	dialSub(t, n.addr(0), zmtp.Options{}, "")
	n.subscriptions(0, 1)
	pad := strings.Repeat("x", 1<<20)
	for k := range 20 {
		n.publish(fedmsg.Entry{Topic: "org.example.a", Envelope: fmt.Appendf(nil, `{"msg":{"k":%d,"pad":"%s"}}`, k+1, pad)})
	}
	n.subscriptions(0, 0)
	p := n.server.edges[0].(*publisher)
	if got := valueOf(t, p.counts.cut); got != 1 {
		t.Errorf("%v were cut", got)
	}
	if !strings.Contains(n.told.String(), "key=zeromq.write_timeout") {
		t.Errorf("the operator was told %s", n.told)
	}
}
