package mesh_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg/mesh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for.
const patience = 60 * time.Second

// publisher opens a publisher on the loopback, with the file and the state of a test.
func publisher(t testing.TB, dir string, change ...func(*mesh.PublisherOptions)) *mesh.Publisher {
	t.Helper()
	o := mesh.PublisherOptions{Name: "shop.host", Host: "127.0.0.1", Ports: "0", File: dir + "/endpoints", State: dir + "/state", Username: "ralph"}
	for _, c := range change {
		c(&o)
	}
	p, err := mesh.NewPublisher(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// publish sends messages with the bodies {"n":FROM} to {"n":TO}.
func publish(t testing.TB, p *mesh.Publisher, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if _, err := p.Publish(t.Context(), "org.example.dev.shop.sold", map[string]int{"n": n}); err != nil {
			t.Fatal(err)
		}
	}
}

// got is what a subscriber was given.
type got struct {
	mesh.Message
	err error
}

// String shows it in the message of a failing test.
func (g got) String() string {
	if g.err != nil {
		return g.err.Error()
	}
	return fmt.Sprintf("%s %d %s (asked for: %t)", g.Service, g.SeqID, g.Frames, g.Replayed)
}

// hear subscribes in the background. The channel is closed when the subscription has ended.
func hear(t testing.TB, o mesh.SubscribeOptions) (items <-chan got, stop func()) {
	t.Helper()
	if o.Poll == 0 {
		o.Poll = 20 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan got, 1024)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		for m, err := range mesh.Subscribe(ctx, o) {
			select {
			case out <- got{m, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	stop = func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("the subscription does not end")
		}
	}
	t.Cleanup(stop)
	return out, stop
}

// next gives the next item.
func next(t testing.TB, items <-chan got) got {
	t.Helper()
	select {
	case g, ok := <-items:
		if !ok {
			t.Fatal("the subscription has ended")
		}
		return g
	case <-time.After(patience):
		t.Fatal("nothing comes")
	}
	panic("not reached")
}

// wantNumbers holds that messages with exactly these numbers come next.
func wantNumbers(t testing.TB, items <-chan got, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		g := next(t, items)
		if g.err != nil || g.SeqID != uint64(n) {
			t.Fatalf("want number %d, got %d (%s), %v", n, g.SeqID, g.Frames, g.err)
		}
	}
}

// readJSON reads a file of the shared vectors.
func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
