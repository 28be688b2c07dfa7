package mesh_test

import (
	"context"
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
