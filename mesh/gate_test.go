package mesh_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/mesh"
)

// gate is a way to an address that can be shut: then what is connected is cut off, and nobody gets through.
type gate struct {
	uri string
	l   net.Listener
	wg  sync.WaitGroup

	mu    sync.Mutex
	shut  bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

// newGate opens one to a URI.
func newGate(t testing.TB, uri string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{uri: "tcp://" + l.Addr().String(), l: l, conns: make(map[net.Conn]struct{})}
	g.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.pass(c, uri[len("tcp://"):]) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.set(true)
		g.wg.Wait()
	})
	return g
}

// pass lets one connection through.
func (g *gate) pass(c net.Conn, address string) {
	defer c.Close()
	d, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer d.Close()
	g.mu.Lock()
	shut := g.shut
	g.conns[c], g.conns[d] = struct{}{}, struct{}{}
	g.mu.Unlock()
	if shut {
		return
	}
	g.wg.Go(func() {
		_, _ = io.Copy(d, c) // it ends when either is closed
		c.Close()
		d.Close()
	})
	_, _ = io.Copy(c, d) // as above
}

// set shuts or opens it.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut = shut; shut {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
}

// TestSignedGapsFilled cuts a subscriber off while a signing publisher goes on, for 1, 10 and 10^5 messages, and shuts off the
// replay server too in the middle of it, and holds that each message comes once, in order and with a good signature, while
// another service is heard.
func TestSignedGapsFilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := keys.Generate(keys.Ed25519)
	if err == nil {
		err = key.WriteFile(dir + "/key.pem")
	}
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t, dir, func(o *mesh.PublisherOptions) {
		o.File, o.Format, o.SigningKey, o.Keep, o.KeepBytes = "", mesh.Fedmsg2, dir+"/key.pem", 200_000, 1<<30
	})
	other := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Name = "other.host" })
	live, rep := newGate(t, p.Addresses()[0]), newGate(t, p.Service().Replay)
	report, told := events(mesh.EndpointUp, mesh.EndpointDown)
	signed, _ := hear(t, mesh.SubscribeOptions{
		Services: []mesh.Service{{Name: "shop.host", Addresses: []string{live.uri}, Replay: rep.uri}}, Replay: true, Oldest: true, Patience: time.Hour, Report: report,
	})
	both, _ := hear(t, mesh.SubscribeOptions{
		File: dir + "/endpoints", Services: []mesh.Service{{Name: "shop.host", Addresses: []string{live.uri}, Replay: rep.uri}}, Replay: true, Oldest: true, Patience: time.Hour,
	})
	others, at := 0, 0
	want := func(to int) {
		t.Helper()
		for ; at < to; at++ {
			g := next(t, signed)
			if g.err != nil || g.SeqID != uint64(at+1) {
				t.Fatalf("want %d, got %s", at+1, g)
			}
			signatures, err := wire.DecodeSignatures(g.Frames[3])
			if err != nil || len(signatures) != 1 || at%100 == 0 && !key.Public().Verify(wire.AppendPAE(nil, wire.EnvelopeType, g.Frames[2]), signatures[0].Sig) {
				t.Fatalf("%d: %v, %s", at+1, err, g.Frames[3])
			}
		}
	}
	wantEvent(t, told, mesh.EndpointUp, live.uri)
	sent := 0
	for _, lost := range []int{1, 10, 100_000} {
		live.set(true)
		rep.set(true)
		await(told, mesh.EndpointDown)
		publish(t, p, 1, lost)
		live.set(false)
		await(told, mesh.EndpointUp)
		others++
		publish(t, other, others, others)
		for g := next(t, both); g.Service != "other.host" || g.SeqID != uint64(others); g = next(t, both) {
			if g.Service != "shop.host" || g.err != nil { // what was left to hear of the last round
				t.Fatalf("got %s", g)
			}
		}
		rep.set(false)
		want(sent + lost/2)
		rep.set(true)
		publish(t, p, 1, 3)
		rep.set(false)
		sent += lost + 3
		want(sent)
		for len(told) > 0 {
			<-told
		}
	}
}

// await passes over all events up to one of a kind.
func await(told <-chan mesh.Event, kind mesh.EventKind) {
	for e := range told {
		if e.Kind == kind {
			return
		}
	}
}
