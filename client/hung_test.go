package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// silentNode takes connections and never reads nor answers, as a stopped process does.
func silentNode(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return "unix://" + path
}

func TestHungNodePublishKeepsItsDeadline(t *testing.T) {
	for name, withContext := range map[string]bool{"context": true, "timeout": false} {
		t.Run(name, func(t *testing.T) {
			o, ctx := Options{Node: silentNode(t), Timeout: 80 * time.Millisecond}, t.Context()
			if withContext {
				o.Timeout = time.Hour
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 80*time.Millisecond)
				defer cancel()
			}
			_, err := newClient(t, o).Publish(ctx, "a", nil)
			wantCode(t, err, fedmsg.CodeTimeout)
		})
	}
}

func TestHungNodeSpoolsInOrderAndDrains(t *testing.T) {
	n := startNode(t)
	n.hang = make(chan struct{})
	dir := t.TempDir()
	c := newClient(t, Options{Node: n.uri, Spool: dir, Timeout: 80 * time.Millisecond})
	var tickets []*Ticket
	for i := range 10 {
		tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a", Body: body(i)})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, tk)
	}
	for _, tk := range tickets {
		_, err := tk.Wait(t.Context())
		wantCode(t, err, fedmsg.CodeQueued)
	}
	// What comes now queues behind, at once, although the node might answer again.
	_, err := c.Publish(t.Context(), "a", body(10))
	wantCode(t, err, fedmsg.CodeQueued)
	n.mu.Lock()
	close(n.hang)
	n.hang = nil
	n.mu.Unlock()
	// The client drains by itself; then messages go to the node again.
	want := slices.Repeat([]string{""}, 12)
	for i := range 12 {
		want[i] = string(body(i))
	}
	publishUntilTaken(t, c, body(11))
	if got := dedup(n.bodies()); !slices.Equal(got, want) {
		t.Errorf("stored %q", got)
	}
	if pending, err := spool.New(dir, spool.Options{}).Pending(); pending || err != nil {
		t.Errorf("pending %v, %v", pending, err)
	}
}

// publishUntilTaken publishes until a node and not the spool takes it.
func publishUntilTaken(t *testing.T, c *Client, body json.RawMessage) {
	t.Helper()
	for range 1000 {
		_, err := c.Publish(t.Context(), "a", body)
		if err == nil {
			return
		}
		wantCode(t, err, fedmsg.CodeQueued)
	}
	t.Fatal("the spool was never empty")
}

// dedup drops repetitions of the last one.
func dedup(all []string) []string { return slices.Compact(all) }

func TestNoNodeSpoolsAndNextClientDrainsFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	for i := range 3 {
		c := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir})
		r, err := c.Publish(t.Context(), "a", body(i))
		wantCode(t, err, fedmsg.CodeQueued)
		if r.ID == "" || !strings.Contains(err.Error(), dir) {
			t.Errorf("%+v, %v", r, err)
		}
		c.Close()
	}
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, Spool: dir})
	if err := c.DrainSpool(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Publish(t.Context(), "a", body(3)); err != nil {
		t.Fatal(err)
	}
	if got := n.bodies(); !slices.Equal(got, []string{`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`}) {
		t.Errorf("stored %q", got)
	}
}

// TestPublishQueuesBehindEarlierProcess holds the order without a call of DrainSpool: what an earlier process has left comes
// first, although a node answers.
func TestPublishQueuesBehindEarlierProcess(t *testing.T) {
	dir := t.TempDir()
	earlier := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir})
	_, err := earlier.Publish(t.Context(), "a", body(0))
	wantCode(t, err, fedmsg.CodeQueued)
	n := startNode(t)
	n.hang = make(chan struct{}) // so that the drain is not quicker than the next line
	c := newClient(t, Options{Node: n.uri, Spool: dir})
	_, err = c.Publish(t.Context(), "a", body(1))
	wantCode(t, err, fedmsg.CodeQueued)
	n.mu.Lock()
	close(n.hang)
	n.hang = nil
	n.mu.Unlock()
	publishUntilTaken(t, c, body(2))
	if got := dedup(n.bodies()); !slices.Equal(got, []string{`{"n":0}`, `{"n":1}`, `{"n":2}`}) {
		t.Errorf("stored %q", got)
	}
}

// TestBlockedNodeSpoolsInOrder has messages that were written and others that no longer fitted into the connection.
func TestBlockedNodeSpoolsInOrder(t *testing.T) {
	dir := t.TempDir()
	c := newClient(t, Options{Node: silentNode(t), Spool: dir, Timeout: 300 * time.Millisecond})
	large := strings.Repeat("x", 100<<10)
	var tickets []*Ticket
	for i := range 20 {
		tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a", Body: fmt.Appendf(nil, `{"n":%d,"x":"%s"}`, i, large)})
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, tk)
		for i == 9 { // let the connection fill up
			c.box.mu.Lock()
			written := len(c.box.unsent) == 0
			c.box.mu.Unlock()
			if written {
				break
			}
		}
	}
	for _, tk := range tickets {
		_, err := tk.Wait(t.Context())
		wantCode(t, err, fedmsg.CodeQueued)
	}
	next := 1
	_, err := spool.New(dir, spool.Options{}).DrainAll(t.Context(), func(_ context.Context, files []spool.File) []error {
		for _, f := range files {
			var w struct{ N int }
			_ = json.Unmarshal(f.Envelope, &w)
			if w.N != next {
				t.Errorf("message %d stands where %d should", w.N, next)
			}
			next++
		}
		return make([]error, len(files))
	})
	if err != nil || next != 21 {
		t.Errorf("%d, %v", next, err)
	}
}

func TestAnswerForAnotherMessageIsNoReceipt(t *testing.T) {
	n := startNode(t)
	n.wrongID = true
	c := newClient(t, Options{Node: n.uri, Timeout: 100 * time.Millisecond})
	_, err := c.Publish(t.Context(), "a", nil)
	wantCode(t, err, fedmsg.CodeTimeout)
}

func TestStoppingNodeSpools(t *testing.T) {
	n := startNode(t)
	n.refuse["a"] = fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping")
	c := newClient(t, Options{Node: n.uri, Spool: t.TempDir()})
	_, err := c.Publish(t.Context(), "a", body(1))
	wantCode(t, err, fedmsg.CodeQueued)
	_, err = newClient(t, Options{Node: n.uri}).Publish(t.Context(), "a", body(1))
	wantCode(t, err, fedmsg.CodeUnavailable)
}

func TestNodeRestartIsWaitedFor(t *testing.T) {
	n := startNode(t)
	c := newClient(t, Options{Node: n.uri, Timeout: 20 * time.Second})
	if _, err := c.Publish(t.Context(), "a", body(1)); err != nil {
		t.Fatal(err)
	}
	n.srv.Close()
	tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a", Body: body(2)})
	if err != nil {
		t.Fatal(err)
	}
	n.start()
	if _, err := tk.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
