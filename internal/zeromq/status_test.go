package zeromq

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestSubscribers: an operator sees who subscribes, to what, and how far each is.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0", "ipc://" + t.TempDir() + "/p"} })
	dialSub(t, n.addr(0), zmtp.Options{}, "org.example.b", "org.example.a")
	n.subscriptions(0, 2)
	dialSub(t, n.addr(1), zmtp.Options{}, "")
	n.subscriptions(1, 1)
	n.publish(fedmsg.Entry{Topic: "org.example.a", ID: "1", Envelope: []byte(`{"topic":"org.example.a","msg":{}}`)},
		fedmsg.Entry{Topic: "org.example.c", ID: "2", Envelope: []byte(`{"topic":"org.example.c","msg":{}}`)})
	last := n.feed.Last()
	var all []Subscriber
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		all = n.server.Subscribers()
		if len(all) == 2 && all[0].Position == last && all[1].Position == last {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("they are not at %v: %+v", last, all)
		}
	}
	first, second := all[0], all[1]
	if slices.Sort(first.Prefixes); !slices.Equal(first.Prefixes, []string{"org.example.a", "org.example.b"}) || first.Messages != 1 ||
		!strings.HasPrefix(first.Address, "127.0.0.1:") || !first.Sender.IsZero() {
		t.Errorf("of the one over TCP: %+v", first)
	}
	if len(second.Prefixes) != 0 || second.Messages != 2 || second.Address != "" || second.Sender.Kind != fedmsg.SenderUID {
		t.Errorf("of the one over a unix socket: %+v", second)
	}
	if second.Since.Before(first.Since) {
		t.Error("they do not stand in the order in which they came")
	}
}
