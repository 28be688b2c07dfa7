package httpapi

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestReplaying: what is sent with replaying=1 comes in by the way of what waited, on the socket and where the endpoint
// allows it; anywhere else, and without it, by the way of what is live. The answer says which to who asked.
func TestReplaying(t *testing.T) {
	type way struct {
		verify    fedmsg.VerifyMode
		replaying bool
	}
	doors := map[way]*doorFake{}
	through := func(w way) *doorFake {
		if doors[w] == nil {
			doors[w] = &doorFake{}
		}
		return doors[w]
	}
	e := startEdge(t, func(c *Config, d *Deps) {
		withSocket(t, c)
		c.Listen = []string{"http://127.0.0.1:0", "http://127.0.0.2:0?replaying=allow&verify=if-signed"}
		d.Door = func(m fedmsg.VerifyMode, replaying bool) Door { return through(way{m, replaying}) }
	})
	for i, c := range []struct {
		scheme string
		waited way
		told   string
	}{{"unix", way{"", true}, "yes"}, {"http", way{"", false}, "no"}, {"http", way{"if-signed", true}, "yes"}} {
		client := (&edge{Server: &Server{listeners: e.listeners[i:]}, t: t}).client(c.scheme)
		for _, kind := range []string{"json", "x-ndjson"} {
			for query, want := range map[string]way{"": {c.waited.verify, false}, "?replaying=1": c.waited} {
				before := len(through(want).lines)
				_, _, head := ask(t, client, "POST", "http://localhost/v1/messages"+query, "x\n", "Content-Type", "application/"+kind)
				if told := head.Get("Fedmsg-Replaying"); query == "" && told != "" || query != "" && told != c.told {
					t.Errorf("%s with %q at %s was told %q, want %q", kind, query, e.Addrs()[i], told, c.told)
				}
				if after := len(through(want).lines); after != before+1 {
					t.Errorf("%s with %q at %s did not come by the way %+v", kind, query, e.Addrs()[i], want)
				}
			}
		}
	}
}

// TestReplayingPassedSocket: a socket that systemd handed over and no configuration names lets in what waited, too.
func TestReplayingPassedSocket(t *testing.T) {
	if e, err := (&Server{cfg: Config{}}).socketEndpoint(); err != nil || !e.replaying {
		t.Errorf("%+v, %v", e, err)
	}
}
