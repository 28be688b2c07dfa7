package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/gateway"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/zeromq"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// errMissing stands for messages that the source cannot give.
var errMissing = errors.New("three are missing")

// entry is the message with number n.
func entry(n int) fedmsg.Entry {
	topic := "org.example.dev.a.b"
	return fedmsg.Entry{
		ID: fmt.Sprintf("2026-%d", n), Topic: topic, Received: time.Unix(1_790_000_000, 0).UTC(),
		Position: fedmsg.Position{Log: "abcdefghijkl", Seq: uint64(n) * 7}, // with holes, as of what was filtered
		Envelope: fmt.Appendf(nil, `{"msg":{"n":%d},"topic":%q}`, n, topic),
	}
}

// feeding gives a source that gives what is sent to the channel, until it is closed.
func feeding(entries <-chan any) iter.Seq2[fedmsg.Entry, error] {
	return func(yield func(fedmsg.Entry, error) bool) {
		for x := range entries {
			e, _ := x.(fedmsg.Entry)
			err, _ := x.(error)
			if !yield(e, err) {
				return
			}
		}
	}
}

// start runs a gateway on a socket of its own and gives its URI, the channel of its source, and how it ended.
func start(t *testing.T, options string, ring int) (uri string, in chan<- any, ended <-chan error, log *strings.Builder) {
	t.Helper()
	c := zeromq.DefaultConfig()
	uri = "ipc://" + filepath.Join(t.TempDir(), "g")
	c.Publish, c.Submit, c.RelayIn = []string{uri + options}, []string{"tcp://127.0.0.1:0"}, []string{"tcp://127.0.0.1:0"}
	entries, done := make(chan any), make(chan error, 1)
	log = new(strings.Builder)
	g, err := gateway.Open(gateway.Config{
		ZeroMQ: c, Source: feeding(entries), IsGap: func(err error) bool { return errors.Is(err, errMissing) }, RingBytes: ring,
		Logger: slog.New(ops.NewHandler(log, ops.HandlerOptions{})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Addrs(); len(got) != 1 || got[0] != uri {
		t.Errorf("the gateway listens on %v, want %s alone: nothing may come in", got, uri)
	}
	go func() { done <- g.Run() }()
	return uri, entries, done, log
}

// heard connects a subscriber and gives messages to the gateway until it hears the first. It gives that one's number, and the
// number of the next.
func heard(t *testing.T, uri string, in chan<- any) (sub *zmtp.Sub, first, next int) {
	t.Helper()
	sub = zmtp.NewSub(zmtp.Options{})
	t.Cleanup(func() { _ = sub.Close() })
	if err := errors.Join(sub.Connect(uri), sub.Subscribe("org.example.")); err != nil {
		t.Fatal(err)
	}
	got := make(chan int)
	go func() { got <- number(t, sub) }()
	for next = 1; ; next++ {
		select {
		case in <- entry(next):
		case first = <-got:
			return sub, first, next
		}
	}
}

// number gives the number in the next message.
func number(t *testing.T, sub *zmtp.Sub) (n int) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := sub.Receive(ctx)
	if err != nil {
		t.Error(err)
		return -1
	}
	if len(m) != 2 || string(m[0]) != "org.example.dev.a.b" {
		t.Errorf("heard %d frames on %q, want topic and envelope", len(m), m[0])
	}
	if _, err := fmt.Sscanf(string(m[1]), `{"msg":{"n":%d`, &n); err != nil {
		t.Errorf("%.60s: %v", m[1], err)
	}
	return n
}

// TestGateway holds that everything goes out in order and as it came, that what the source could not give is logged and passed, and
// that the end of the source is the end of the gateway.
func TestGateway(t *testing.T) {
	t.Parallel()
	uri, in, ended, log := start(t, "?format=fedmsg1", 0)
	sub, first, next := heard(t, uri, in)
	in <- errMissing
	for i := range 100 {
		in <- entry(next + i)
	}
	for n := first + 1; n < next+100; n++ {
		if got := number(t, sub); got != n {
			t.Fatalf("heard %d, want %d", got, n)
		}
	}
	broken := errors.New("the node refuses")
	in <- broken
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("the gateway ended with %v, want %v", err, broken)
	}
	if !strings.Contains(log.String(), "three are missing") {
		t.Errorf("the log does not tell what is missing: %s", log)
	}
}

// TestNothingComesIn holds that the gateway opens no socket that takes messages, and that a subscriber cannot send any.
func TestNothingComesIn(t *testing.T) {
	t.Parallel()
	uri, in, ended, _ := start(t, "?format=fedmsg1&topics=org.example.dev.a.%23", 0)
	push := zmtp.NewPub(zmtp.Options{})
	defer push.Close()
	if err := push.Connect(uri); err != nil {
		t.Fatal(err)
	}
	sub, first, next := heard(t, uri, in)
	in <- entry(next)
	for n := first + 1; n <= next; n++ {
		if got := number(t, sub); got != n {
			t.Fatalf("heard %d, want %d", got, n)
		}
	}
	close(in)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := push.Stats(); len(s.Endpoints) != 1 || s.Endpoints[0].Peers != 0 {
		t.Errorf("a publisher was let in: %+v", s.Endpoints)
	}
}

// TestScope holds that an endpoint gives no more than its own topics.
func TestScope(t *testing.T) {
	t.Parallel()
	uri, in, ended, _ := start(t, "?format=fedmsg1&topics=org.example.dev.a.b", 0)
	sub, first, next := heard(t, uri, in)
	secret := entry(next)
	secret.Topic = "org.example.dev.a.secret"
	in <- secret
	in <- entry(next + 1)
	for n := first + 1; n < next; n++ {
		number(t, sub)
	}
	if got := number(t, sub); got != next+1 {
		t.Errorf("heard %d, want %d", got, next+1)
	}
	close(in)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFarBehind holds that a subscriber who does not read loses what is out of memory and then goes on, and that its gap is told.
func TestFarBehind(t *testing.T) {
	t.Parallel()
	uri, in, ended, _ := start(t, "?format=fedmsg1", 64<<10)
	sub, _, next := heard(t, uri, in)
	big := strings.Repeat("x", 16<<10)
	last := next + 5000 // 80 MB: more than sockets and queues hold
	for n := next; n <= last; n++ {
		e := entry(n)
		e.Envelope = fmt.Appendf(nil, `{"msg":{"n":%d,"x":%q},"topic":%q}`, n, big, e.Topic)
		in <- e
	}
	at, got, lost := next-1, 0, 0
	for at != last {
		if got = number(t, sub); got <= at {
			if got < next {
				continue
			}
			t.Fatalf("heard %d behind %d", got, at)
		}
		lost += got - at - 1
		at = got
	}
	if lost == 0 {
		t.Error("nothing was lost: the test is none")
	}
	close(in)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
