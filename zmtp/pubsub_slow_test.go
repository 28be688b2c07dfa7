package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// stalledSub connects, wants everything, and takes nothing until the test does.
func stalledSub(t testing.TB, uri string) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), uri, SUB, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Subscribe(nil, false); err != nil {
		t.Fatal(err)
	}
	return c
}

// numberedMessage is a message that has its number in the second frame, of a kilobyte.
func numberedMessage(n int) [][]byte {
	body := make([]byte, 1024)
	binary.BigEndian.PutUint64(body, uint64(n))
	return [][]byte{[]byte("topic"), body}
}

// TestPubSlow: one who takes nothing costs the others nothing, misses the oldest, which is counted, and goes on with the
// newest; and one who is never behind gets all.
func TestPubSlow(t *testing.T) {
	t.Parallel()
	const n = 20_000
	p, uri := boundPub(t, Options{SendLimit: 200})
	healthy := connectedSub(t, uri, Options{}, "")
	stalled := stalledSub(t, uri)
	if err := p.WaitSubscribers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := p.Send(t.Context(), numberedMessage(i)...); err != nil {
			t.Fatal(err)
		}
		if i%50 != 49 {
			continue
		}
		for k := i - 49; k <= i; k++ {
			m, err := healthy.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := int(binary.BigEndian.Uint64(m[1])); got != k {
				t.Fatalf("the healthy one got %d, want %d", got, k)
			}
		}
	}
	var numbers []int
	for len(numbers) == 0 || numbers[len(numbers)-1] < n-1 {
		batch, err := stalled.Receive(make([]Incoming, 0, 100))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range batch {
			numbers = append(numbers, int(binary.BigEndian.Uint64(i.Message[1])))
		}
	}
	for i := range numbers[1:] {
		if numbers[i] >= numbers[i+1] {
			t.Fatalf("the stalled one got %d behind %d", numbers[i+1], numbers[i])
		}
	}
	dropped := int(p.Stats().Dropped)
	if numbers[0] != 0 || len(numbers)+dropped != n || dropped < n/2 {
		t.Errorf("the stalled one got %d from %d on; counted as dropped are %d", len(numbers), numbers[0], dropped)
	}
}

// TestPubBlocking: with Blocking nobody misses anything, and a sender waits no longer than its context says.
func TestPubBlocking(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{SendLimit: 10})
	p.Blocking(true)
	slow := stalledSub(t, uri)
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	n, err := 0, error(nil)
	for err == nil {
		if err = p.Send(ctx, numberedMessage(n)...); err == nil {
			n++
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	for got := 0; got < n; {
		batch, err := slow.Receive(make([]Incoming, 0, 100))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range batch {
			if number := int(binary.BigEndian.Uint64(i.Message[1])); number != got {
				t.Fatalf("got %d, want %d", number, got)
			}
			got++
		}
	}
}

// TestPubDeadPeer: one who takes nothing at all is cut off, and then sending goes on.
func TestPubDeadPeer(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{WriteTimeout: 500 * time.Millisecond})
	p.Blocking(true)
	dead, healthy := stalledSub(t, uri), connectedSub(t, uri, Options{}, "")
	if err := p.WaitSubscribers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	go func() {
		for i := range n {
			_ = p.Send(t.Context(), numberedMessage(i)...)
		}
	}()
	for range n {
		receiveText(t, healthy)
	}
	for {
		if _, err := dead.Receive(nil); err != nil {
			break
		}
	}
	awaitStats(t, p, func(e EndpointStats) bool { return e.Peers == 1 })
	if s := p.Stats(); s.Dropped > 0 {
		t.Errorf("%d were dropped", s.Dropped)
	}
}

// TestPubBig: messages bigger than what is written at a time arrive among small ones.
func TestPubBig(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{})
	p.Blocking(true)
	all, some := connectedSub(t, uri, Options{}, ""), connectedSub(t, uri, Options{}, "big")
	if err := p.WaitSubscribers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	sizes := []int{0, 1, 255, 256, pageBytes - 20, pageBytes, pageBytes + 1, 3 << 20, 2}
	go func() {
		for i, size := range sizes {
			_ = p.Send(t.Context(), []byte("big"), bytes.Repeat([]byte{byte(i)}, size))
			_ = p.Send(t.Context(), []byte("small"), []byte{byte(i)})
		}
	}()
	expect := func(s *Sub, i, size int) {
		t.Helper()
		m, err := s.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(m) != 2 || !bytes.Equal(m[1], bytes.Repeat([]byte{byte(i)}, size)) {
			t.Errorf("message %d has %d bytes, want %d", i, len(m[1]), size)
		}
	}
	for i, size := range sizes {
		expect(all, i, size)
		expect(all, i, 1)
		expect(some, i, size)
	}
}

// TestPubLingers: Close waits for what was sent, for as long as there is somebody to take it.
func TestPubLingers(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{Linger: time.Hour, WriteTimeout: time.Hour, SendLimit: 5000})
	healthy := connectedSub(t, uri, Options{ReceiveLimit: 10}, "")
	stalled := stalledSub(t, uri)
	if err := p.WaitSubscribers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	const n = 3000
	for i := range n {
		if err := p.Send(t.Context(), numberedMessage(i)...); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan struct{})
	go func() { p.Close(); close(closed) }()
	for i := range n {
		m, err := healthy.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := int(binary.BigEndian.Uint64(m[1])); got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
	stalled.Close()
	<-closed
	if err := p.Send(t.Context(), []byte("late")); err != ErrClosed {
		t.Errorf("sending after Close gives %v", err)
	}
}

// TestPubLingersNoLonger: Close waits no longer than it may for one who takes nothing.
func TestPubLingersNoLonger(t *testing.T) {
	t.Parallel()
	const linger = 50 * time.Millisecond
	p, uri := boundPub(t, Options{Linger: linger, WriteTimeout: time.Hour, SendLimit: 20_000})
	stalledSub(t, uri)
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for i := range 20_000 { // more than the system takes
		if err := p.Send(t.Context(), numberedMessage(i)...); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if p.Close(); time.Since(began) < linger {
		t.Errorf("Close took %v, and might have waited for %v", time.Since(began), linger)
	}
}
