package httpapi

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestShutdownKeepsReceipts: a publisher whose messages wait to become durable while the server stops gets its receipts
// and an orderly end.
func TestShutdownKeepsReceipts(t *testing.T) {
	door := &doorFake{hold: make(chan struct{}), arrived: make(chan struct{})}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(door) })
	f := e.feed(t)
	f.send("a\nb\nrefuse\n")
	<-door.arrived
	f.send("c\nhalf")
	<-door.arrived
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- e.Shutdown(ctx)
	}()
	waitFor(t, func() bool { // nobody is let in any more
		c, err := net.Dial("tcp", e.address("http"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the receipts were written: %v", err)
	default:
	}
	close(door.hold)
	for _, want := range []string{"a", "b", "bad_topic", "c"} {
		if got := f.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f.finished()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestShutdownAfterEnd: the same when the publisher had ended its body already.
func TestShutdownAfterEnd(t *testing.T) {
	door := &doorFake{hold: make(chan struct{}), arrived: make(chan struct{})}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(door) })
	f := e.feed(t)
	f.send("a\n")
	f.end()
	<-door.arrived
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	<-e.stop
	close(door.hold)
	if got := f.next(); got != "a" {
		t.Errorf("got %s", got)
	}
	f.finished()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// slowDoor lets a test act while a message is being submitted.
type slowDoor struct{ entered, leave chan struct{} }

func (d slowDoor) Submit(_ context.Context, _ fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	d.entered <- struct{}{}
	<-d.leave
	return make(refused, len(lines))
}

// TestShutdownDuringSubmit: a publisher whose messages are just going in when the server stops is not given time for more.
func TestShutdownDuringSubmit(t *testing.T) {
	door := slowDoor{make(chan struct{}), make(chan struct{})}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(door) })
	f := e.feed(t)
	f.send("a\n")
	<-door.entered
	stopped := make(chan error, 1)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	waitFor(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		for p := range e.publishers {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.interrupted
		}
		return false
	})
	close(door.leave)
	f.next()
	f.finished()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestShutdownDeadline: what does not end in time is cut, and named.
func TestShutdownDeadline(t *testing.T) {
	door := &doorFake{hold: make(chan struct{}), arrived: make(chan struct{})}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(door) })
	f := e.feed(t)
	f.send("a\n")
	<-door.arrived
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := e.Shutdown(ctx)
	if fedmsg.CodeOf(err) != fedmsg.CodeTimeout || !strings.Contains(err.Error(), "POST /v1/messages") {
		t.Errorf("%v", err)
	}
	f.brokeOff()
}

// TestShutdownSilentConnections: connections that never sent anything, and those between two requests, hold nothing up.
func TestShutdownSilentConnections(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) {
		withSocket(t, c)
		c.HeaderTimeout, c.IdleTimeout = time.Hour, time.Hour
	})
	silent := []net.Conn{e.dial("http"), e.dial("unix")}
	between := e.dial("http")
	if ok, _ := answered(t, between); !ok {
		t.Fatal("refused")
	}
	waitFor(t, func() bool { return e.limits.open() == 3 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, c := range append(silent, between) {
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("not closed: %v", err)
		}
	}
}

// TestRunEndsWithContext: the end of Run's context closes the listeners; it is not an error.
func TestRunEndsWithContext(t *testing.T) {
	s, err := listenOnly(t, func(c *Config, _ *Deps) { c.Listen = []string{"http://127.0.0.1:0"} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestListenerFails: Run says which listener cannot accept any more.
func TestListenerFails(t *testing.T) {
	s, err := listenOnly(t, func(_ *Config, d *Deps) {
		d.Listeners = map[string]net.Listener{"x": failingListener{mustListen(t)}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), s.Addrs()[0]) {
		t.Errorf("%v", err)
	}
}

type failingListener struct{ net.Listener }

func (failingListener) Accept() (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
