package zmtp

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// patiently is the time that a test waits for what must come.
func patiently(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// binder and connecter are sockets of any type.
type binder interface {
	Bind(uri string) (string, error)
	Close() error
}

// bound binds a socket, and closes it at the end.
func bound(t *testing.T, s binder, uri string) string {
	t.Helper()
	t.Cleanup(func() { s.Close() })
	got, err := s.Bind(uri)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// connected connects a socket, and closes it at the end.
func connected[S interface {
	Connect(uri string) error
	Close() error
}](t *testing.T, s S, uri string) S {
	t.Helper()
	t.Cleanup(func() { s.Close() })
	if err := s.Connect(uri); err != nil {
		t.Fatal(err)
	}
	return s
}

func ipc(t *testing.T) string { t.Helper(); return "ipc://" + filepath.Join(t.TempDir(), "s") }

// until waits for a condition on the statistics of a socket; there is nothing else to wait for in what only a peer knows.
func until(ctx context.Context, t *testing.T, ok func() bool) {
	t.Helper()
	for tick := time.NewTicker(time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not come about")
		}
	}
}

// fewQueued keeps little on the way, so that a peer which takes nothing is soon full.
var fewQueued = Options{SendLimit: 10, ReceiveLimit: 10, SendBytes: 1 << 20}

func TestPushInTurn(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	push := NewPush(Options{})
	uri := bound(t, push, "tcp://127.0.0.1:0")
	const pulls, each = 3, 100
	got := make(chan int, pulls)
	for p := range pulls {
		pull := connected(t, NewPull(Options{}), uri)
		until(ctx, t, func() bool { return push.Stats().Endpoints[0].Peers == p+1 })
		go func() {
			for n := 0; ; n++ {
				m, err := pull.Receive(ctx)
				if err != nil || n > 0 && string(m[0]) == "end" {
					got <- n
					return
				}
			}
		}()
	}
	until(ctx, t, func() bool { push.peers.mu.Lock(); defer push.peers.mu.Unlock(); return len(push.peers.list) == pulls })
	for range pulls * each {
		if err := push.Send(ctx, []byte("work"), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range pulls {
		if err := push.Send(ctx, []byte("end")); err != nil {
			t.Fatal(err)
		}
	}
	for range pulls {
		if n := <-got; n != each {
			t.Errorf("one of %d got %d of %d", pulls, n, pulls*each)
		}
	}
}

func TestPushLeavesOutWhoIsFull(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	push := NewPush(fewQueued)
	uri := bound(t, push, "tcp://127.0.0.1:0")
	connected(t, NewPull(fewQueued), uri) // takes nothing
	live := connected(t, NewPull(fewQueued), uri)
	until(ctx, t, func() bool { return push.Stats().Endpoints[0].Peers == 2 })
	const count = 3000 // of 10 KB: more than connections hold
	go func() {
		for i := range count {
			if push.Send(ctx, []byte(fmt.Sprint(i)), make([]byte, 10_000)) != nil {
				return
			}
		}
	}()
	for range count / 2 {
		if _, err := live.Receive(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPushWaits(t *testing.T) {
	t.Parallel()
	push := NewPush(Options{})
	defer push.Close()
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 2)
	go func() { waited <- push.Send(ctx, []byte("nobody is there")) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	go func() { waited <- push.Send(t.Context(), []byte("nobody is there")) }()
	push.Close()
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("the error is %v", err)
	}
	if err := push.Send(t.Context()); !errors.Is(err, errNoFrames) {
		t.Errorf("the error of nothing is %v", err)
	}
}

// TestPushKeepsWhatWaits has a peer go away that has taken nothing, and another come: what waited for the first is the second's.
func TestPushKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	push := NewPush(Options{SendLimit: 50})
	uri := bound(t, push, ipc(t))
	first, err := Dial(ctx, uri, PULL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 100_000)
	sent := 0
	for ; ; sent++ { // until the connection holds no more, and the outbox neither
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		err := push.Send(short, []byte(fmt.Sprint(sent)), big)
		cancel()
		if err != nil {
			break
		}
	}
	first.Close()
	second := connected(t, NewPull(Options{}), uri)
	m, err := second.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var from int
	fmt.Sscan(string(m[0]), &from)
	if from != sent-50 {
		t.Errorf("of %d sent, the first that the second got is %d: 50 waited", sent, from)
	}
	for i := from + 1; i < sent; i++ {
		if m, err = second.Receive(ctx); err != nil || string(m[0]) != fmt.Sprint(i) {
			t.Fatalf("got %.20q, %v instead of %d", m, err, i)
		}
	}
}

func TestPushLingers(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	push := NewPush(Options{Linger: 20 * time.Second})
	uri := bound(t, push, "tcp://127.0.0.1:0")
	pull := connected(t, NewPull(Options{}), uri)
	const count = 900
	for i := range count {
		if err := push.Send(ctx, []byte(fmt.Sprint(i)), make([]byte, 20_000)); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- push.Close() }()
	for i := range count {
		if m, err := pull.Receive(ctx); err != nil || string(m[0]) != fmt.Sprint(i) {
			t.Fatalf("got %.20q, %v instead of %d", m, err, i)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestPushAndPullWithLibzmq(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	push := NewPush(Options{})
	peer := startLibzmq(t, PULL, "connect", bound(t, push, ipc(t)))
	if err := push.Send(ctx, []byte("a"), nil, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if m := peer.receive(); len(m) != 3 || m[0] != "a" || len(m[2]) != 1000 {
		t.Errorf("libzmq received %.50q", m)
	}
	out := startLibzmq(t, PUSH, "bind", "tcp://127.0.0.1:*")
	pull := connected(t, NewPull(Options{}), out.uri)
	out.Do("burst 5000 61 -")
	for range 5000 {
		if m, err := pull.Receive(ctx); err != nil || len(m) != 2 || string(m[0]) != "a" {
			t.Fatalf("received %q, %v", m, err)
		}
	}
	if n := pull.Stats().Received; n != 5000 {
		t.Errorf("%d count as received", n)
	}
}
