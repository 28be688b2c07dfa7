package amqp

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// TestAddresses shows what is taken as an address and what is refused, with what the refusal says.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ to, want string }{
		{"amqp://127.0.0.1", ""},
		{"amqp://localhost:5673/", ""},
		{"amqp://[::1]/%2Fpubsub?exchange=&format=fedora&topology=none&mandatory=no&heartbeat=30s&frame_max=65536", ""},
		{"amqps://ralph@rabbit.example.org/%2Fpubsub", ""},
		{"amqp://ralph@rabbit.example.org/?insecure_plain_amqp=yes", ""},
		{"amqp://127.0.0.1/?unroutable=dead", ""},
		{"mqtt://127.0.0.1", "begins with none of amqp, amqps"},
		{"amqp://guest:guest@127.0.0.1", "password"},
		{"amqp://ralph@rabbit.example.org/", "write amqps://"},
		{"amqps://rabbit.example.org/", "says of no user"},
		{"amqps://ralph@rabbit.example.org/?auth=external", "auth=external needs"},
		{"amqp://127.0.0.1/?format=json", "format is one of"},
		{"amqp://127.0.0.1/?topology=maybe", "topology is one of"},
		{"amqp://127.0.0.1/?mandatory=no&unroutable=dead", "needs mandatory=yes"},
		{"amqp://127.0.0.1/?unroutable=drop", "unroutable is one of"},
		{"amqp://127.0.0.1/?queue=x", "is not known"},
		{"amqp://127.0.0.1/?frame_max=1", "frame_max"},
		{"amqp://127.0.0.1/?exchange=" + strings.Repeat("x", 256), "more than 255 bytes"},
	} {
		_, err := NewSink(deliver.Config{Name: "x", To: c.to}, nil)
		judge(t, c.to, err, c.want)
	}
}

// TestQueues does the same for sources.
func TestQueues(t *testing.T) {
	t.Parallel()
	topics := []fedmsg.Pattern{pattern(t, "org.example.#"), pattern(t, "#")}
	for _, c := range []struct{ from, want string }{
		{"amqp://127.0.0.1/?queue=q&bind=a.%23,b.*&prefetch=1&durable=no&exclusive=yes&expires=1h", ""},
		{"amqp://127.0.0.1/?queue=", ""},
		{"amqp://127.0.0.1/?prefetch=70000", "prefetch"},
		{"amqp://127.0.0.1/?mandatory=yes", "is not known"},
		{"amqp://127.0.0.1/?bind=" + strings.Repeat("x", 256), "more than 255 bytes"},
		{"amqp://127.0.0.1/?durable=perhaps", "durable is yes or no"},
		{"amqp://127.0.0.1/?expires=soon", "expires is a time"},
	} {
		_, err := NewSource(receive.Config{Name: "x", From: c.from, Topics: topics}, nil)
		judge(t, c.from, err, c.want)
	}
	s, err := NewSource(receive.Config{Name: "x", From: "amqp://127.0.0.1/?prefix=org.", Topics: topics}, nil)
	if err != nil {
		t.Fatal(err)
	}
	few, err := NewSource(receive.Config{Name: "x", From: "amqp://127.0.0.1/", Topics: topics, InFlight: 7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := s.(*Source).prefetch, few.(*Source).prefetch; a != 256 || b != 14 {
		t.Errorf("the server may send %d ahead, and %d where 7 are in flight", a, b)
	}
	q := s.(*Source).queue
	if q.name != "fedmsg-x" || !q.durable || q.exclusive || strings.Join(q.patterns, " ") != "example.# #" {
		t.Errorf("the queue of a source with prefix=org. is %+v", q)
	}
}

func judge(t *testing.T, address string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", address, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want an error with %q", address, err, want)
	case want != "" && fedmsg.CodeOf(err) != fedmsg.CodeConfig:
		t.Errorf("%s has the code %s", address, fedmsg.CodeOf(err))
	}
}

func pattern(t *testing.T, text string) fedmsg.Pattern {
	t.Helper()
	p, err := fedmsg.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
