package zmtp

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
)

func TestRouterNamesPeers(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	router := NewRouter(Options{})
	uri := bound(t, router, "tcp://127.0.0.1:0")
	for _, name := range []string{"", "me"} {
		dealer := connected(t, NewDealer(Options{Identity: []byte(name)}), uri)
		if err := dealer.Send(ctx, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		m, from, err := router.Receive(ctx)
		if err != nil || len(m) != 2 || string(m[1]) != "hello" || from.Type != DEALER || string(from.Identity) != name {
			t.Fatalf("received %q of %+v, %v", m, from, err)
		}
		if name != "" && string(m[0]) != name || name == "" && (len(m[0]) != 5 || m[0][0] != 0) {
			t.Errorf("the peer %q is named %q", name, m[0])
		}
		if err := router.Send(ctx, m[0], []byte("you"), nil); err != nil {
			t.Fatal(err)
		}
		if m, err := dealer.Receive(ctx); err != nil || !slices.EqualFunc(m, Message{[]byte("you"), nil}, bytes.Equal) {
			t.Fatalf("received %q, %v", m, err)
		}
		dealer.Close()
		until(ctx, t, func() bool { return router.Stats().Endpoints[0].Peers == 0 })
		if err := router.Send(ctx, m[0], []byte("gone")); !errors.Is(err, ErrNoPeer) {
			t.Errorf("the error of sending to who is gone is %v", err)
		}
	}
	if err := router.Send(ctx, []byte("nobody"), []byte("x")); !errors.Is(err, ErrNoPeer) {
		t.Errorf("the error of sending to nobody is %v", err)
	}
}

// TestRouterRefusesASecondOfAName connects twice with one identity: the first stays who it is.
func TestRouterRefusesASecondOfAName(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	router := NewRouter(Options{})
	uri := bound(t, router, "tcp://127.0.0.1:0")
	first := connected(t, NewDealer(Options{Identity: []byte("me")}), uri)
	if err := first.Send(ctx, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := router.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	second, err := Dial(ctx, uri, DEALER, Options{Identity: []byte("me")})
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { second.Close() })
	defer second.Close()
	if in, err := second.Receive(nil); err == nil {
		t.Fatalf("the second received %q", in[0].Message)
	}
	if err := router.Send(ctx, []byte("me"), []byte("still you")); err != nil {
		t.Fatal(err)
	}
	if m, err := first.Receive(ctx); err != nil || string(m[0]) != "still you" {
		t.Errorf("the first received %q, %v", m, err)
	}
}

// TestRouterMakesUpNamesForThoseWith0 lets nobody pass for a peer whose name was made up.
func TestRouterMakesUpNamesForThoseWith0(t *testing.T) {
	t.Parallel()
	router := NewRouter(Options{})
	defer router.Close()
	taken := &routed{peer: Peer{}}
	if !router.join(taken) {
		t.Fatal("a peer without a name was refused")
	}
	liar := &routed{peer: Peer{Identity: taken.identity}}
	if !router.join(liar) || bytes.Equal(liar.identity, taken.identity) {
		t.Errorf("the names are %q and %q", taken.identity, liar.identity)
	}
}

// TestRouterSendDelaysNobodyElse has one peer take nothing.
func TestRouterSendDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	router := NewRouter(fewQueued)
	uri := bound(t, router, "tcp://127.0.0.1:0")
	for _, name := range []string{"stalled", "live"} {
		c, err := Dial(ctx, uri, DEALER, Options{Identity: []byte(name)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if name == "live" {
			go func() {
				for {
					if _, err := c.Receive(nil); err != nil {
						return
					}
				}
			}()
		}
		until(ctx, t, func() bool { router.boxes.mu.Lock(); defer router.boxes.mu.Unlock(); return router.peers[name] != nil })
	}
	stuck := make(chan error, 1)
	go func() {
		for {
			if err := router.Send(ctx, []byte("stalled"), make([]byte, 100_000)); err != nil {
				stuck <- err
				return
			}
		}
	}()
	for range 2000 {
		if err := router.Send(ctx, []byte("live"), make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	router.Close()
	if err := <-stuck; !errors.Is(err, ErrClosed) {
		t.Errorf("the error of who waited is %v", err)
	}
}

func TestRouterAndDealerWithLibzmq(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	router := NewRouter(Options{})
	peer := startLibzmq(t, DEALER, "connect", bound(t, router, "tcp://127.0.0.1:0"), "ROUTING_ID=lib")
	peer.send("a", "")
	m, _, err := router.Receive(ctx)
	if err != nil || !slices.Equal(words(m), []string{"lib", "a", ""}) {
		t.Fatalf("received %q, %v", m, err)
	}
	if err := router.Send(ctx, m...); err != nil {
		t.Fatal(err)
	}
	if m := peer.receive(); !slices.Equal(m, []string{"a", ""}) {
		t.Errorf("libzmq received %q", m)
	}
	other := startLibzmq(t, ROUTER, "bind", ipc(t))
	dealer := connected(t, NewDealer(Options{Identity: []byte("ours")}), other.uri)
	if err := dealer.Send(ctx, []byte("b")); err != nil {
		t.Fatal(err)
	}
	if m := other.receive(); !slices.Equal(m, []string{"ours", "b"}) {
		t.Errorf("libzmq received %q", m)
	}
	other.send("ours", "c", "d")
	if m, err := dealer.Receive(ctx); err != nil || !slices.Equal(words(m), []string{"c", "d"}) {
		t.Errorf("received %q, %v", m, err)
	}
}
