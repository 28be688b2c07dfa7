package mesh_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// TestStarts has subscribers start up to a second before or behind the first message of their publisher, many pairs at once,
// and holds that each hears everything.
func TestStarts(t *testing.T) {
	t.Parallel()
	const messages = 40
	starts, together := fedmsgtest.Count(50, 1000), 50
	for range starts / together {
		var wg sync.WaitGroup
		for i := range together {
			dir := t.TempDir()
			wg.Go(func() { start(t, dir, i, time.Duration(rand.Int64N(2e9))-time.Second, messages) })
		}
		wg.Wait()
	}
}

// start is one pair: the subscriber starts offset behind the publisher's first message, which is the middle of the time.
func start(t *testing.T, dir string, i int, offset time.Duration, messages int) {
	name := fmt.Sprintf("p%d.host", i)
	fail := func(format string, args ...any) {
		t.Errorf("start %v from the first message: "+format, append([]any{offset}, args...)...)
	}
	first := time.After(max(0, -offset))
	subscribe := time.After(max(0, offset))
	heard := make(chan []uint64, 1)
	done := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(done)
	wg.Go(func() {
		<-subscribe
		var all []uint64
		o := mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true, Poll: 50 * time.Millisecond}
		for m, err := range mesh.Subscribe(t.Context(), o) {
			if err != nil {
				fail("%v", err)
			}
			if all = append(all, m.SeqID); len(all) == messages {
				heard <- all
				<-done
				return
			}
		}
	})
	<-first
	p, err := mesh.NewPublisher(mesh.PublisherOptions{Name: name, Host: "127.0.0.1", Ports: "0", File: dir + "/endpoints", State: dir + "/state"})
	if err != nil {
		fail("%v", err)
		return
	}
	defer p.Close()
	pace := time.Tick(time.Millisecond)
	for n := range messages {
		<-pace
		if _, err := p.Publish(t.Context(), "org.example.dev.shop.sold", map[string]int{"n": n}); err != nil {
			fail("%v", err)
		}
	}
	select {
	case all := <-heard:
		for k, n := range all {
			if n != uint64(k+1) {
				fail("message %d has number %d", k+1, n)
			}
		}
	case <-time.After(patience):
		fail("it hears not all of %d messages", messages)
	}
}
