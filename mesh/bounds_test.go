package mesh_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestSlowConsumerHoldsBack has a consumer take nothing while a publisher sends large messages as fast as it can, and holds that
// the publisher has to wait before much of that is in memory.
func TestSlowConsumerHoldsBack(t *testing.T) {
	t.Parallel()
	ln, err := zmtp.Listen("tcp://127.0.0.1:0", zmtp.PUB, zmtp.Options{WriteTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	const most, size = 64 << 20, 256 << 10
	written := make(chan int, 1)
	served := make(chan error, 1)
	go func() {
		served <- ln.Serve(func(c *zmtp.Conn) {
			if _, err := c.Receive(nil); err != nil {
				return
			}
			total := 0
			for n := 1; total <= most; n++ {
				envelope := fmt.Appendf(nil, `{"topic":"a","msg":{"pad":"%s"},"msg_id":"%d"}`, strings.Repeat("x", size), n)
				if c.Write(zmtp.AppendMessage(nil, []byte("a"), envelope)) != nil {
					break // it took nothing for a while
				}
				total += size
			}
			written <- total
		})
	}()
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	for range mesh.Subscribe(ctx, mesh.SubscribeOptions{Services: []mesh.Service{{Name: "shop.host", Addresses: []string{ln.URI()}}}}) {
		if !first {
			continue
		}
		first = false
		if total := <-written; total > most {
			t.Errorf("%d bytes were taken for a consumer that takes nothing", total)
		}
		cancel()
	}
	cancel()
	ln.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
