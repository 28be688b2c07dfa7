package client

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestSpooledIsReplayed: what waited in the spool is sent as such, one message or many, and what is published live is not,
// also by a client that has spooled before. Where nothing waits there is one request.
func TestSpooledIsReplayed(t *testing.T) {
	for _, c := range []struct {
		name    string
		waiting int
		want    []string
	}{
		{"nothing", 0, []string{""}},
		{"one", 1, []string{"replaying=1", ""}},
		{"many", 3, []string{"replaying=1", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			earlier := newClient(t, Options{Node: "unix:///nonexistent/sock", Spool: dir})
			for i := range c.waiting {
				_, err := earlier.Publish(t.Context(), "a", body(i))
				wantCode(t, err, fedmsg.CodeQueued)
			}
			n := startNode(t)
			live := newClient(t, Options{Node: n.uri, Spool: dir})
			if err := live.DrainSpool(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				if _, err := live.Publish(t.Context(), "a", body(c.waiting+i)); err != nil {
					t.Fatal(err)
				}
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			if len(n.log) != c.waiting+2 || !slices.Equal(n.posts, c.want) {
				t.Errorf("%d messages came by requests with the queries %q, want %d by %q", len(n.log), n.posts, c.waiting+2, c.want)
			}
		})
	}
}

// TestOwnFallbackIsReplayed has the drain in the background send what a client's own outbox gave to the spool, and the same
// client go on live behind it.
func TestOwnFallbackIsReplayed(t *testing.T) {
	n := startNode(t)
	n.refuse["busy"] = fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping")
	c := newClient(t, Options{Node: n.uri, Spool: t.TempDir()})
	_, err := c.Publish(t.Context(), "busy", body(0))
	wantCode(t, err, fedmsg.CodeQueued)
	n.mu.Lock()
	delete(n.refuse, "busy")
	n.mu.Unlock()
	publishUntilTaken(t, c, body(1))
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := slices.Compact(n.posts); !slices.Equal(got, []string{"", "replaying=1", ""}) {
		t.Errorf("the queries were %q, want replaying=1 between the first and the last", got)
	}
}
