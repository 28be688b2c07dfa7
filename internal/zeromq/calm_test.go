package zeromq

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestCalm holds that of one sentence a few lines pass in a time, and that it is told how many did not.
func TestCalm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &told{}
		l := newCalm(slog.New(slog.NewTextHandler(w, nil))).With("endpoint", "here")
		for range 1000 {
			l.Warn("cut off a subscriber")
		}
		l.Info("turned a peer away")
		time.Sleep(calmEvery)
		l.Warn("cut off a subscriber")
		l.Warn("cut off a subscriber")
		text := w.String()
		if n := strings.Count(text, "cut off a subscriber\" endpoint=here"); n != calmLines+2 {
			t.Errorf("%d lines, want %d", n, calmLines+2)
		}
		if !strings.Contains(text, "turned a peer away") || strings.Count(text, "more_since_last=990") != 1 {
			t.Errorf("it says\n%s", text)
		}
	})
}

// TestStrangersFillNoLog has strangers come again and again, who speak something else, or break the protocol when they are in.
func TestStrangersFillNoLog(t *testing.T) {
	t.Parallel()
	n := startNode(t, 1<<20, func(c *Config, _ *Deps) { c.Publish, c.MaxSubscriptions = []string{"tcp://127.0.0.1:0"}, 1 })
	address := strings.TrimPrefix(n.addr(0), "tcp://")
	const times = 100
	for range times {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		c.Read(make([]byte, 64)) // the greeting
		c.Read(make([]byte, 64)) // until it is turned away
		c.Close()
		dropped(t, n.addr(0), "a", "b") // more subscriptions than it may have
		refused(t, n.addr(0))           // a frame that there is none of
	}
	if lines := strings.Count(n.told.String(), "\n"); lines == 0 || lines > 5*calmLines {
		t.Errorf("%d lines about %d strangers", lines, 3*times)
	}
}

// dropped subscribes to what the peer does not take, and waits until it has ended the connection.
func dropped(t *testing.T, uri string, prefixes ...string) {
	t.Helper()
	c, err := zmtp.Dial(t.Context(), uri, zmtp.SUB, zmtp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range prefixes {
		if c.Subscribe([]byte(p), false) != nil {
			return
		}
	}
	if _, err := c.Receive(nil); err == nil {
		t.Error("something came")
	}
}

// refused sends a frame with flags that mean nothing, and waits until the peer has ended the connection.
func refused(t *testing.T, uri string) {
	t.Helper()
	c, err := zmtp.Dial(t.Context(), uri, zmtp.SUB, zmtp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Write([]byte{0xf0, 0}); err != nil {
		return
	}
	if _, err := c.Receive(nil); err == nil {
		t.Error("something came")
	}
}
