package zmtp

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// uris gives an endpoint of each transport to bind.
func uris(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"tcp": "tcp://127.0.0.1:0", "ipc": "ipc://" + filepath.Join(t.TempDir(), "s"), "tcp6": "tcp://[::1]:0",
	}
}

// words are the frames as text.
func words(m Message) []string {
	var s []string
	for _, f := range m {
		s = append(s, string(f))
	}
	return s
}

// one receives one thing.
func one(t *testing.T, c *Conn) Incoming {
	t.Helper()
	in, err := c.Receive(nil)
	if err != nil {
		t.Fatal(err)
	}
	return in[0]
}

// TestPubToLibzmq publishes to a subscriber of libzmq, from a listener.
func TestPubToLibzmq(t *testing.T) {
	t.Parallel()
	for name, uri := range uris(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, done := make(chan struct{}), make(chan struct{})
			ln := serve(t, uri, PUB, Options{}, func(c *Conn) {
				defer close(done)
				in, err := c.Receive(nil)
				if err != nil || !in[0].Subscribe || string(in[0].Message[0]) != "org." {
					t.Errorf("received %v, %v; want a subscription to org.", in, err)
				}
				long := strings.Repeat("x", 70000)
				if err := c.Write(AppendMessage(nil, []byte("org.a"), nil, []byte(long))); err != nil {
					t.Error(err)
				}
				in, err = c.Receive(nil)
				if err != nil || !in[0].Cancel || string(in[0].Message[0]) != "org." {
					t.Errorf("received %v, %v; want the end of the subscription to org.", in, err)
				}
				if err := c.Write(AppendMessage(nil, []byte("org.b"))); err != nil {
					t.Error(err)
				}
				close(said)
				if _, err = c.Receive(nil); err == nil {
					t.Error("the peer is not gone")
				}
			})
			sub := startLibzmq(t, SUB, "connect", ln.URI(), "IPV6=1", "SUBSCRIBE=org.")
			if got := sub.receive(); len(got) != 3 || got[0] != "org.a" || got[1] != "" || len(got[2]) != 70000 {
				t.Errorf("libzmq received %.100q", got)
			}
			sub.Do("unsubscribe %x", "org.")
			sub.Expect("done")
			<-said // before libzmq is gone
			sub.Do("quit")
			sub.Expect("over")
			<-done
		})
	}
}

// TestSubOfLibzmq subscribes at a publisher of libzmq.
func TestSubOfLibzmq(t *testing.T) {
	t.Parallel()
	for name, uri := range uris(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pub := startLibzmq(t, XPUB, "bind", uri, "IPV6=1")
			c, err := Dial(t.Context(), pub.uri, SUB, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if p := c.Peer(); p.Type != XPUB || p.Major != 3 {
				t.Errorf("the peer is %+v", p)
			}
			if err := c.Subscribe([]byte("org."), false); err != nil {
				t.Fatal(err)
			}
			if got := pub.receive(); !slices.Equal(got, []string{"\x01org."}) {
				t.Errorf("libzmq's XPUB received %q", got)
			}
			pub.send("com.a", "not wanted")
			pub.send("org.a", "", strings.Repeat("y", 300000))
			if got := words(one(t, c).Message); len(got) != 3 || got[0] != "org.a" || got[1] != "" || len(got[2]) != 300000 {
				t.Errorf("received %.100q", got)
			}
			if err := c.Subscribe([]byte("org."), true); err != nil {
				t.Fatal(err)
			}
			if got := pub.receive(); !slices.Equal(got, []string{"\x00org."}) {
				t.Errorf("libzmq's XPUB received %q", got)
			}
		})
	}
}

// serve runs a listener until the test is over.
func serve(t *testing.T, uri string, kind SocketType, o Options, handle func(*Conn)) *Listener {
	t.Helper()
	ln, err := Listen(uri, kind, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- ln.Serve(handle) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln
}
