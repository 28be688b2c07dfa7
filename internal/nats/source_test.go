package nats

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// TestThere brings through a stream and through core NATS what a sink sent, to the byte, also topics that are no subjects.
func TestThere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"core", "stream"} {
		for _, format := range []string{"envelope", "body"} {
			t.Run(kind+" "+format, func(t *testing.T) {
				t.Parallel()
				s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
				_, js := admin(t, s.Addr)
				subjects := []string{"org.>", "a%20b", "%.%.%", "%24SYS.x", "%5FINBOX.x", "%2A", "a.%3E", "50%", "%", "%20", "ä.ö", "/topic/x"}
				makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: subjects})
				to, from := "nats://"+s.Addr+"?escape=yes&format="+format, "nats://"+s.Addr+"?subject="+url.QueryEscape(strings.Join(subjects, ","))
				if kind == "stream" {
					to, from = to+"&jetstream=yes", "nats://"+s.Addr+"?jetstream=yes&stream=all"
				}
				d := &door{}
				set, _ := bring(t, d, receive.Config{From: from})
				connected(t, set)
				r := run(t, deliver.Config{To: to})
				for _, topic := range []string{"org.a", "a b", "..", "$SYS.x", "_INBOX.x", "*", "a.>", "50%", "%", "%20", "ä.ö", "/topic/x"} {
					r.log.add(topic, `{"Nats-Rollup":"all","x":"y","z":"ä"}`, numbered(len(r.log.entries)))
				}
				r.done(t)
				n := len(r.log.entries)
				await(t, "all", func() bool { return len(d.all()) >= n })
				for i, m := range d.all()[:n] {
					e := r.log.entries[i]
					if m.Topic != e.Topic || string(m.Envelope) != string(e.Envelope) || m.Origin != e.Position {
						t.Errorf("%q %q of %v came as %q %q of %v", e.Topic, e.Envelope, e.Position, m.Topic, m.Envelope, m.Origin)
					}
				}
			})
		}
	}
}

// TestForeign takes what a publisher sent that knows nothing of fedmsg.
func TestForeign(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>", "a%2Eb"}})
	d := &door{}
	bring(t, d, receive.Config{From: "nats://" + s.Addr + "?jetstream=yes&stream=all&prefix=com.example."})
	p := publish(t, s.Addr, "stream")
	p.send(t, "org.a", []byte(`{"n":1}`), [2]string{"Nats-Msg-Id", "1"}, [2]string{"x", "y"})
	p.send(t, "a%2Eb", []byte(`{"n":2}`), [2]string{"fedmsg-topic", "a.b"})
	await(t, "both", func() bool { return len(d.all()) >= 2 })
	all := d.all()
	if m := all[0]; m.Topic != "com.example.org.a" || string(m.Body) != `{"n":1}` || string(m.Headers) != `{"x":"y"}` || len(m.ID) != 41 {
		t.Errorf("it came as %+v", m)
	}
	// Who may publish on one subject only cannot speak on the topic of another.
	if m := all[1]; m.Topic != "com.example.a%2Eb" {
		t.Errorf("it came on %q", m.Topic)
	}
	if all[0].ID == all[1].ID {
		t.Error("both have the same id")
	}
}

// outstanding is how many messages the server waits for to be acknowledged, and how many it has not sent.
func outstanding(t *testing.T, js jetstream.JetStream) (pending, unsent int) {
	t.Helper()
	c, err := js.Consumer(t.Context(), "all", "fedmsg-it")
	if err != nil {
		return -1, -1
	}
	info, err := c.Info(t.Context())
	if err != nil {
		return -1, -1
	}
	return info.NumAckPending, int(info.NumPending)
}

// fill publishes numbered messages.
func fill(t *testing.T, js jetstream.JetStream, from, to int) {
	t.Helper()
	try(t, fillFrom(t.Context(), js, from, to))
}

// fillFrom is fill for other goroutines.
func fillFrom(ctx context.Context, js jetstream.JetStream, from, to int) error {
	for i := from; i < to; i++ {
		if _, err := js.Publish(ctx, "org.a", []byte(numbered(i))); err != nil {
			return err
		}
	}
	return nil
}

// complete checks that the numbers from 0 on came, each first behind the one before it.
func complete(t *testing.T, d *door, n int) {
	t.Helper()
	var want []string
	for i := range n {
		want = append(want, numbered(i))
	}
	if got := d.bodies(); !slices.Equal(got, want) {
		for i := range got {
			if i >= n || got[i] != want[i] {
				t.Fatalf("%d messages of %d came; number %d is %s", len(got), n, i, got[i])
			}
		}
		t.Fatalf("%d messages of %d came", len(got), n)
	}
}

// TestOrderOverConnections keeps the order when connections break, the node is stopped, and the server is killed, while messages
// are not on disk, and acknowledges none of these.
func TestOrderOverConnections(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	p := fedmsgtest.StartProxy(t, s.Addr)
	c := receive.Config{From: "nats://" + p.Addr + "?jetstream=yes&stream=all", InFlight: 100}
	d := &door{}
	set, stop := bring(t, d, c)
	connected(t, set)
	n := 0
	held := func() (release func()) {
		release = d.hold()
		fill(t, js, n, n+300)
		n += 300
		await(t, "100 to be under way", func() bool { pending, _ := outstanding(t, js); return pending == 100 })
		if _, unsent := outstanding(t, js); unsent != 200 {
			t.Fatalf("%d are not sent; want 200", unsent)
		}
		return release
	}
	drained := func(release func()) {
		t.Helper()
		release()
		await(t, "all to be acknowledged", func() bool { pending, unsent := outstanding(t, js); return pending == 0 && unsent == 0 })
		complete(t, d, n)
	}

	drained(held())

	release := held()
	p.Cut()
	fill(t, js, n, n+10)
	n += 10
	connected(t, set)
	drained(release)

	release = held()
	stop() // the next one does not know what was under way
	release()
	release = d.hold()
	set, _ = bring(t, d, c)
	connected(t, set)
	drained(release)

	release = held()
	s.Kill9()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the server's consumer", func() bool { pending, _ := outstanding(t, js); return pending >= 0 })
	connected(t, set)
	drained(release)
}

// TestRedelivered leaves out what the server brings again while it is under way.
func TestRedelivered(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	_, err := js.CreateConsumer(t.Context(), "all", jetstream.ConsumerConfig{
		Durable: "fedmsg-it", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{}
	release := d.hold()
	bring(t, d, receive.Config{From: "nats://" + s.Addr + "?jetstream=yes&stream=all"})
	fill(t, js, 0, 50)
	await(t, "the server to bring it again", func() bool {
		c, err := js.Consumer(t.Context(), "all", "fedmsg-it")
		return err == nil && c.CachedInfo().NumRedelivered >= 50
	})
	release()
	await(t, "all to be acknowledged", func() bool { pending, unsent := outstanding(t, js); return pending == 0 && unsent == 0 })
	complete(t, d, 50)
	if got := len(d.all()); got != 50 {
		t.Errorf("the door was given %d messages", got)
	}
}

// TestSentElsewhere keeps the stream's order where the server sends a part of it to somebody who does not answer, as it does while
// it has not seen that an earlier connection is over.
func TestSentElsewhere(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	c, err := js.CreateConsumer(t.Context(), "all", jetstream.ConsumerConfig{
		Durable: "fedmsg-it", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxDeliver: -1, MaxAckPending: SourceInFlight,
	})
	try(t, err)
	d := &door{}
	set, _ := bring(t, d, receive.Config{From: "nats://" + s.Addr + "?jetstream=yes&stream=all"})
	connected(t, set)
	elsewhere, err := c.Fetch(20, jetstream.FetchMaxWait(patience))
	try(t, err)
	await(t, "both to ask the server", func() bool { info, err := c.Info(t.Context()); return err == nil && info.NumWaiting == 2 })
	fill(t, js, 0, 100)
	taken := 0
	for range elsewhere.Messages() {
		taken++
	}
	if taken != 20 {
		t.Fatalf("%d messages went elsewhere: %v", taken, elsewhere.Error())
	}
	await(t, "all to be acknowledged", func() bool { pending, unsent := outstanding(t, js); return pending == 0 && unsent == 0 })
	complete(t, d, 100)
}

// TestConsumersRefused tells what is wrong with a consumer that would lose messages.
func TestConsumersRefused(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	for i, c := range []struct {
		config jetstream.ConsumerConfig
		want   string
	}{
		{jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy}, "counts messages as received"},
		{jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 3}, "after it was brought 3 times"},
	} {
		c.config.Durable = fmt.Sprintf("c%d", i)
		if _, err := js.CreateConsumer(t.Context(), "all", c.config); err != nil {
			t.Fatal(err)
		}
		d := &door{}
		bring(t, d, receive.Config{From: "nats://" + s.Addr + "?jetstream=yes&stream=all&consumer=" + c.config.Durable})
		await(t, c.want, func() bool { return d.said(c.want) })
	}
	d := &door{}
	bring(t, d, receive.Config{From: "nats://" + s.Addr + "?jetstream=yes&stream=none"})
	await(t, "it to say that there is no stream", func() bool { return d.said("has no stream none") })
}

// TestCoreSource keeps the order over several subjects, and tells of what core NATS did not keep.
func TestCoreSource(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	c, _ := admin(t, s.Addr)
	p := fedmsgtest.StartProxy(t, s.Addr)
	d := &door{}
	set, _ := bring(t, d, receive.Config{From: "nats://" + p.Addr + "?subject=org.a,org.b"})
	connected(t, set)
	for i := range 2000 {
		if err := c.Publish([]string{"org.a", "org.b"}[i%2], []byte(numbered(i))); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all", func() bool { return len(d.all()) >= 2000 })
	complete(t, d, 2000)
	p.Cut()
	await(t, "it to tell of its absence", func() bool { return d.said("was not connected for") })
}

// TestCoreSourceDrops tells of what came faster than the node took it, and keeps the rest.
func TestCoreSourceDrops(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	c, _ := admin(t, s.Addr)
	d := &door{}
	set, _ := bring(t, d, receive.Config{From: "nats://" + s.Addr + "?subject=org.>"})
	connected(t, set)
	published := 0
	await(t, "it to tell of what it dropped", func() bool {
		release := d.hold() // the server may still be sending when it is let go, and then there may be room for all: once more
		defer release()
		for range queueMessages + 20000 {
			if err := c.Publish("org.a", []byte(numbered(published))); err != nil {
				t.Fatal(err)
			}
			published++
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		return d.said("messages were dropped")
	})
	if got := len(d.all()); got >= published {
		t.Errorf("%d messages came of %d", got, published)
	}
}

// TestBytesAreBounded takes no more bytes than it may while nothing comes onto disk, and all of them afterwards.
func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"core", "stream"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
			c, js := admin(t, s.Addr)
			makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
			from := "nats://" + s.Addr + "?subject=org.>"
			if kind == "stream" {
				from += "&jetstream=yes&stream=all"
			}
			d := &door{}
			release := d.hold()
			set, _ := bring(t, d, receive.Config{From: from})
			connected(t, set)
			const n, size = 60, 1000 * 1000
			pad := strings.Repeat("x", size)
			for i := range n {
				try(t, c.Publish("org.a", fmt.Appendf(nil, `{"n":%d,"x":%q}`, i, pad)))
			}
			try(t, c.Flush())
			full := maxUnsettled / (size + 2*messageOverhead)
			await(t, "as many as there is room for", func() bool { return len(d.all()) >= full })
			if got := set.List()[0].InFlight; got > full+1 {
				t.Errorf("%d messages are under way; %d have room", got, full)
			}
			release()
			await(t, "all", func() bool { return len(d.all()) == n })
		})
	}
}

// TestCutsUnderLoad breaks connections while messages come and are acknowledged. Nothing is missing, in order, and no connection
// waits for what was acknowledged just before the one before it broke: the server would bring that only after an hour.
func TestCutsUnderLoad(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	_, err := js.CreateConsumer(t.Context(), "all", jetstream.ConsumerConfig{
		Durable: "fedmsg-it", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxDeliver: -1, MaxAckPending: SourceInFlight,
	})
	try(t, err)
	p := fedmsgtest.StartProxy(t, s.Addr)
	d := &door{}
	set, _ := bring(t, d, receive.Config{From: "nats://" + p.Addr + "?jetstream=yes&stream=all"})
	connected(t, set)
	const each = 300
	for i := range 15 {
		filled := make(chan error, 1)
		go func() { filled <- fillFrom(t.Context(), js, i*each, (i+1)*each) }()
		await(t, "some to come", func() bool { return len(d.bodies()) >= i*each+each/3 })
		p.Cut()
		await(t, "all to come", func() bool { return len(d.bodies()) >= (i+1)*each })
		try(t, <-filled)
	}
	await(t, "all to be acknowledged", func() bool { pending, unsent := outstanding(t, js); return pending == 0 && unsent == 0 })
	complete(t, d, 15*each)
}
