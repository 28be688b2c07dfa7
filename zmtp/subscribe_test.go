package zmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// boundXPub makes an XPub on a unix socket.
func boundXPub(t testing.TB, o Options) (*XPub, string) {
	t.Helper()
	x := NewXPub(o)
	t.Cleanup(func() { x.Close() })
	return x, bindPipe(t, x.socket)
}

// expectChanges receives as many changes as are wanted, in any order: +PREFIX and -PREFIX.
func expectChanges(t *testing.T, x *XPub, want ...string) {
	t.Helper()
	var got []string
	for range want {
		i, err := x.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, changeText(i))
	}
	want = slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the changes are %.200q, want %.200q", got, want)
	}
}

func changeText(i Incoming) string {
	switch {
	case i.Subscribe && i.Cancel:
		return "both"
	case i.Subscribe:
		return "+" + frameText(i.Message)
	case i.Cancel:
		return "-" + frameText(i.Message)
	}
	return frameText(i.Message)
}

// TestSubscribeLater: what is subscribed to and cancelled while connected is told to the peers, counted.
func TestSubscribeLater(t *testing.T) {
	t.Parallel()
	x, uri := boundXPub(t, Options{})
	s := connectedSub(t, uri, Options{}, "a")
	expectChanges(t, x, "+a")
	for _, step := range []struct {
		change func(string) error
		prefix string
		want   string // the change that the peer hears of
	}{
		{s.Subscribe, "a", ""}, {s.Subscribe, "b", "+b"}, {s.Unsubscribe, "a", ""}, {s.Unsubscribe, "a", "-a"},
		{s.Unsubscribe, "a", ""}, {s.Unsubscribe, "x", ""}, {s.Subscribe, "", "+"}, {s.Unsubscribe, "", "-"}, {s.Subscribe, "a", "+a"},
	} {
		if err := step.change(step.prefix); err != nil {
			t.Fatal(err)
		}
		if step.want != "" {
			expectChanges(t, x, step.want)
		}
	}
	if ours, theirs := s.Stats().Subscriptions, x.Stats().Subscriptions; ours != 2 || theirs != 2 {
		t.Errorf("subscriptions are counted as %d and %d, want 2", ours, theirs)
	}
	s.Close()
	expectChanges(t, x, "-a", "-b")
	if err := s.Subscribe("c"); err != ErrClosed {
		t.Errorf("subscribing after Close gives %v", err)
	}
	if n := x.Stats().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestSubscribeTells: a peer is told of changes only, each once, and is forgotten when it has gone.
func TestSubscribeTells(t *testing.T) {
	t.Parallel()
	ln, err := Listen("tcp://127.0.0.1:0", PUB, Options{})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 10)
	var serving sync.WaitGroup
	serving.Go(func() {
		ln.Serve(func(c *Conn) {
			for {
				batch, err := c.Receive(nil)
				if err != nil {
					return
				}
				heard <- changeText(batch[0])
			}
		})
	})
	defer serving.Wait()
	defer ln.Close()
	s := connectedSub(t, ln.URI(), Options{}, "a")
	for _, step := range []struct {
		change func(string) error
		prefix string
		want   string
	}{
		{nil, "", "+a"}, {s.Subscribe, "a", ""}, {s.Subscribe, "b", "+b"}, {s.Unsubscribe, "x", ""}, {s.Unsubscribe, "b", "-b"},
		{s.Unsubscribe, "a", ""}, {s.Unsubscribe, "a", "-a"},
	} {
		if step.change != nil {
			if err := step.change(step.prefix); err != nil {
				t.Fatal(err)
			}
		}
		if step.want != "" {
			if got := <-heard; got != step.want {
				t.Fatalf("the peer heard %s, want %s", got, step.want)
			}
		}
	}
	if err := s.Disconnect(ln.URI()); err != nil {
		t.Fatal(err)
	}
	if len(heard) > 0 || len(s.peers) > 0 {
		t.Errorf("the peer heard more: %d; %d peers are left", len(heard), len(s.peers))
	}
}

// TestSubFilters: what was not asked for is not given, whatever the peer sends.
func TestSubFilters(t *testing.T) {
	t.Parallel()
	ln, err := Listen("tcp://127.0.0.1:0", PUB, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		ln.Serve(func(c *Conn) {
			for _, text := range []string{"b", "a1", "", "a2"} {
				_ = c.Write(AppendMessage(nil, []byte(text)))
			}
			discard(c)
		})
	})
	defer serving.Wait()
	defer ln.Close()
	s := connectedSub(t, ln.URI(), Options{}, "a")
	if got := receiveText(t, s) + receiveText(t, s); got != "a1a2" {
		t.Errorf("got %s", got)
	}
	x := NewXSub(Options{})
	defer x.Close()
	if err := x.Connect(ln.URI()); err != nil {
		t.Fatal(err)
	}
	if got := receiveText(t, x.Sub); got != "b" {
		t.Errorf("an XSub got %s first", got)
	}
}

// countedConn counts the writes.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestSubscribeMany: 5,000 filters are told in one write, and again to each new peer.
func TestSubscribeMany(t *testing.T) {
	t.Parallel()
	const filters = 5000
	x, uri := boundXPub(t, Options{})
	var writes atomic.Int32
	o := Options{ReconnectMin: 1, ReconnectMax: 1, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		writes.Store(0)
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return countedConn{c, &writes}, err
	}}
	var prefixes, changes []string
	for i := range filters {
		prefixes = append(prefixes, fmt.Sprintf("org.example.prod.service%d.object%d.", i%70, i))
		changes = append(changes, "+"+prefixes[i])
	}
	s := connectedSub(t, uri, o, prefixes...)
	expectChanges(t, x, changes...)
	if n := writes.Load(); n > 8 { // the others are of the handshake
		t.Errorf("%d subscriptions took %d writes", filters, n)
	}
	if err := s.Unsubscribe(prefixes[7]); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, x, "-"+prefixes[7])
	x.Close()

	again := NewXPub(Options{})
	t.Cleanup(func() { again.Close() })
	if _, err := again.Bind(uri); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, again, slices.Delete(changes, 7, 8)...)
	if err := again.Send(t.Context(), []byte(prefixes[filters-1]+"changed")); err != nil {
		t.Fatal(err)
	}
	if got := receiveText(t, s); got != prefixes[filters-1]+"changed" {
		t.Errorf("got %s", got)
	}
}

// TestXPubTogether: only the first subscription of all peers to a prefix is told, and the last cancellation.
func TestXPubTogether(t *testing.T) {
	t.Parallel()
	x, uri := boundXPub(t, Options{})
	one := connectedSub(t, uri, Options{}, "a")
	expectChanges(t, x, "+a")
	two := connectedSub(t, uri, Options{}, "a", "b")
	expectChanges(t, x, "+b")
	one.Close()
	if err := two.Subscribe("c"); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, x, "+c")
	if err := two.Unsubscribe("a"); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, x, "-a")
	two.Close()
	expectChanges(t, x, "-b", "-c")
}

// TestXPubCoalesces: what changed back before it was told is not told, and holds no memory.
func TestXPubCoalesces(t *testing.T) {
	t.Parallel()
	x := NewXPub(Options{})
	defer x.Close()
	note := func(change byte, prefix string) {
		x.note(Incoming{Message: Message{[]byte(prefix)}, Subscribe: change == '+', Cancel: change == '-'})
	}
	for range 1000 {
		note('+', "flaps")
		note('-', "flaps")
	}
	note('+', "stays")
	if n := len(x.changes.queue); n != 2 {
		t.Errorf("%d changes wait", n)
	}
	expectChanges(t, x, "+stays")
	note('-', "stays")
	note('+', "stays")
	note('+', "flaps")
	expectChanges(t, x, "+flaps")
	note('-', "stays")
	expectChanges(t, x, "-stays")
}

// TestXSubUpstream: messages go up to all XPubs, and PUBs take no notice.
func TestXSubUpstream(t *testing.T) {
	t.Parallel()
	one, first := boundXPub(t, Options{})
	two, second := boundXPub(t, Options{})
	p, third := boundPub(t, Options{})
	x := NewXSub(Options{})
	t.Cleanup(func() { x.Close() })
	if err := x.Subscribe("a"); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{first, second, third} {
		if err := x.Connect(uri); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, one, "+a")
	expectChanges(t, two, "+a")
	if err := x.Send(t.Context(), []byte("up"), []byte("stream")); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, one, "up,stream")
	expectChanges(t, two, "up,stream")
	if one.Stats().Received != 1 {
		t.Errorf("%+v", one.Stats())
	}
	sendText(t, p, "a")
	if got := receiveText(t, x.Sub); got != "a" {
		t.Errorf("got %s", got)
	}
}

// TestXSubLingers: what was sent upstream still arrives when the socket is closed at once.
func TestXSubLingers(t *testing.T) {
	t.Parallel()
	const n = 500
	up, uri := boundXPub(t, Options{ReceiveLimit: 1})
	x := NewXSub(Options{Linger: 20 * time.Second})
	if err := x.Subscribe(""); err != nil {
		t.Fatal(err)
	}
	if err := x.Connect(uri); err != nil {
		t.Fatal(err)
	}
	expectChanges(t, up, "+")
	for i := range n {
		if err := x.Send(t.Context(), numberedMessage(i)...); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan struct{})
	go func() { x.Close(); close(closed) }()
	for got := 0; got < n; {
		in, err := up.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !in.Cancel { // that the peer is gone may be told before its last message
			got++
		}
	}
	<-closed
	if sent := x.Stats().Sent; sent != n {
		t.Errorf("counted as sent are %d", sent)
	}
}

// TestSubscriptionLimit: a peer that subscribes to more than it may is cut off.
func TestSubscriptionLimit(t *testing.T) {
	t.Parallel()
	_, uri := boundPub(t, Options{MaxSubscriptions: 2})
	c, err := Dial(t.Context(), uri, SUB, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 3 {
		if err := c.Subscribe([]byte{byte(i)}, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Receive(nil); err == nil {
		t.Error("it goes on")
	}
}

// TestWaitSubscribers: who waits is told of peers that want something, not of others; and when the socket or the context ends.
func TestWaitSubscribers(t *testing.T) {
	t.Parallel()
	p, uri := boundPub(t, Options{})
	idle := connectedSub(t, uri, Options{})
	connectedSub(t, uri, Options{}, "a", "b")
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() { waited <- p.WaitSubscribers(ctx, 2) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("waited for one too many: %v", err)
	}
	go func() { waited <- p.WaitSubscribers(t.Context(), 2) }()
	if err := idle.Subscribe("c"); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if n := p.Stats().Subscriptions; n != 3 {
		t.Errorf("%d subscriptions, want 3", n)
	}
	go func() { waited <- p.WaitSubscribers(t.Context(), 3) }()
	p.Close()
	if err := <-waited; err != ErrClosed {
		t.Errorf("waiting ended with %v", err)
	}
}

// TestPubTogether: several goroutines send and receive, and each message arrives once.
func TestPubTogether(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 2000
	p, uri := boundPub(t, Options{})
	p.Blocking(true)
	s := connectedSub(t, uri, Options{}, "")
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var left atomic.Int32
	left.Store(senders * each)
	seen := make([]atomic.Int32, senders*each)
	for k := range senders {
		all.Go(func() {
			for i := range each {
				if err := p.Send(ctx, []byte("t"), fmt.Append(nil, k*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for left.Load() > 0 {
				m, err := s.Receive(ctx)
				if err != nil {
					return
				}
				var n int
				if _, err := fmt.Sscan(string(m[1]), &n); err != nil {
					t.Error(err)
				}
				seen[n].Add(1)
				if left.Add(-1) == 0 {
					cancel()
				}
			}
		})
	}
	all.Wait()
	for n := range seen {
		if times := seen[n].Load(); times != 1 {
			t.Errorf("%d came %d times", n, times)
		}
	}
	if s, r := p.Stats().Sent, s.Stats().Received; s != senders*each || r != senders*each {
		t.Errorf("counted as sent %d, as received %d", s, r)
	}
}
