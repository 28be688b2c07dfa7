package process

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestOneShotPublishers has 64 callers run `fedmsg publish` again and again: every message is stored once, and those of one
// caller in its order.
func TestOneShotPublishers(t *testing.T) {
	t.Parallel()
	const callers = 64
	each := fedmsgtest.Count(10, 100)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				r, err := node.Command(nil, "publish", "--topic", topic, "--json-input",
					"--message", fmt.Sprintf(`{"caller":%d,"n":%d}`, c, n)).Run()
				if err == nil && r.Status != 0 {
					err = fmt.Errorf("publish %d: %s", n, r)
				}
				if err != nil {
					errs[c] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for c, err := range errs {
		if err != nil {
			t.Errorf("caller %d: %s", c, err)
		}
	}
	next := make([]int, callers)
	for _, e := range node.ReadAll(t) {
		var w struct {
			Msg struct{ Caller, N int }
		}
		if err := json.Unmarshal(e.Envelope, &w); err != nil {
			t.Fatal(err)
		}
		if w.Msg.N != next[w.Msg.Caller] {
			t.Fatalf("caller %d: message %d stands where %d should", w.Msg.Caller, w.Msg.N, next[w.Msg.Caller])
		}
		next[w.Msg.Caller]++
	}
	for c, n := range next {
		if n != each {
			t.Errorf("caller %d: %d of %d messages are in the log", c, n, each)
		}
	}
}

// TestIdleMemory starts a node with nothing configured and says how much memory it takes. It holds what is the node's own; how
// much of the program file is in memory is the kernel's choice, and ./bench says it.
func TestIdleMemory(t *testing.T) {
	t.Parallel()
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	rss, err := node.RSS()
	if err != nil {
		t.Fatal(err)
	}
	own, err := node.OwnMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("measured: an idle node takes %.1f MB, %.1f MB of it its own", float64(rss)/1e6, float64(own)/1e6)
	if own > 8e6 {
		t.Errorf("an idle node takes %.1f MB of its own, want at most 8", float64(own)/1e6)
	}
}
