package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http tells of the handlers that tests abort
	state, err := os.MkdirTemp("", "state")
	if err != nil {
		panic(err)
	}
	os.Setenv("XDG_STATE_HOME", state) // the shared client's spool
	code := m.Run()
	os.RemoveAll(state)
	if c, err := shared(); err == nil {
		c.Close()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func body(i int) json.RawMessage { return fmt.Appendf(nil, `{"n":%d}`, i) }

func wantCode(t *testing.T, err error, code fedmsg.Code) {
	t.Helper()
	if fedmsg.CodeOf(err) != code {
		t.Errorf("error %v (%s), want code %s", err, fedmsg.CodeOf(err), code)
	}
}

func TestPublishGivesReceipt(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	for i := range 3 {
		r, err := c.Publish(t.Context(), "org.example.dev.test", map[string]int{"n": i})
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(i+1) || r.Position.String() != fmt.Sprintf("%s-%d", fakeLog, i+1) || r.ID == "" || r.Received.IsZero() || r.Duplicate {
			t.Errorf("receipt %+v", r)
		}
	}
	var w struct {
		I, N     uint64
		Stream   string
		Username string
		MsgID    string `json:"msg_id"`
	}
	_ = json.Unmarshal(n.log[2].Envelope, &w)
	if w.I != 3 || w.N != 3 || w.Stream != c.stream || w.MsgID == "" || w.Username == "" {
		t.Errorf("envelope %s", n.log[2].Envelope)
	}
}

func TestPublishSameIDTwice(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	m := fedmsg.Message{ID: "2026-one", Topic: "a.b", Body: body(1), Headers: map[string]string{"k": "v"}}
	first, err1 := c.PublishMessage(t.Context(), m)
	again, err2 := c.PublishMessage(t.Context(), m)
	if err1 != nil || err2 != nil || first.Duplicate || !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("%+v %v, %+v %v", first, err1, again, err2)
	}
}

func TestPublishRefusesLocally(t *testing.T) {
	c := newClient(t, Options{Node: "unix:///nonexistent"})
	for name, tt := range map[string]struct {
		topic string
		body  any
		code  fedmsg.Code
	}{
		"empty topic": {"", body(1), fedmsg.CodeBadTopic},
		"bad topic":   {"a..b", body(1), fedmsg.CodeBadTopic},
		"list":        {"a", []int{1}, fedmsg.CodeBadBody},
		"string":      {"a", "x", fedmsg.CodeBadBody},
		"not JSON":    {"a", json.RawMessage(`{"a"`), fedmsg.CodeBadJSON},
		"smuggled":    {"a", json.RawMessage(`{},"topic":"b","x":{}`), fedmsg.CodeBadJSON},
		"two lines":   {"a", json.RawMessage("{}\n{}"), fedmsg.CodeBadJSON},
		"escape":      {"a", json.RawMessage("{\"a\":\"\\\n\"}"), fedmsg.CodeBadJSON},
		"channel":     {"a", make(chan int), fedmsg.CodeBadBody},
	} {
		_, err := c.Publish(t.Context(), tt.topic, tt.body)
		if fedmsg.CodeOf(err) != tt.code {
			t.Errorf("%s: %v (%s)", name, err, fedmsg.CodeOf(err))
		}
	}
}

func TestPublishCompactsLayout(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	if _, err := c.Publish(t.Context(), "a", json.RawMessage("\n{ \"a\":\n\t[1, \"}\"] }\n")); err != nil {
		t.Fatal(err)
	}
	if got := n.bodies(); !slices.Equal(got, []string{`{"a":[1,"}"]}`}) {
		t.Errorf("stored %q", got)
	}
}

func TestShortTopicIsCompleted(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, TopicPrefix: "org.example", Environment: "dev", Modname: "git"})
	for _, topic := range []string{"repo.update", "org.example.prod.x.y", "org.examples"} {
		if _, err := c.Publish(t.Context(), topic, body(1)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"org.example.dev.git.repo.update", "org.example.prod.x.y", "org.example.dev.git.org.examples"}
	for i, e := range n.log {
		if e.Topic != want[i] {
			t.Errorf("topic %q, want %q", e.Topic, want[i])
		}
	}
}

func TestManyGoroutinesShareOneStream(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			last := uint64(0)
			for i := range 100 {
				r, err := c.Publish(t.Context(), "a.b", body(g*1000+i))
				if err != nil || r.Seq <= last {
					t.Errorf("%+v, %v after %d", r, err, last)
					return
				}
				last = r.Seq
			}
		})
	}
	wg.Wait()
	for i, e := range n.log {
		if want := fmt.Sprintf(`"n":%d,"stream"`, i+1); !strings.Contains(string(e.Envelope), want) {
			t.Fatalf("entry %d does not have n in the order of the log: %s", i+1, e.Envelope)
		}
	}
	if len(n.log) != 1600 {
		t.Errorf("%d stored", len(n.log))
	}
}

func TestRefusalIsOfOneMessage(t *testing.T) {
	n := startNode(t)
	n.refuse["a.bad"] = fedmsg.Errorf(fedmsg.CodeForbidden, "uid 0 may not publish on a.bad")
	c := newClient(t, Options{Node: n.uri})
	var tickets []*Ticket
	for i := range 9 {
		topic := "a.good"
		if i%3 == 1 {
			topic = "a.bad"
		}
		tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: topic, Body: body(i)})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, tk)
	}
	for i, tk := range tickets {
		_, err := tk.Wait(t.Context())
		if want := i%3 == 1; want != (fedmsg.CodeOf(err) == fedmsg.CodeForbidden) {
			t.Errorf("message %d: %v", i, err)
		}
	}
}

func TestWrongTokenIsSaid(t *testing.T) {
	n := startNode(t)
	n.token = "right"
	_, err := newClient(t, Options{Node: n.uri, Token: "wrong", Spool: t.TempDir()}).Publish(t.Context(), "a", nil)
	wantCode(t, err, fedmsg.CodeUnauthenticated)
	if _, err := newClient(t, Options{Node: n.uri, Token: "right"}).Publish(t.Context(), "a", nil); err != nil {
		t.Error(err)
	}
}

func TestTokenIsNotSentInTheClear(t *testing.T) {
	for uri, ok := range map[string]bool{
		"http://node.example:80": false, "http://10.0.0.1": false, "https://node.example": true,
		"http://127.0.0.1:1": true, "http://localhost:1": true, "http://[::1]:1": true, "unix:///x": true,
	} {
		if _, err := New(Options{Node: uri, Token: "x"}); (err == nil) != ok {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if _, err := New(Options{Node: "http://10.0.0.1", Token: "x", InsecurePlainHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestNodeURIs(t *testing.T) {
	for _, uri := range []string{"node", "tcp://x:1", "unix://rel/x", "unix:x", "http://", "http://u:p@h", "http://h?x=1", "http://%zz"} {
		_, err := New(Options{Node: uri})
		wantCode(t, err, fedmsg.CodeConfig)
	}
}

// TestLostConnectionResendsInOrder breaks connections after some lines, both when the last was lost and when it was stored
// and only its receipt was lost: every message ends up stored once, in order.
func TestLostConnectionResendsInOrder(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("happened=%v", late), func(t *testing.T) {
			n := startNode(t)
			n.dropAt, n.dropLate = []int{3, 1, 5, 2}, late
			c := newClient(t, Options{Node: n.uri})
			var tickets []*Ticket
			for i := range 40 {
				tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a", Body: body(i)})
				if err != nil {
					t.Fatal(err)
				}
				tickets = append(tickets, tk)
			}
			duplicates := 0
			for i, tk := range tickets {
				r, err := tk.Wait(t.Context())
				if err != nil || r.Seq != uint64(i+1) {
					t.Errorf("message %d: %+v, %v", i, r, err)
				}
				if r.Duplicate {
					duplicates++
				}
			}
			// A reset connection may also lose receipts that were written before, so that duplicates may come either way.
			if late && duplicates == 0 {
				t.Error("no message was sent twice")
			}
			if len(n.log) != 40 {
				t.Errorf("%d stored", len(n.log))
			}
		})
	}
}

func TestNoNodeFailsAtOnce(t *testing.T) {
	c := newClient(t, Options{Node: "unix:///nonexistent/sock"})
	r, err := c.Publish(t.Context(), "a", nil)
	wantCode(t, err, fedmsg.CodeUnavailable)
	if !strings.Contains(err.Error(), "fedmsg serve") || r.ID == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRoomIsBounded(t *testing.T) {
	n := startNode(t)
	n.hang = make(chan struct{})
	c := newClient(t, Options{Node: n.uri, InFlightBytes: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var err error
	count := 0
	for ; err == nil; count++ {
		_, err = c.Submit(ctx, fedmsg.Message{Topic: "a", Body: body(count)})
	}
	wantCode(t, err, fedmsg.CodeUnavailable)
	if count < 3 || count > 10 {
		t.Errorf("%d were taken", count)
	}
	n.mu.Lock()
	close(n.hang)
	n.hang = nil
	n.mu.Unlock()
	if _, err := c.Publish(t.Context(), "a", nil); err != nil {
		t.Error(err)
	}
}

func TestCancelReturnsAtOnce(t *testing.T) {
	c := newClient(t, Options{Node: silentNode(t), Spool: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	tk, err := c.Submit(ctx, fedmsg.Message{Topic: "a"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = tk.Wait(ctx)
	wantCode(t, err, fedmsg.CodeTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCloseSpoolsWhatIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, Options{Node: silentNode(t), Spool: dir})
	tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	_, err = tk.Wait(t.Context())
	wantCode(t, err, fedmsg.CodeQueued)
	_, err = c.Publish(t.Context(), "a", nil)
	wantCode(t, err, fedmsg.CodeUnavailable)
}

func TestIdleConnectionEnds(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, Idle: time.Millisecond})
	for i := range 20 {
		if _, err := c.Publish(t.Context(), "a", body(i)); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			for idle := false; !idle; {
				c.box.mu.Lock()
				idle = !c.box.running
				c.box.mu.Unlock()
			}
		}
	}
}

func TestEnvelopeIsSentAsItIs(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri})
	const e = `{"topic":"a.b", "msg_id":"x-1","timestamp":1,"i":1, "msg":{ "z":1,"a":2 },"username":"u"}`
	r, err := c.PublishEnvelope(t.Context(), []byte(e))
	if err != nil || r.ID != "x-1" || string(n.log[0].Envelope) != e {
		t.Errorf("%+v, %v: %s", r, err, n.log[0].Envelope)
	}
}
