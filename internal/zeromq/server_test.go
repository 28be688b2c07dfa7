package zeromq

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestCannotListen: whoever cannot open a socket is told the key and the cure, and nothing stays open.
func TestCannotListen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := feed.New(feed.Config{Log: testLog})
	defer f.Close()
	first := filepath.Join(t.TempDir(), "first.sock")
	for uri, want := range map[string]string{
		"tcp://" + taken.Addr().String():     "cannot listen on tcp://" + taken.Addr().String() + " (zeromq.publish): address already in use; stop the process that listens there, or set another zeromq.publish",
		"tcp://192.0.2.1:1":                  "cannot listen on tcp://192.0.2.1:1 (zeromq.publish): cannot assign requested address; this machine has no such address, set another zeromq.publish",
		"ipc://" + file:                      "cannot make the socket " + file + " (zeromq.publish): there is a file of that name which is not a socket",
		"ipc:///dev/null/f.sock":             "cannot make the socket /dev/null/f.sock (zeromq.publish): not a directory",
		"ipc:///tmp/x?group=nobody-has-this": `cannot make the socket /tmp/x (zeromq.publish): there is no group "nobody-has-this"; make it with groupadd --system nobody-has-this, or leave group= out`,
	} {
		c := DefaultConfig()
		c.Publish = []string{"ipc://" + first, uri}
		_, err := New(c, Deps{Feed: f})
		if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", uri, err, want)
		}
		if _, err := os.Lstat(first); !os.IsNotExist(err) {
			t.Errorf("%s: the first socket is still there: %v", uri, err)
		}
	}
}

// TestSocketFile: the socket of an endpoint has mode and group, and is removed at the end.
func TestSocketFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "p.sock")
	n := startNode(t, 0, func(c *Config, _ *Deps) { c.Publish = []string{"ipc://" + path + "?mode=0620"} })
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o620 {
		t.Errorf("%v %v", info, err)
	}
	if got := n.server.Addrs(); len(got) != 1 || got[0] != "ipc://"+path {
		t.Errorf("addresses %v", got)
	}
	sub := startSub(t, n.addr(0), "0", "-")
	n.subscriptions(0, 1)
	n.publish(entry("a.b", 1))
	if got := sub.next(); string(got[0]) != "a.b" {
		t.Errorf("got %q", got)
	}
	n.server.edges[0].(*publisher).lastWords = time.Hour // nobody needs it
	n.stop()
	if strings.Contains(n.told.String(), "had not taken") {
		t.Errorf("the operator was told %s", n.told)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestNeverRun: a server that was opened and never run ends, twice if need be, and one that was ended does not run.
func TestNeverRun(t *testing.T) {
	t.Parallel()
	f := feed.New(feed.Config{Log: testLog})
	defer f.Close()
	c := DefaultConfig()
	sockets := []string{filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "s")}
	c.Publish, c.Submit = []string{"ipc://" + sockets[0]}, []string{"ipc://" + sockets[1]}
	s, err := New(c, Deps{Feed: f, Door: func(fedmsg.VerifyMode, bool) Door { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		t.Error(err)
	}
	for _, path := range sockets {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there: %v", err)
		}
	}
}

// TestMetrics: what an endpoint did can be seen by its address as it is configured, also what came of handshakes, and where
// two sockets have one address.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	n := startNode(t, 0, func(c *Config, d *Deps) {
		c.Publish, c.MaxSubscriptions, d.Registerer = []string{"tcp://127.0.0.1:0?format=fedmsg1", "tcp://127.0.0.1:0"}, 2, r
	})
	dialSub(t, n.addr(0), zmtp.Options{}, "a", "a", "b")
	n.subscriptions(0, 2)
	nc, err := net.Dial("tcp", strings.TrimPrefix(n.addr(1), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(nc); err != nil { // it is turned away
		t.Log(err)
	}
	n.publish(entry("a.x", 1), entry("c", 2))
	n.stop()
	want := map[string]float64{
		"fedmsg_zeromq_sent_total": 1, "fedmsg_zeromq_unsigned_total": 2, "fedmsg_zeromq_handshake_failures_total": 1,
		"fedmsg_zeromq_peers": 0, "fedmsg_zeromq_subscriptions": 0, "fedmsg_zeromq_gaps_total": 0,
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		w, looked := want[f.GetName()]
		delete(want, f.GetName())
		if !looked {
			continue
		}
		if len(f.Metric) != 1 || f.Metric[0].GetCounter().GetValue()+f.Metric[0].GetGauge().GetValue() != w {
			t.Errorf("%s has %v, want %v", f.GetName(), f.Metric, w)
		}
		if text := f.Metric[0].String(); !strings.Contains(text, `value:"tcp://127.0.0.1:0"`) || !strings.Contains(text, `value:"publish"`) {
			t.Errorf("%s has the labels %s", f.GetName(), text)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no %v", want)
	}
}

// TestLongSubscription: a subscriber that says that more is to come than any topic is long is cut off before it comes. Thousands
// of them would take the node's memory.
func TestLongSubscription(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, d *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
	c := dialSub(t, n.addr(0), zmtp.Options{}, strings.Repeat("a", 60<<10))
	n.subscriptions(0, 1)
	const long = 2
	if err := c.Write([]byte{long, 0, 0, 0, 0, 0, 1, 0, 1, 1}); err != nil { // the first byte of 65537
		t.Fatal(err)
	}
	if _, err := c.Receive(nil); !errors.Is(err, io.EOF) {
		t.Errorf("it is not cut off: %v", err)
	}
}

// TestTooManySubscriptions: a subscriber that wants more than it may is cut off and named.
func TestTooManySubscriptions(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, d *Deps) { c.Publish, c.MaxSubscriptions = []string{"tcp://127.0.0.1:0"}, 2 })
	c := dialSub(t, n.addr(0), zmtp.Options{}, "a", "b", "c")
	if _, err := c.Receive(nil); err == nil {
		t.Error("it is still connected")
	}
	n.subscriptions(0, 0)
	if text := n.told.String(); !strings.Contains(text, "cut off a subscriber") || !strings.Contains(text, "MaxSubscriptions") {
		t.Errorf("the operator was told %s", text)
	}
}
