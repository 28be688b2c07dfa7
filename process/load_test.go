package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// patience bounds every wait for an event; only a failing test comes near it.
const patience = 60 * time.Second

// topic is where the tests publish.
const topic = "org.example.dev.test.thing.make"

// random gives a source whose seed is printed and can be given back in FEDMSG_TEST_SEED.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("FEDMSG_TEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("FEDMSG_TEST_SEED: %s", err)
		}
		seed = n
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// submission is a message of about 300 bytes as a publisher sends it to a new door.
func submission(id string, n int) []byte {
	return fmt.Appendf(nil, `{"topic":%q,"id":%q,"msg":{"n":%d,"pad":"%0200d"}}`, topic, id, n, n)
}

// acknowledged gathers what publishers were told. Any goroutine may use it.
type acknowledged struct {
	mu       sync.Mutex
	receipts map[string]fedmsg.Receipt
	errs     []error
	more     chan struct{} // closed and replaced when a receipt comes
}

func newAcknowledged() *acknowledged {
	return &acknowledged{receipts: make(map[string]fedmsg.Receipt), more: make(chan struct{})}
}

func (a *acknowledged) add(o fedmsg.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o.Err != nil {
		a.errs = append(a.errs, o.Err)
		return
	}
	a.receipts[o.Receipt.ID] = o.Receipt
	close(a.more)
	a.more = make(chan struct{})
}

// snapshot gives a copy of the receipts so far.
func (a *acknowledged) snapshot() map[string]fedmsg.Receipt {
	a.mu.Lock()
	defer a.mu.Unlock()
	receipts := make(map[string]fedmsg.Receipt, len(a.receipts))
	for id, r := range a.receipts {
		receipts[id] = r
	}
	return receipts
}

// await waits until there are n receipts or the publishers have ended.
func (a *acknowledged) await(t *testing.T, n int, ended <-chan struct{}) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		a.mu.Lock()
		have, more, errs := len(a.receipts), a.more, a.errs
		a.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-ended:
			t.Fatalf("the publishers ended with %d of %d receipts; refusals: %v", have, n, errs)
		case <-deadline.C:
			t.Fatalf("%d of %d receipts within %s; refusals: %v", have, n, patience, errs)
		}
	}
}

// load is publishers that stream NDJSON, each in its own connection, with a bounded number of lines under way.
type load struct {
	acked *acknowledged
	ended chan struct{} // closed when every publisher has ended
	errs  []error       // how each stream ended; read after ended
	stop  context.CancelFunc
}

// startLoad starts publishers that go on until the node ends their stream or stop is called.
func startLoad(t *testing.T, node *fedmsgtest.Node, publishers int, name string, acked *acknowledged) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{acked: acked, ended: make(chan struct{}), errs: make([]error, publishers), stop: cancel}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() { l.errs[p] = l.publish(ctx, node, fmt.Sprintf("%s-%d", name, p)) })
	}
	go func() {
		wg.Wait()
		cancel()
		close(l.ended)
	}()
	t.Cleanup(func() { cancel(); <-l.ended })
	return l
}

// publish streams lines until ctx ends or the stream does.
func (l *load) publish(ctx context.Context, node *fedmsgtest.Node, name string) error {
	const window = 256 // lines under way
	free := make(chan struct{}, window)
	for range window {
		free <- struct{}{}
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() { // ends when the reading side is closed or ctx ends
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-free:
			case <-ctx.Done():
				w.Close()
				return
			}
			if _, err := w.Write(append(submission(fmt.Sprintf("%s-%d", name, i), i), '\n')); err != nil {
				return
			}
		}
	}()
	inner, cancel := context.WithCancel(ctx)
	err := node.PublishLines(inner, r, func(_ int, o fedmsg.Outcome) {
		l.acked.add(o)
		free <- struct{}{}
	})
	r.Close()
	cancel()
	select {
	case free <- struct{}{}: // wakes the writer, which then sees the closed pipe
	default:
	}
	<-done
	return err
}

// verify reads the whole log and fails the test unless every receipt's message stands at its position with its content,
// without holes or repeated ids.
func verify(t *testing.T, node *fedmsgtest.Node, receipts map[string]fedmsg.Receipt) {
	t.Helper()
	entries := node.ReadAll(t)
	byID := make(map[string]fedmsg.Entry, len(entries))
	for i, e := range entries {
		if e.Position.Seq != entries[0].Position.Seq+uint64(i) {
			t.Fatalf("entry %d of the log has position %s; the log has a hole or is out of order", i, e.Position)
		}
		if other, twice := byID[e.ID]; twice {
			t.Fatalf("id %s is stored twice, at %s and %s", e.ID, other.Position, e.Position)
		}
		byID[e.ID] = e
	}
	lost := 0
	for id, r := range receipts {
		e, ok := byID[id]
		switch {
		case !ok:
			lost++
			t.Errorf("lost: %s was acknowledged at %s and is not in the log of %d entries", id, r.Position, len(entries))
		case e.Position != r.Position:
			t.Errorf("%s was acknowledged at %s and stands at %s", id, r.Position, e.Position)
		case !bytes.Contains(e.Envelope, fmt.Appendf(nil, `"pad":"%0200d"`, number(id))):
			t.Errorf("%s stands at %s with other content: %s", id, r.Position, e.Envelope)
		}
		if lost > 5 {
			t.Fatal("and more")
		}
	}
}

// number is the N of an id NAME-N.
func number(id string) int {
	n, _ := strconv.Atoi(id[bytes.LastIndexByte([]byte(id), '-')+1:])
	return n
}

// publish sends one message and fails the test unless it is accepted.
func publish(t *testing.T, node *fedmsgtest.Node, id string, n int) fedmsg.Receipt {
	t.Helper()
	r, err := node.Publish(t.Context(), submission(id, n))
	if err != nil {
		t.Fatalf("publishing %s: %s", id, err)
	}
	return r
}
