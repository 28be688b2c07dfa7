package process

import (
	"bytes"
	"crypto"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// visitor is a user with a spool of their own, who comes to a node by one way.
type visitor struct {
	*fedmsgtest.Node
	uri   string // of the node
	base  string // of its paths
	token string // empty on the socket
	http  *http.Client
	spool string // directory
}

// visit starts a node that trusts the kit's good bare key, and gives a visitor over TCP by an endpoint with the given query,
// or over the socket.
func visit(t *testing.T, k *trustKit, socket bool, query string) visitor {
	t.Helper()
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
		Config: fmt.Sprintf("[[trust]]\nname = \"bts\"\nkeys = [%q]\ntopics = [\"org.example.dev.bts.#\"]\n", k.path("good.pem")),
		Env:    []string{"FEDMSG_HTTP_LISTEN=http://127.0.0.1:0" + query},
	})
	v := visitor{Node: n, spool: filepath.Join(t.TempDir(), "spool")}
	if socket {
		v.uri, v.base, v.http = "unix://"+n.Socket, "http://localhost", n.HTTP
		return v
	}
	v.uri, v.base, v.http = n.URL, n.URL, http.DefaultClient
	v.token = newToken(t, n, "ci", "--publish", "#")
	return v
}

// publish runs `fedmsg publish` with the visitor's spool.
func (v *visitor) publish(t *testing.T, node string, stdin []byte, status int, args ...string) {
	t.Helper()
	c := v.Command(bytes.NewReader(stdin), append([]string{"publish", "--node", node, "--spool", v.spool}, args...)...)
	if v.token != "" {
		c.Env = append(c.Env, "FEDMSG_TOKEN="+v.token)
	}
	if r, err := c.Run(); err != nil || r.Status != status {
		t.Fatalf("publish: %v %s, want status %d", err, r, status)
	}
}

// TestWaitedInUsersSpool has signed messages, two hours old or of a time to come, sent live and then from the user's own spool,
// where a publish without a node has put them. From there the old ones are taken over the unix socket and where the endpoint
// allows it, and stand in their order before what is published now; else they are stale, as they are anywhere when they are
// sent live. What is from the future is refused by every way.
func TestWaitedInUsersSpool(t *testing.T) {
	t.Parallel()
	k := &trustKit{dir: t.TempDir(), keys: map[string]crypto.Signer{}}
	k.makeBare(t)
	for _, c := range []struct {
		name   string
		socket bool
		query  string
		waited string // what becomes of an old one
	}{
		{name: "socket", socket: true, waited: "ok bts"},
		{name: "tcp", waited: "!stale"},
		{name: "tcp that allows it", query: "?replaying=allow", waited: "ok bts"},
	} {
		for _, kinds := range [][]string{{"stale"}, {"future"}, {"stale", "future", "stale"}} { // alone, and as a stream
			t.Run(c.name+", "+strings.Join(kinds, " "), func(t *testing.T) {
				t.Parallel()
				v := visit(t, k, c.socket, c.query)
				lines, envelopes := make([][]byte, len(kinds)), make([][]byte, len(kinds))
				id := func(i int) string { return fmt.Sprintf("waited-%d", i) }
				for i, kind := range kinds {
					lines[i], envelopes[i] = k.message(t, verdictRow{form: "dsse", kind: kind}, id(i))
				}
				hold := func(when string, all []fedmsg.Outcome, stale string) (stored []string) {
					t.Helper()
					for i, kind := range kinds {
						want := map[string]string{"stale": stale, "future": "!from_future"}[kind]
						if got := judged(t, v.Node, all[i].Err, envelopes[i], id(i)); got != want {
							t.Errorf("%s, %s: %s, want %s (%v)", when, kind, got, want, all[i].Err)
						} else if got[0] != '!' {
							stored = append(stored, id(i))
						}
					}
					return stored
				}
				hold("live", postAll(t, v.http, v.base, v.token, lines), "!stale")

				v.publish(t, "unix:///nonexistent", append(bytes.Join(lines, []byte("\n")), '\n'), fedmsg.CodeQueued.ExitStatus())
				v.publish(t, v.uri, nil, 0, "--topic", otherTopic, "--id", "now", "--message", "after them")
				want := append(hold("waited", rejectedOf(t, v.spool, lines), c.waited), "now")
				var got []string
				for _, e := range v.ReadAll(t) {
					got = append(got, e.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("the log has %q, want %q", got, want)
				}
			})
		}
	}
}
