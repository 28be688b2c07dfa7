package zmtp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestBackoff: each wait is within its bounds, doubles, and has jitter.
func TestBackoff(t *testing.T) {
	t.Parallel()
	const least, most = 100 * time.Millisecond, 10 * time.Second
	seen := make(map[time.Duration]bool)
	for range 200 {
		b := backoff{least: least, most: most}
		for i := range 12 {
			longest := min(2*least<<i, most)
			d := b.wait()
			if d < max(least, longest/2) || d > longest {
				t.Fatalf("wait %d is %v; want it up to %v", i, d, longest)
			}
			seen[d] = true
		}
		b.reset()
		if d := b.wait(); d > 2*least {
			t.Fatalf("after a reset the wait is %v", d)
		}
	}
	if len(seen) < 1000 {
		t.Errorf("of 2400 waits only %d are different", len(seen))
	}
	same := backoff{least: time.Second, most: time.Second}
	for range 3 {
		if d := same.wait(); d != time.Second {
			t.Errorf("with equal bounds the wait is %v", d)
		}
	}
}

// attempts is a network on which nobody answers, until something is put in.
type attempts struct {
	began   time.Time
	mu      sync.Mutex
	at      []time.Duration
	answers func(nc net.Conn) // what the peer of each connection does; nil for no peer
}

// since gives when it was tried since the last call.
func (a *attempts) since() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.at
	a.at = nil
	return at
}

// put puts a peer in.
func (a *attempts) put(answers func(net.Conn)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers = answers
}

func (a *attempts) dial(_ context.Context, network, address string) (net.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Since(a.began))
	if network != "tcp" || address != "peer.example:1" {
		return nil, errors.New("a wrong address")
	}
	if a.answers == nil {
		return nil, &net.DNSError{Err: "no such host", Name: "peer.example", IsNotFound: true}
	}
	ours, theirs := bufferedPipe(1 << 20)
	go a.answers(theirs)
	return ours, nil
}

// TestReconnect: a peer that is not there is tried again and again, ever more rarely; one that was lost is tried soon.
func TestReconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := &attempts{began: time.Now()}
		s := newSocket(PULL, Options{Dial: net.dial}, func(c *Conn) { c.Receive(nil) })
		if err := s.Connect("tcp://peer.example:1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		at := net.since()
		if len(at) < 11 || len(at) > 18 || at[0] != 0 || at[1] > 200*time.Millisecond {
			t.Errorf("in a minute, it was tried at %v", at)
		}
		if e := s.Stats().Endpoints[0]; int(e.Failures) != len(at) || !strings.Contains(e.LastError, "no such host") {
			t.Errorf("the statistics are %+v", e)
		}
		net.put(peerFor(time.Minute))
		time.Sleep(11 * time.Second)
		if e := s.Stats().Endpoints[0]; e.Peers != 1 || e.Connects != 1 || e.LastError != "" {
			t.Errorf("while it is connected, the statistics are %+v", e)
		}
		first := net.since()
		time.Sleep(time.Minute)
		at = net.since()
		if e := s.Stats().Endpoints[0]; len(at) != 1 || e.Peers != 1 || e.Connects != 2 {
			t.Fatalf("tried again at %v; the statistics are %+v", at, e)
		}
		if d := at[0] - first[len(first)-1] - time.Minute; d > 200*time.Millisecond {
			t.Errorf("tried again %v after the loss", d)
		}
		// Who lets this side in and ends it at once is tried ever more rarely too.
		net.put(peerFor(50 * time.Millisecond))
		time.Sleep(time.Minute)
		net.since()
		time.Sleep(time.Minute)
		if at := net.since(); len(at) > 13 {
			t.Errorf("a peer that hangs up at once was tried at %v", at)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// peerFor is a PUSH that hangs up after a time.
func peerFor(d time.Duration) func(net.Conn) {
	return func(nc net.Conn) {
		o := Options{}.filled()
		c := newConn(nc, "peer", PUSH, &o)
		defer c.Close()
		if c.handshake(&o) == nil {
			defer time.AfterFunc(d, func() { c.Close() }).Stop()
			<-receiving(c)
		}
	}
}

// TestDisconnect ends an attempt, a wait and a connection at once, and what was bound.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]func(net.Conn){
		"waiting": nil, "shaking": func(nc net.Conn) { time.Sleep(9 * time.Second); nc.Close() }, "connected": peerFor(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				net := &attempts{began: time.Now(), answers: answers}
				s := newSocket(PULL, Options{Dial: net.dial}, func(c *Conn) { c.Receive(nil) })
				for range 2 { // the second does nothing
					if err := s.Connect("tcp://peer.example:1"); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if err := s.Disconnect("tcp://peer.example:1"); err != nil {
					t.Error(err)
				}
				if d := time.Since(net.began); d != time.Second {
					t.Errorf("it took %v", d-time.Second)
				}
				if err := s.Disconnect("tcp://peer.example:1"); err == nil {
					t.Error("a second Disconnect says nothing")
				}
				if tried := len(net.since()); tried == 0 || answers != nil && tried != 1 {
					t.Errorf("it was tried %d times", tried)
				}
				time.Sleep(time.Hour)
				if at := net.since(); len(at) > 0 {
					t.Errorf("it was tried again at %v", at)
				}
				s.Close()
			})
		})
	}
}

// TestSocketClosed: what is closed says so, and options that cannot be meant are errors.
func TestSocketClosed(t *testing.T) {
	t.Parallel()
	s := newSocket(PULL, Options{}, func(c *Conn) { c.Receive(nil) })
	uri, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Disconnect(uri); err != nil {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), uri, PUSH, Options{}); err == nil {
		t.Error("what was bound is still there after Disconnect")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.Connect(uri); !errors.Is(err, ErrClosed) {
		t.Errorf("Connect: %v", err)
	}
	if _, err := s.Bind(uri); !errors.Is(err, ErrClosed) {
		t.Errorf("Bind: %v", err)
	}
	for _, id := range []string{"\x00x", strings.Repeat("x", 256)} {
		bad := newSocket(PULL, Options{Identity: []byte(id)}, nil)
		if err := bad.Connect("tcp://h:1"); err == nil {
			t.Errorf("the identity %q was taken", id)
		}
		if _, err := bad.Bind("tcp://127.0.0.1:0"); err == nil {
			t.Errorf("the identity %q was taken", id)
		}
	}
}

// TestDialEnds with its context, in whatever it is at.
func TestDialEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := &attempts{answers: func(nc net.Conn) { time.Sleep(time.Hour); nc.Close() }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := Dial(ctx, "tcp://peer.example:1", PULL, Options{Dial: net.dial})
		if d := time.Since(began); d != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", d, err)
		}
		_, err = Dial(t.Context(), "tcp://peer.example:1", PULL, Options{Dial: net.dial, HandshakeTimeout: 2 * time.Second})
		if d := time.Since(began); d != 3*time.Second || err == nil {
			t.Errorf("after %v: %v", d, err)
		}
		time.Sleep(2 * time.Hour) // the peer's goroutine has to end
	})
}

// TestCloseWaits for those that serve a connection, as does Disconnect.
func TestCloseWaits(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*socket) error{
		"Close": (*socket).Close, "Disconnect": func(s *socket) error { return s.Disconnect("tcp://peer.example:1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				net := &attempts{answers: peerFor(time.Hour)}
				s := newSocket(PULL, Options{Dial: net.dial}, func(c *Conn) { c.Receive(nil); time.Sleep(time.Second) })
				if err := s.Connect("tcp://peer.example:1"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				began := time.Now()
				if err := end(s); err != nil || time.Since(began) != time.Second {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				s.Close()
			})
		})
	}
}
