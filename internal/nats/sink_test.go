package nats

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestStream delivers to a stream: to the byte, in order, each with its id.
func TestStream(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	_, js := admin(t, s.Addr)
	makeStream(t, js, jetstream.StreamConfig{Name: "all", Subjects: []string{"org.>"}})
	c := consume(t, s.Addr, "stream", "all")
	r := run(t, deliver.Config{To: "nats://" + s.Addr + "?jetstream=yes&stream=all"})
	for i := range 3000 {
		r.log.add("org.example.dev.a.b", `{"x":"y"}`, fmt.Sprintf(`{"n":%d}`, i))
	}
	r.done(t)
	await(t, "all to arrive", func() bool { return len(c.taken(t)) >= 3000 })
	for i, m := range c.taken(t) {
		e := r.log.entries[i]
		if m.Subject != e.Topic || string(m.Body) != string(e.Envelope) || m.header("Nats-Msg-Id") != e.ID {
			t.Fatalf("message %d is %s %q with id %s; want %s %q", i, m.Subject, m.Body, m.header("Nats-Msg-Id"), e.Topic, e.Envelope)
		}
	}
	if st := r.status(); st.Delivered != 3000 || st.Retried != 0 || st.Dead != 0 {
		t.Errorf("status: %+v", st)
	}
}

// TestCore delivers to who is subscribed.
func TestCore(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	c := consume(t, s.Addr, "core", "org.>")
	r := run(t, deliver.Config{To: "nats://" + s.Addr + "?format=body"})
	for i := range 3000 {
		r.log.add("org.example.dev.a.b", `{"x":"y"}`, fmt.Sprintf(`{"n":%d}`, i))
	}
	r.done(t)
	await(t, "all to arrive", func() bool { return len(c.taken(t)) >= 3000 })
	for i, m := range c.taken(t) {
		if want := fmt.Sprintf(`{"n":%d}`, i); string(m.Body) != want || m.header("x") != "y" {
			t.Fatalf("message %d is %q with %q", i, m.Body, m.Headers)
		}
	}
	if st := r.status(); st.Delivered != 3000 || st.Retried != 0 || st.Dead != 0 {
		t.Errorf("status: %+v", st)
	}
}
