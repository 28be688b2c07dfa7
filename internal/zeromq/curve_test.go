package zeromq

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestCurveScope: a client of an encrypted socket reads what it may, and what the socket gives out, and no more.
func TestCurveScope(t *testing.T) {
	t.Parallel()
	server := zmtp.NewCurvePair()
	wide, narrow, none := zmtp.NewCurvePair(), zmtp.NewCurvePair(), zmtp.NewCurvePair()
	n := startNode(t, 0, func(c *Config, d *Deps) {
		c.Publish = []string{"tcp://127.0.0.1:0?curve=yes", "tcp://localhost:0?curve=yes&topics=org.b.%23"}
		d.Curve = func() (zmtp.CurvePair, error) { return server, nil }
		d.Clients = []Client{
			{Name: "wide", Key: wide.Public.String(), Topics: []fedmsg.Pattern{fedmsg.MatchAll()}},
			{Name: "narrow", Key: narrow.Public.String(), Topics: []fedmsg.Pattern{pattern(t, "org.a.#")}},
			{Name: "none", Key: none.Public.String()},
		}
	})
	dial := func(i int, keys zmtp.CurvePair) *zmtp.Conn {
		return dialSub(t, n.addr(i), zmtp.Options{Security: zmtp.CurveClient{Keys: keys, ServerKey: server.Public}}, "")
	}
	subs := []struct {
		conn *zmtp.Conn
		want string
	}{
		{dial(0, wide), "org.a.x"}, {dial(0, narrow), "org.a.x"}, {dial(1, wide), "org.b.x"},
	}
	dial(0, none)
	dial(1, narrow)
	n.subscriptions(0, 3)
	n.subscriptions(1, 2)
	n.publish(entry("org.a.x", 1), entry("org.b.x", 2), entry("org.a.y", 3))
	for i, s := range subs {
		if got := receive(t, s.conn); string(got[0]) != s.want {
			t.Errorf("subscriber %d got %s, want %s", i, got[0], s.want)
		}
	}
	for _, want := range []string{"org.b.x", "org.a.y"} {
		if got := receive(t, subs[0].conn); string(got[0]) != want {
			t.Errorf("the wide one got %s, want %s", got[0], want)
		}
	}
	if got := receive(t, subs[1].conn); string(got[0]) != "org.a.y" {
		t.Errorf("the narrow one got %s", got[0])
	}
	if c, err := zmtp.Dial(t.Context(), n.addr(0), zmtp.SUB, zmtp.Options{}); err == nil {
		t.Errorf("a subscriber without a key was let in: %v", c.Peer())
	}
	n.stop()
	for i, want := range []float64{5, 1} {
		if got := valueOf(t, n.server.edges[i].(*publisher).counts.sent); got != want {
			t.Errorf("socket %d sent %v messages and should have %v", i, got, want)
		}
	}
}
