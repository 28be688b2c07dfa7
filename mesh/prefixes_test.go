package mesh_test

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/mesh"
)

// TestPrefixes gives only the messages that are wanted, and sees no gaps between them, whether there is
// somebody to ask or not.
func TestPrefixes(t *testing.T) {
	for _, who := range []string{"answers", "is dead", "is not asked"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := publisher(t, dir)
			o := mesh.SubscribeOptions{Services: []mesh.Service{p.Service()}, Prefixes: []string{"a.b", "c"}, Replay: who != "is not asked", Patience: 1}
			if who == "is dead" { // who would have to ask would be told of gaps
				o.Services[0].Replay = "tcp://127.0.0.1:1"
			}
			items, _ := hear(t, o)
			publishUntil(t, p, "c.first", items) // then all prefixes are subscribed to
			topics := []string{"a.a", "a.b", "a.bb", "b.b", "c.d"}
			const rounds = 50
			for n := range rounds * len(topics) {
				if _, err := p.Publish(t.Context(), topics[n%len(topics)], nil); err != nil {
					t.Fatal(err)
				}
			}
			for n := range rounds * len(topics) {
				switch topic := topics[n%len(topics)]; topic {
				case "a.b", "a.bb", "c.d":
					g := next(t, items)
					for g.err == nil && g.Topic == "c.first" {
						g = next(t, items)
					}
					if g.err != nil || g.Topic != topic { // whoever looks for news may find them before they come
						t.Fatalf("want %s, got %s", topic, g)
					}
				}
			}
		})
	}
}

// publishUntil publishes on a topic until that is heard.
func publishUntil(t testing.TB, p *mesh.Publisher, topic string, items <-chan got) {
	t.Helper()
	for end := time.After(patience); ; {
		if _, err := p.Publish(t.Context(), topic, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case g := <-items:
			if g.err != nil || g.Topic != topic {
				t.Fatalf("got %s", g)
			}
			return
		case <-time.After(10 * time.Millisecond):
		case <-end:
			t.Fatal("nothing comes")
		}
	}
}

// TestSubscribeRefusals ends at once where there is nobody to listen to, or where that makes no sense.
func TestSubscribeRefusals(t *testing.T) {
	t.Parallel()
	for _, o := range []mesh.SubscribeOptions{
		{},
		{Services: []mesh.Service{{Name: "a b", Addresses: []string{"tcp://h:1"}}}},
		{Services: []mesh.Service{{Name: "a"}}},
		{Services: []mesh.Service{{Name: "tcp://h:1", Addresses: []string{"tcp://h:2"}}}},
		{Domains: []string{"a b"}},
		{Domains: []string{"."}},
		{File: "x", Resolver: "nowhere"},
	} {
		count := 0
		for _, err := range mesh.Subscribe(t.Context(), o) {
			if code := fedmsg.CodeOf(err); code != fedmsg.CodeUsage && code != fedmsg.CodeConfig {
				t.Errorf("%+v: %v", o, err)
			}
			count++
		}
		if count != 1 {
			t.Errorf("%+v: %d values", o, count)
		}
	}
}

// TestTooManyServices listens to as many as it may, and tells of the others; when one goes, another one is listened to.
func TestTooManyServices(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := publisher(t, dir)
	report, told := events(mesh.SourceFault, mesh.SourceRead)
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Replay: true, Oldest: true, MaxServices: 1, Report: report})
	publish(t, first, 1, 1)
	wantFrom(t, items, first, 1)
	await(told, mesh.SourceRead)
	second := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Name = "second.host" })
	publish(t, second, 1, 1)
	await(told, mesh.SourceFault)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	wantFrom(t, items, second, 1)
}
