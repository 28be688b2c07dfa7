package mesh_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestKeyChanges starts a publisher again at its old address with another key, and holds that who listened to it hears it.
func TestKeyChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := dir + "/list"
	start := func(ports string) *mesh.Publisher {
		return publisher(t, dir, func(o *mesh.PublisherOptions) {
			o.Ports, o.File, o.State = ports, "", ""
			o.ZMTP.Security = zmtp.CurveServer{Keys: zmtp.NewCurvePair(), Authorise: func(zmtp.Peer, zmtp.CurveKey) (string, error) { return "anybody", nil }}
		})
	}
	p := start("0")
	writeFile(t, file, p.Service().String())
	items, _ := hear(t, mesh.SubscribeOptions{File: file})
	for n, ports := range []string{"", p.Addresses()[0][strings.LastIndexByte(p.Addresses()[0], ':')+1:]} {
		if ports != "" {
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			p = start(ports)
			writeFile(t, file, p.Service().String())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := p.WaitSubscribers(ctx, 1)
		cancel()
		if err != nil {
			t.Fatalf("nobody listens to start %d: %v", n+1, err)
		}
		publish(t, p, n, n)
		next(t, items)
	}
}

// TestGoneIsNotAsked lets a publisher leave that never said a word, and whose replay server is gone with it, and holds that
// nobody goes on to ask for it: each short-lived publisher would leave somebody behind who does.
func TestGoneIsNotAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := dir + "/list"
	rep, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rep.Close()
	asked := make(chan struct{}, 1)
	go func() {
		for {
			c, err := rep.Accept()
			if err != nil {
				return
			}
			c.Close()
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.File, o.State = "", "" })
	s := p.Service()
	s.Replay = "tcp://" + rep.Addr().String()
	report, told := events(mesh.EndpointUp, mesh.EndpointGone)
	writeFile(t, file, s.String())
	hear(t, mesh.SubscribeOptions{File: file, Replay: true, Patience: time.Second, Report: report})
	wantEvent(t, told, mesh.EndpointUp, s.Addresses[0])
	writeFile(t, file, "")
	wantEvent(t, told, mesh.EndpointGone, s.Addresses[0])
	for end := time.Now().Add(30 * time.Second); ; {
		select {
		case <-asked:
			if time.Now().After(end) {
				t.Fatal("it is still asked for")
			}
		case <-time.After(15 * time.Second): // the back-off is shorter
			return
		}
	}
}
