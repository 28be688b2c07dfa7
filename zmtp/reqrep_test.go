package zmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"
)

// echo has a Rep answer each request with its frames and "!".
func echo(ctx context.Context, t *testing.T, rep *Rep) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			q, err := rep.Receive(ctx)
			if err != nil {
				return
			}
			if err := q.Reply(ctx, append(q.Message, []byte("!"))...); err != nil && !errors.Is(err, ErrNoPeer) {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() { rep.Close(); <-done })
}

func TestReqAndRep(t *testing.T) {
	t.Parallel()
	for name, uri := range map[string]string{"received": "tcp://127.0.0.1:0", "received over ipc": ipc(t), "handled": "tcp://127.0.0.1:0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testEcho(t, uri, name == "handled")
		})
	}
}

// testEcho has several ask through one Req.
func testEcho(t *testing.T, uri string, handled bool) {
	ctx := patiently(t)
	rep := NewRep(Options{})
	if handled {
		rep.Handle(func(q *Request) {
			if err := q.Reply(ctx, append(q.Message, []byte("!"))...); err != nil {
				t.Error(err)
			}
		})
		uri = bound(t, rep, uri)
	} else {
		uri = bound(t, rep, uri)
		echo(ctx, t, rep)
	}
	req := connected(t, NewReq(Options{}), uri)
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for n := range 100 {
				text := fmt.Sprint(i, n)
				m, err := req.Do(ctx, []byte(text), nil)
				if err != nil || !slices.Equal(words(m), []string{text, "", "!"}) {
					t.Errorf("the reply to %s is %q, %v", text, m, err)
					return
				}
			}
		})
	}
	asking.Wait()
	// A reply may be read before it counts as written.
	until(ctx, t, func() bool { return rep.Stats().Sent == 800 })
	if s, r := req.Stats(), rep.Stats(); s.Sent != 800 || s.Received != 800 || r.Received != 800 {
		t.Errorf("sent and received are %d and %d, received at the other end %d", s.Sent, s.Received, r.Received)
	}
}

// TestRepHasSeveralOpen replies to requests of several peers, last come first served, and to each once.
func TestRepHasSeveralOpen(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	uri := bound(t, rep, "tcp://127.0.0.1:0")
	replies := make(chan error, 5)
	var open []*Request
	for i := range cap(replies) {
		req := connected(t, NewReq(Options{}), uri)
		go func() {
			m, err := req.Do(ctx, []byte(fmt.Sprint(i)))
			if err == nil && string(m[0]) != fmt.Sprint("re ", i) {
				err = fmt.Errorf("the reply to %d is %q", i, m)
			}
			replies <- err
		}()
		q, err := rep.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, q)
	}
	for _, q := range slices.Backward(open) {
		if err := q.Reply(ctx, []byte("re "+string(q.Message[0]))); err != nil {
			t.Fatal(err)
		}
		if err := <-replies; err != nil {
			t.Fatal(err)
		}
		if err := q.Reply(ctx, []byte("again")); !errors.Is(err, errReplied) {
			t.Errorf("the error of a second reply is %v", err)
		}
	}
}

// TestReqGivesUpThePeerOfALateReply never takes a late reply for that of the next request.
func TestReqGivesUpThePeerOfALateReply(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"first": 0, "read by who asks": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testLateReply(t, before)
		})
	}
}

// testLateReply makes some requests that are answered before.
func testLateReply(t *testing.T, before int) {
	ctx := patiently(t)
	rep := NewRep(Options{})
	req := connected(t, NewReq(Options{}), bound(t, rep, "tcp://127.0.0.1:0"))
	answered := make(chan struct{})
	go func() {
		for range before {
			q, err := rep.Receive(ctx)
			if err == nil {
				err = q.Reply(ctx, q.Message...)
			}
			if err != nil {
				t.Error(err)
			}
		}
		close(answered)
	}()
	for range before {
		if _, err := req.Do(ctx, []byte("before")); err != nil {
			t.Fatal(err)
		}
	}
	<-answered
	short, cancel := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := req.Do(short, []byte("first"))
		failed <- err
	}()
	first, err := rep.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	got := make(chan string, 1)
	go func() {
		m, err := req.Do(ctx, []byte("second"))
		got <- fmt.Sprint(words(m), err)
	}()
	second, err := rep.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if m := second.Message; string(m[0]) != "second" {
		t.Fatalf("the second request is %q", m)
	}
	if err := first.Reply(ctx, []byte("late")); !errors.Is(err, ErrNoPeer) {
		t.Errorf("the error of the late reply is %v", err)
	}
	if err := second.Reply(ctx, []byte("in time")); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "[in time] <nil>" {
		t.Errorf("the second reply is %s", text)
	}
}

// TestReqTellsWhenItsPeerGoes does not wait for ever for a peer that was there.
func TestReqTellsWhenItsPeerGoes(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	ln := serve(t, "tcp://127.0.0.1:0", REP, Options{}, func(c *Conn) { _, _ = c.Receive(nil) })
	req := connected(t, NewReq(Options{}), ln.URI())
	if _, err := req.Do(ctx, []byte("x")); !errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
}

// TestReqCloseEndsWhatIsOpen closes while one asks, one waits for its turn and one comes too late.
func TestReqCloseEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	req := connected(t, NewReq(Options{}), bound(t, rep, "tcp://127.0.0.1:0"))
	failed := make(chan error, 2)
	for range cap(failed) {
		go func() {
			_, err := req.Do(ctx, []byte("x"))
			failed <- err
		}()
	}
	if _, err := rep.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	req.Close()
	for range cap(failed) {
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Errorf("the error is %v", err)
		}
	}
	if _, err := req.Do(ctx, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("the error after Close is %v", err)
	}
}

// TestReqPassesOverWhatNobodyAskedFor has a peer send something while no request is open.
func TestReqPassesOverWhatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	ln := serve(t, "tcp://127.0.0.1:0", REP, Options{}, func(c *Conn) {
		if err := c.Write(AppendMessage(nil, nil, []byte("stray"))); err != nil {
			t.Error(err)
		}
	})
	c, err := Dial(patiently(t), ln.URI(), REQ, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := newAsked(c, nil)
	if err := p.read(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v", err)
	}
	if len(p.reply) > 0 {
		t.Errorf("%q was taken for a reply", <-p.reply)
	}
}

// TestReqGivesUpWhoMakesNoEnvelopes has a peer that sends a reply without an envelope.
func TestReqGivesUpWhoMakesNoEnvelopes(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	ln := serve(t, "tcp://127.0.0.1:0", ROUTER, Options{}, func(c *Conn) {
		for {
			in, err := c.Receive(nil)
			if err != nil {
				return
			}
			reply := in[0].Message
			if string(reply[1]) == "no envelope" {
				reply = reply[1:]
			}
			if c.Write(AppendMessage(nil, reply...)) != nil {
				return
			}
		}
	})
	req := connected(t, NewReq(Options{}), ln.URI())
	if m, err := req.Do(ctx, []byte("no envelope")); !errors.Is(err, errNoReply) {
		t.Fatalf("the reply is %q, %v", m, err)
	}
	if m, err := req.Do(ctx, []byte("a")); err != nil || string(m[0]) != "a" {
		t.Fatalf("the reply after that is %q, %v", m, err)
	}
}

// TestReqPassesOverWhatComesTwice has a peer send each reply twice: the second is not taken for that of the next request, which
// reads it.
func TestReqPassesOverWhatComesTwice(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	ln := serve(t, "tcp://127.0.0.1:0", REP, Options{}, func(c *Conn) {
		for {
			in, err := c.Receive(nil)
			if err != nil {
				return
			}
			reply := AppendMessage(nil, in[0].Message...)
			if c.Write(append(reply, reply...)) != nil {
				return
			}
		}
	})
	req := connected(t, NewReq(Options{}), ln.URI())
	for i := range 100 {
		if m, err := req.Do(ctx, []byte(fmt.Sprint(i))); err != nil || string(m[0]) != fmt.Sprint(i) {
			t.Fatalf("the reply to %d is %q, %v", i, m, err)
		}
	}
	if n := req.Stats().Endpoints[0].Connects; n != 1 {
		t.Errorf("it connected %d times", n)
	}
}

// TestReqAsksAnewWhereNothingWasSent has a peer that ends the connection behind its reply, or leaves it in a state in which no
// reply could be told: the next request goes to the next connection.
func TestReqAsksAnewWhereNothingWasSent(t *testing.T) {
	t.Parallel()
	for name, after := range map[string][]byte{"end": nil, "part of a frame": {0, 3, 'a'}, "part of a message": AppendMessage(nil, nil, nil)[:2], "flood": bytes.Repeat(AppendMessage(nil, []byte("x")), 2*maxStray)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := patiently(t)
			ln := serve(t, "tcp://127.0.0.1:0", REP, Options{}, func(c *Conn) {
				in, err := c.Receive(nil)
				if err == nil {
					err = c.Write(append(AppendMessage(nil, in[0].Message...), after...))
				}
				if err != nil {
					t.Error(err)
				}
				if after != nil {
					_, _ = c.Receive(nil) // until it is given up
				}
				c.Close() // before it counts as gone
			})
			req := connected(t, NewReq(Options{ReconnectMin: time.Millisecond}), ln.URI())
			for i := range 5 {
				if m, err := req.Do(ctx, []byte("a")); err != nil || string(m[0]) != "a" {
					t.Fatalf("the reply %d is %q, %v", i, m, err)
				}
				// A request that crosses with the end of the connection is lost with it.
				until(ctx, t, func() bool { return after != nil || ln.Stats().Peers == 0 })
			}
		})
	}
}

// TestReqNoticesTheEndWhileNobodyAsks reads again for itself when there are no more requests.
func TestReqNoticesTheEndWhileNobodyAsks(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	uri := bound(t, rep, ipc(t))
	echo(ctx, t, rep)
	req := connected(t, NewReq(Options{}), uri)
	for range 3 {
		if _, err := req.Do(ctx, []byte("a")); err != nil {
			t.Fatal(err)
		}
	}
	rep.Close()
	until(ctx, t, func() bool { return req.Stats().Endpoints[0].Peers == 0 })
}

// TestRepForgetsWhoIsGone has a peer ask and leave before it is heard, and holds that it takes nobody's time or memory: strangers
// who come again and again could take all of it.
func TestRepForgetsWhoIsGone(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	uri := bound(t, rep, "tcp://127.0.0.1:0")
	for n := range uint64(3) {
		gone, err := Dial(ctx, uri, REQ, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := gone.Write(AppendMessage(nil, nil, []byte("gone"))); err != nil {
			t.Fatal(err)
		}
		until(ctx, t, func() bool { return rep.Stats().Received == n+1 })
		gone.Close()
		until(ctx, t, func() bool { return rep.Stats().Endpoints[0].Peers == 0 })
	}
	here, err := Dial(ctx, uri, REQ, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if err := here.Write(AppendMessage(nil, nil, []byte("here"))); err != nil {
		t.Fatal(err)
	}
	q, err := rep.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := words(q.Message); !slices.Equal(got, []string{"here"}) {
		t.Errorf("received %q", got)
	}
}

func TestRepTakesOnlyRequests(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	uri := bound(t, rep, "tcp://127.0.0.1:0")
	dealer := connected(t, NewDealer(Options{}), uri)
	for _, m := range []Message{{[]byte("no envelope")}, {nil}, {[]byte("hop"), nil}, {nil, []byte("a")}, {[]byte("hop"), []byte("hop"), nil, []byte("b"), nil, []byte("c")}} {
		if err := dealer.Send(ctx, m...); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]string{{"a"}, {"b", "", "c"}} {
		q, err := rep.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := words(q.Message); !slices.Equal(got, want) {
			t.Fatalf("received %q instead of %q", got, want)
		}
		if err := q.Reply(ctx, []byte("re")); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]string{{"", "re"}, {"hop", "hop", "", "re"}} {
		if m, err := dealer.Receive(ctx); err != nil || !slices.Equal(words(m), want) {
			t.Fatalf("the reply is %q, %v instead of %q", m, err, want)
		}
	}
}

// proxy passes messages between a Router and a Dealer until they are closed.
func proxy(ctx context.Context, t *testing.T, front *Router, back *Dealer) {
	t.Helper()
	var both sync.WaitGroup
	both.Go(func() {
		for {
			m, _, err := front.Receive(ctx)
			if err != nil || back.Send(ctx, m...) != nil {
				return
			}
		}
	})
	both.Go(func() {
		for {
			m, err := back.Receive(ctx)
			if err != nil || front.Send(ctx, m...) != nil {
				return
			}
		}
	})
	t.Cleanup(func() { front.Close(); back.Close(); both.Wait() })
}

// TestReqAndRepThroughProxies asks through two hops, with libzmq at either end and ours at the other.
func TestReqAndRepThroughProxies(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	rep := NewRep(Options{})
	uri := bound(t, rep, ipc(t))
	echo(ctx, t, rep)
	for range 2 {
		front := NewRouter(Options{})
		back := connected(t, NewDealer(Options{}), uri)
		uri = bound(t, front, ipc(t))
		proxy(ctx, t, front, back)
	}
	req := connected(t, NewReq(Options{}), uri)
	if m, err := req.Do(ctx, []byte("a"), nil); err != nil || !slices.Equal(words(m), []string{"a", "", "!"}) {
		t.Errorf("the reply is %q, %v", m, err)
	}
	peer := startLibzmq(t, REQ, "connect", uri)
	peer.send("b")
	if m := peer.receive(); !slices.Equal(m, []string{"b", "!"}) {
		t.Errorf("libzmq received %q", m)
	}
}

func TestReqWithLibzmq(t *testing.T) {
	t.Parallel()
	ctx := patiently(t)
	peer := startLibzmq(t, REP, "bind", "tcp://127.0.0.1:*")
	req := connected(t, NewReq(Options{}), peer.uri)
	for _, text := range []string{"", "a", "b"} {
		got := make(chan string, 1)
		go func() {
			m, err := req.Do(ctx, []byte(text))
			got <- fmt.Sprint(words(m), err)
		}()
		if m := peer.receive(); !slices.Equal(m, []string{text}) {
			t.Fatalf("libzmq received %q", m)
		}
		peer.send("re", text)
		if m := <-got; m != fmt.Sprint([]string{"re", text}, nil) {
			t.Fatalf("the reply is %s", m)
		}
	}
}
