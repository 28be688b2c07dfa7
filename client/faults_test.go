package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// faults makes connections for publishing go wrong, each in its own way.
type faults struct {
	mu  sync.Mutex
	rng *rand.Rand
	met map[string]int
}

func (f *faults) pick(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

// post answers some lines, and then does what a node, a proxy or something else at its place may do.
func (f *faults) post(n *fakeNode, w http.ResponseWriter, r *http.Request) {
	fault := []string{
		"drop before", "drop after", "drop inside", "end in order", "503", "429", "507", "garbage", "no HTTP", "another id", "too many answers",
	}[f.pick(11)]
	f.mu.Lock()
	f.met[fault]++
	f.mu.Unlock()
	rc := http.NewResponseController(w)
	switch fault {
	case "503", "507":
		code := map[string]fedmsg.Code{"503": fedmsg.CodeUnavailable, "507": fedmsg.CodeStorageFull}[fault]
		w.WriteHeader(code.HTTPStatus())
		_, _ = w.Write(fedmsg.AppendErrorJSON(nil, fedmsg.Errorf(code, "come again")))
		return
	case "429":
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case "no HTTP":
		if conn, _, err := rc.Hijack(); err == nil {
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n")
			conn.Close()
		}
		return
	}
	in := bufio.NewReaderSize(r.Body, 1<<20)
	answer := func(line []byte) {
		_, _ = w.Write(line)
		_ = rc.Flush()
	}
	for left := f.pick(60); ; left-- {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if left == 0 && fault == "drop before" {
			cut(rc)
			return
		}
		receipt, err := n.store(line[:len(line)-1])
		out := append(receipt.AppendJSON(nil), '\n')
		if err != nil {
			out = append(fedmsg.AppendErrorJSON(nil, err), '\n')
		}
		if left > 0 {
			answer(out)
			continue
		}
		switch fault {
		case "end in order": // with a line that was stored and is not answered
			return
		case "drop inside":
			answer(out[:f.pick(len(out))])
		case "garbage":
			answer([]byte("<html>\n"))
		case "another id":
			receipt.ID = "another"
			answer(append(receipt.AppendJSON(nil), '\n'))
		case "too many answers":
			answer(append(out, out...))
		}
		cut(rc)
		return
	}
}

// TestFaultyNodeLosesNothing publishes from many goroutines to a node that does everything wrong that it can, though not
// for ever: each message has one outcome, which is true, and each caller's messages are stored once and in order.
// FEDMSG_TEST_SEED repeats a run as far as goroutines allow.
func TestFaultyNodeLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	callers, each := 16, 150
	if os.Getenv("FEDMSG_TEST_LONG") == "1" {
		each = 1500
	}
	n := startNode(t)
	n.faults = &faults{rng: rand.New(rand.NewPCG(seed, 0)), met: map[string]int{}}
	c := newClient(t, Options{Node: n.uri, Timeout: 10 * time.Minute, InFlightBytes: 16 << 10})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	receipts := make([][]fedmsg.Receipt, callers)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() { receipts[caller] = publishAll(ctx, t, c, caller, each) })
	}
	wg.Wait()
	if len(n.log) != callers*each {
		t.Errorf("%d are stored, want %d", len(n.log), callers*each)
	}
	next := make([]int, callers)
	for _, e := range n.log {
		var w struct{ Msg struct{ Caller, N int } }
		_ = json.Unmarshal(e.Envelope, &w)
		caller := w.Msg.Caller
		if w.Msg.N != next[caller] {
			t.Fatalf("caller %d: message %d is stored where %d should be", caller, w.Msg.N, next[caller])
		}
		if r := receipts[caller][next[caller]]; r.ID != e.ID || r.Position != e.Position || r.Seq != e.Position.Seq || !r.Received.Equal(e.Received) {
			t.Fatalf("receipt %+v for %+v", r, e)
		}
		next[caller]++
	}
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	if c.box.bytes != 0 || len(c.box.sent)+len(c.box.unsent) != 0 {
		t.Errorf("%d bytes, %d and %d messages are left", c.box.bytes, len(c.box.sent), len(c.box.unsent))
	}
	if len(n.faults.met) < 11 {
		t.Errorf("met only %v", n.faults.met)
	}
}

// publishAll publishes as one caller: every second one waits for each message, the others have some under way.
func publishAll(ctx context.Context, t *testing.T, c *Client, caller, count int) (receipts []fedmsg.Receipt) {
	var open []*Ticket
	wait := func() {
		r, err := open[0].Wait(ctx)
		again, err2 := open[0].Wait(ctx)
		if err != nil || err2 != nil || r != again || r.ID != open[0].ID() {
			t.Errorf("%+v %v, then %+v %v", r, err, again, err2)
		}
		receipts, open = append(receipts, r), open[1:]
	}
	for i := range count {
		m := fedmsg.Message{Topic: "a.b", Body: fmt.Appendf(nil, `{"caller":%d,"n":%d}`, caller, i)}
		if caller%2 == 0 {
			r, err := c.PublishMessage(ctx, m)
			if err != nil {
				t.Errorf("publish: %v", err)
			}
			receipts = append(receipts, r)
			continue
		}
		tk, err := c.Submit(ctx, m)
		if err != nil {
			t.Errorf("submit: %v", err)
			return receipts
		}
		if open = append(open, tk); len(open) == 20 {
			wait()
		}
	}
	for len(open) > 0 {
		wait()
	}
	return receipts
}
