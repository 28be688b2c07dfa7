package process

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// startReaders starts live readers that read until the node ends their stream.
func startReaders(t *testing.T, node *fedmsgtest.Node, n int) *sync.WaitGroup {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); wg.Wait() })
	for range n {
		wg.Go(func() {
			_ = node.Follow(ctx, "after=0", func(fedmsgtest.Item) bool { return true }) // ends with the node, in any way
		})
	}
	return &wg
}

// walker is a reader that only checks the order of what it is given, cheaply enough for a hundred of them.
type walker struct {
	conn net.Conn
	in   *bufio.Reader
	last uint64 // the highest seq that it was given
}

// connect asks for the stream after what was seen, over the unix socket.
func (w *walker) connect(node *fedmsgtest.Node, log fedmsg.LogID) error {
	conn, err := net.Dial("unix", node.Socket)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	w.conn, w.in = conn, bufio.NewReaderSize(conn, 16<<10)
	fmt.Fprintf(conn, "GET /v1/stream?after=%s-%d HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n", log, w.last)
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("stream: %s", resp.Status)
	}
	w.in = bufio.NewReaderSize(resp.Body, 64<<10)
	return nil
}

// walk reads on to entry end.
func (w *walker) walk(end uint64) error {
	for w.last < end {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		_, rest, ok := strings.Cut(string(line[:min(len(line), 120)]), `"seq":`)
		if !ok {
			if strings.HasPrefix(string(line), `{"heartbeat"`) {
				continue
			}
			return fmt.Errorf("after %d came %q", w.last, line)
		}
		digits, _, _ := strings.Cut(rest, ",")
		seq, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || seq != w.last+1 {
			return fmt.Errorf("after %d came %s", w.last, digits)
		}
		w.last = seq
	}
	return nil
}

// TestStoppedReaderDelaysNobody has a hundred readers, of which one reads a single entry and then no more. The others get
// all messages while it stands; when it goes on it gets the rest, from the same stream or from a new one at its position.
func TestStoppedReaderDelaysNobody(t *testing.T) {
	t.Parallel()
	total := uint64(fedmsgtest.Count(4_000, 100_000))
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	publish(t, node, "first-0", 0)
	log := node.Log(t).ID
	var wg sync.WaitGroup
	errs := make([]error, 99)
	for i := range errs {
		w := new(walker)
		if err := w.connect(node, log); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { defer w.conn.Close(); errs[i] = w.walk(total) })
	}
	stopped := new(walker)
	if err := stopped.connect(node, log); err != nil {
		t.Fatal(err)
	}
	if err := stopped.walk(1); err != nil {
		t.Fatal(err)
	}
	acked := newAcknowledged()
	l := startLoad(t, node, 4, "many", acked)
	acked.await(t, int(total-1), l.ended)
	l.stop()
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("reader %d: %s", i, err)
		}
	}
	for tries := 0; stopped.last < total; tries++ {
		err := stopped.walk(total)
		stopped.conn.Close()
		if err == nil {
			break
		}
		if tries == 3 {
			t.Fatalf("the stopped reader does not get on from %d: %s", stopped.last, err)
		}
		t.Logf("the stopped reader was cut after %d (%s) and resumes", stopped.last, err)
		if err := stopped.connect(node, log); err != nil {
			t.Fatal(err)
		}
	}
}
