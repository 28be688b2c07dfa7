package mesh_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// nameServer is a dnsmasq of its own.
type nameServer struct {
	t       testing.TB
	dir     string
	address string
	cmd     *exec.Cmd
}

// dnsmasq starts one with the records that lines say.
func dnsmasq(t testing.TB, lines ...string) *nameServer {
	t.Helper()
	n := &nameServer{t: t, dir: t.TempDir(), address: freeAddress(t)}
	n.start(lines...)
	t.Cleanup(n.stop)
	return n
}

// freeAddress finds a port that is free for datagrams and for connections.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := "127.0.0.1:" + fedmsgtest.FreePort()
		if p, err := net.ListenPacket("udp", address); err == nil {
			p.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start starts it and waits until it answers.
func (n *nameServer) start(lines ...string) {
	n.t.Helper()
	n.begin("local=/test/\n", lines...)
}

// begin starts it with what it knows all of.
func (n *nameServer) begin(local string, lines ...string) {
	n.t.Helper()
	_, port, _ := net.SplitHostPort(n.address)
	config := local + "no-resolv\nno-hosts\nno-daemon\nuser=\ngroup=\nbind-interfaces\nlisten-address=127.0.0.1\npid-file=\nlog-facility=" + n.dir + "/log\nlocal-ttl=1\nport=" + port + "\n"
	for _, l := range lines {
		config += l + "\n"
	}
	path := filepath.Join(n.dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		n.t.Fatal(err)
	}
	n.cmd = exec.Command(fedmsgtest.Tool(n.t, "dnsmasq"), "--conf-file="+path, "--keep-in-foreground")
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", n.address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			n.t.Fatal("dnsmasq does not start")
		}
	}
}

// stop ends it.
func (n *nameServer) stop() {
	_ = n.cmd.Process.Kill() // it may have ended
	_ = n.cmd.Wait()
}

// signal stops it for a while, or lets it go on.
func (n *nameServer) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// srv is the record of a publisher.
func srv(p *mesh.Publisher) string {
	_, port, _ := net.SplitHostPort(p.Addresses()[0][len("tcp://"):])
	return "srv-host=_fedmsg._tcp.site.test,pub.site.test," + port
}

// events collects what is told of.
func events(kinds ...mesh.EventKind) (report func(mesh.Event), told <-chan mesh.Event) {
	c := make(chan mesh.Event, 1024)
	return func(e mesh.Event) {
		for _, k := range kinds {
			if e.Kind == k {
				c <- e
			}
		}
	}, c
}

// wantEvent waits for an event.
func wantEvent(t testing.TB, told <-chan mesh.Event, kind mesh.EventKind, endpoint string) mesh.Event {
	t.Helper()
	select {
	case e := <-told:
		if e.Kind != kind || endpoint != "" && e.Endpoint != endpoint {
			t.Fatalf("want %s of %s, got %s", kind, endpoint, e)
		}
		return e
	case <-time.After(patience):
		t.Fatalf("nobody tells of %s of %s", kind, endpoint)
	}
	panic("not reached")
}

// TestSRV finds publishers by a real name server whose records change, that is silent for a while, fails, and at last knows of
// none.
func TestSRV(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var publishers []*mesh.Publisher
	for i := range 3 {
		publishers = append(publishers, publisher(t, dir, func(o *mesh.PublisherOptions) { o.Name = fmt.Sprintf("p%d.host", i); o.File = "" }))
	}
	host := "address=/pub.site.test/127.0.0.1"
	ns := dnsmasq(t, host, srv(publishers[0]), srv(publishers[1]))
	report, told := events(mesh.EndpointUp, mesh.EndpointGone, mesh.SourceFailed)
	items, _ := hear(t, mesh.SubscribeOptions{Domains: []string{"site.test"}, Resolver: ns.address, Replay: true, Report: report})
	heard := func(who ...int) {
		t.Helper()
		for _, i := range who {
			if err := publishers[i].WaitSubscribers(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			publish(t, publishers[i], i, i)
			if g := next(t, items); g.err != nil || g.Service != "site.test" || g.Endpoint != byName(publishers[i]) {
				t.Fatalf("want one of %d, got %s", i, g)
			}
		}
	}
	wantEvent(t, told, mesh.EndpointUp, "")
	wantEvent(t, told, mesh.EndpointUp, "")
	heard(0, 1)

	ns.stop() // another one comes, another one goes; in between there is nobody
	wantEvent(t, told, mesh.SourceFailed, "site.test")
	heard(0, 1)
	ns.start(host, srv(publishers[0]), srv(publishers[2]))
	for range 2 {
		switch e := <-told; {
		case e.Kind == mesh.EndpointUp && e.Endpoint == byName(publishers[2]):
		case e.Kind == mesh.EndpointGone && e.Endpoint == byName(publishers[1]):
		default:
			t.Fatal(e)
		}
	}
	heard(0, 2)

	ns.signal(syscall.SIGSTOP) // it does not answer; what it said holds
	wantEvent(t, told, mesh.SourceFailed, "site.test")
	heard(0, 2)
	ns.signal(syscall.SIGCONT)

	ns.stop() // it knows of none, which is an answer
	ns.start(host)
	for range 2 {
		if e := <-told; e.Kind == mesh.SourceFailed {
			wantEvent(t, told, mesh.EndpointGone, "")
		} else if e.Kind != mesh.EndpointGone {
			t.Fatal(e)
		}
	}
	ns.stop() // and they come back
	ns.start(host, srv(publishers[0]))
	for e := range told {
		if e.Kind == mesh.EndpointUp {
			break
		}
	}
	heard(0)
}

// TestAnswerHolds holds that while a name server is silent, fails or is away, what it said last is not taken back.
func TestAnswerHolds(t *testing.T) {
	t.Parallel()
	record := "srv-host=_fedmsg._tcp.site.test,pub.site.test,3000"
	ns := dnsmasq(t, record)
	report, told := events(mesh.SourceRead, mesh.SourceFailed)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	said := make(chan int, 100)
	wg.Go(func() {
		mesh.WatchDomain(ctx, ns.address, "site.test", 20*time.Millisecond, report, func(s []mesh.Service) { said <- len(s) })
	})
	wantEvent(t, told, mesh.SourceRead, "site.test")
	for _, trouble := range []struct{ begin, end func() }{
		{func() { ns.signal(syscall.SIGSTOP) }, func() { ns.signal(syscall.SIGCONT) }},
		{ns.stop, func() { ns.start(record) }},
		{func() { ns.stop(); ns.refuse() }, func() { ns.stop(); ns.start(record) }},
	} {
		trouble.begin()
		wantEvent(t, told, mesh.SourceFailed, "site.test")
		trouble.end()
		wantEvent(t, told, mesh.SourceRead, "site.test")
	}
	if first := <-said; first != 1 || len(said) > 0 {
		t.Errorf("it said %d, and then %d times more", first, len(said))
	}
}

// refuse starts it so that it refuses to answer.
func (n *nameServer) refuse() { n.begin("") }

// byName is where a publisher is by its name in the DNS.
func byName(p *mesh.Publisher) string {
	_, port, _ := net.SplitHostPort(p.Addresses()[0][len("tcp://"):])
	return "tcp://pub.site.test:" + port
}
